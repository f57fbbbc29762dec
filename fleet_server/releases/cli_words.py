"""What `balise release keys` asks and says."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fleet_server.releases.repository import Repository
    from fleet_server.releases.signatures import Tally

Dry = Annotated[bool, typer.Option("--dry-run", help="Montre ce qui changerait, ne change rien")]
PassphraseFile = Annotated[
    Path | None, typer.Option(help="Fichier de la phrase secrète (sinon demandée)", exists=True, dir_okay=False)
]


def ask_passphrase(file: Path | None, twice: bool = False) -> str:
    if file:
        return file.read_text().strip()
    return str(typer.prompt("Phrase secrète", hide_input=True, confirmation_prompt=twice))


@contextmanager
def refusing() -> Iterator[None]:
    """What a person can set right is one sentence, and a status of 1."""
    from fleet_server.releases.ceremony import BadBundle
    from fleet_server.releases.offline_keys import BadKey
    from fleet_server.releases.trust_changes import Impossible

    try:
        yield
    except (BadBundle, BadKey, Impossible) as refused:
        sentence = str(refused)
    except FileExistsError as there:
        sentence = f"{there.filename} est déjà là : une clé n’est jamais écrasée."
    except FileNotFoundError as missing:
        sentence = f"Il manque {missing.filename or missing} : « balise server init » d’abord, ou corrigez --data-dir."
    else:
        return
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


def say_tallies(tallies: "Iterable[Tally]") -> None:
    from fleet_server.releases.roles import name_of

    for one in tallies:
        if one.missing:
            of = ", ".join(name_of(key) for key in one.by)
            typer.echo(f"{one.role} : manque {one.missing} signature(s), parmi {of}")
        else:
            typer.echo(f"{one.role} : signé par {', '.join(name_of(key) for key in one.signed)}, complet")


def say_status(repo: "Repository", now: datetime, data_dir: Path) -> None:
    from fleet_server.releases.expiry import warnings
    from fleet_server.releases.roles import name_of, signers_of, threshold_of
    from fleet_server.releases.signatures import tallies

    current = repo.files.current()
    root, targets = current.root.signed, current.targets.signed
    for role, metadata in current.all().items():
        names = ", ".join(name_of(key) for key in signers_of(root, targets, role))
        signed = metadata.signed
        typer.echo(f"{role:10} version {signed.version:<5} jusqu’au {signed.expires:%d/%m/%Y}   "
                   f"{threshold_of(root, targets, role)} sur : {names}")  # fmt: skip
    say_tallies(tallies(repo.files.read_staged(), current.root, current.targets))
    for line in warnings(repo, now, data_dir):
        typer.echo(f"Attention : {line}")
