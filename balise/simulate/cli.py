"""`balise simulate`"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def simulate(
    terminals: Annotated[int, typer.Option(min=1, max=5000, help="Combien de bornes")] = 20,
    data_dir: Annotated[Path | None, typer.Option(help="Dossier du serveur qui tourne (sinon BALISE_DATA_DIR)")] = None,
    state_dir: Annotated[Path, typer.Option(help="Où les bornes simulées gardent leur état")] = Path("var/simulate"),
    seed: Annotated[int, typer.Option(help="La même graine donne la même histoire")] = 1,
    spread: Annotated[float, typer.Option(help="Durée de l’arrivée des bornes, en secondes")] = 20,
    pace: Annotated[float, typer.Option(help="Secondes entre deux visites d’une borne, en moyenne")] = 30,
    lasting: Annotated[float, typer.Option(help="Durée en secondes ; 0 : jusqu’à Ctrl-C")] = 0,
    fail: Annotated[
        list[str] | None,
        typer.Option(
            help="Part d’échecs, étape=part, plusieurs possibles : download, install, verify, command (par essai), "
            "silent, crash (par borne et par 5 min), clock (par démarrage). Exemple : download=0.02"
        ),
    ] = None,
    drill: Annotated[
        list[str] | None, typer.Option(help="Exercice : reconnect@60 (toutes coupées à la 60e seconde) ou broker@90")
    ] = None,
    broker_restart: Annotated[str, typer.Option(help="La commande qui redémarre le courtier, pour broker@…")] = "",
) -> None:
    """Une flotte simulée, qui s’enrôle et raconte ses visites au vrai serveur. Chaque visite est marquée « demo »."""
    from balise.simulate.drills import BadDrill, read_drills
    from balise.simulate.fleet import Plan, Refused, run
    from balise.simulate.story import BadOdds, read_odds

    try:
        odds, drills = read_odds(fail or ()), read_drills(drill or (), broker_restart)
        run(Plan(terminals, state_dir.resolve(), seed, spread, pace, lasting, odds, drills), data_dir)
    except (Refused, BadOdds, BadDrill) as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(1) from None
