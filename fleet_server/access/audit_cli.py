"""`balise server audit verify|head|erase`: the audit log, proved from the server's own command line."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from fleet_server.access.chain import Head
    from fleet_server.settings import Settings

app = typer.Typer(help="Le journal d’audit : le vérifier, en noter la fin, y effacer une personne.",
                  no_args_is_help=True)  # fmt: skip
DataDir = Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")]


@app.command()
def verify(
    noted: Annotated[str, typer.Option(help="Une fin notée plus tôt ailleurs, par « audit head » : 57:9c1f…")] = "",
    data_dir: DataDir = None,
) -> None:
    """Relit toute la chaîne et nomme la première ligne qui ne tient pas (code 1), ou dit qu’elle est entière."""
    from datetime import UTC, datetime, timedelta

    from fleet_server.access.audit import verified
    from fleet_server.access.chain import Broken
    from fleet_server.db import connect

    settings = _settings(data_dir)
    kept = timedelta(days=settings.kept_audit_days)
    try:
        whole = verified(connect(settings.database_url), datetime.now(UTC), kept, _read(noted))
    except Broken as broken:
        _refuse(f"Le journal a été changé, {broken}.")
    typer.echo(f"Le journal est entier, jusqu’à la ligne n° {whole.head.number}.")
    if whole.erased or whole.forgotten:
        typer.echo(f"Lignes où des valeurs ont été effacées : {whole.erased} ; oubliées par leur âge : "
                   f"{whole.forgotten}.")  # fmt: skip
    typer.echo(f"Sa fin, à noter ailleurs : {whole.head.number}:{whole.head.seal}")


@app.command("head")
def show_head(data_dir: DataDir = None) -> None:
    """Montre la fin de la chaîne. Notée hors de ce serveur, elle prouve plus tard que rien d’avant n’a été changé."""
    from fleet_server.access.audit import head
    from fleet_server.db import connect, reading

    with reading(connect(_settings(data_dir).database_url)) as session:
        end = head(session)
    typer.echo(f"{end.number}:{end.seal}")


@app.command()
def erase(
    name: Annotated[list[str], typer.Argument(help="Le nom et l’identifiant de la personne, tels qu’ils y sont")],
    reason: Annotated[str, typer.Option(help="Pourquoi : « demande d’effacement du 24 novembre »")],
    data_dir: DataDir = None,
) -> None:
    """Efface une personne du journal, partout. La chaîne reste entière, et le geste y laisse une ligne."""
    from datetime import UTC, datetime

    from fleet_server.access.erasure import erase_person
    from fleet_server.db import connect, transaction

    if any(one.casefold() in reason.casefold() for one in name):
        _refuse("La raison reste dans le journal : n’y mettez pas le nom qui doit en partir.")
    with transaction(connect(_settings(data_dir).database_url)) as session:
        count = erase_person(session, set(name), reason, None, datetime.now(UTC))
    if not count:
        _refuse("Aucune ligne ne porte ce nom : rien n’a été effacé.")
    lines = "1 ligne" if count == 1 else f"{count} lignes"
    typer.echo(f"Effacé de {lines}. La chaîne reste entière : balise server audit verify.")


def _read(noted: str) -> "Head | None":
    from fleet_server.access.chain import Head

    number, _, seal = noted.partition(":")
    if noted and not (number.isdecimal() and len(seal) == 64):
        _refuse(f"« {noted} » n’est pas une fin de journal : « balise server audit head » en montre une.")
    return Head(int(number), seal) if noted else None


def _settings(data_dir: Path | None) -> "Settings":
    from fleet_server.settings import read_settings

    return read_settings(**({"data_dir": data_dir} if data_dir else {}))


def _refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
