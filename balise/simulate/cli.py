"""`balise simulate`"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def simulate(
    terminals: Annotated[int, typer.Option(min=1, max=2000, help="Combien de bornes.")] = 20,
    data_dir: Annotated[
        Path | None, typer.Option(help="Dossier du serveur qui tourne (sinon BALISE_DATA_DIR).")
    ] = None,
    state_dir: Annotated[Path, typer.Option(help="Où les bornes simulées gardent leur état.")] = Path("var/simulate"),
    seed: Annotated[int, typer.Option(help="La même graine donne les mêmes visites.")] = 1,
    spread: Annotated[float, typer.Option(help="Durée de l’arrivée des bornes, en secondes.")] = 20,
    pace: Annotated[float, typer.Option(help="Secondes entre deux visites d’une borne, en moyenne.")] = 30,
    lasting: Annotated[float, typer.Option(help="Durée en secondes ; 0 : jusqu’à Ctrl-C.")] = 0,
) -> None:
    """Une flotte simulée, qui s’enrôle et raconte ses visites au vrai serveur. Chaque visite est marquée « demo »."""
    from balise.simulate.fleet import Plan, Refused, run

    try:
        run(Plan(terminals, state_dir.resolve(), seed, spread, pace, lasting), data_dir)
    except Refused as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(1) from None
