"""`balise`: one command, whose parts are imported when they are called and not before.

An agent on a kiosk starts without the server's libraries, and on a kiosk they are not even installed.
"""

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer._click.exceptions import ClickException
from typer.core import TyperGroup
from typer.main import get_command

from balise.french import in_french, speak_french


class Part(NamedTuple):
    """Where a command lives (its module's `app`), and the extra that brings its libraries."""

    module: str
    extra: str
    help: str


PARTS = {
    "demo": Part("balise.demo.cli", "server", "La flotte de démonstration : le serveur, sept bornes, le back-office."),
    "server": Part("fleet_server.cli", "server", "Le serveur de flotte."),
    "agent": Part("agent.cli", "agent", "L’agent d’une borne."),
    "content": Part("fleet_server.contents.cli", "server", "Les contenus des bornes."),
    "software": Part("fleet_server.software.cli", "server", "Les versions du logiciel des bornes."),
    "release": Part("fleet_server.releases.cli", "server", "Les publications et les clés qui les signent."),
    "terminal": Part("fleet_server.terminals.cli", "server", "Les bornes : ajout, recherche, commandes, mise dehors."),
    "inventory": Part("fleet_server.inventory.cli", "server", "De quoi les bornes sont faites."),
    "rollout": Part("fleet_server.rollouts.cli", "server", "Les déploiements : préparer, lancer, suivre, arrêter."),
    "account": Part("fleet_server.access.cli", "server", "Les comptes du back-office."),
    "simulate": Part("balise.simulate.cli", "agent", "Une flotte simulée, avec le vrai cœur de l’agent."),
}


class Balise(TyperGroup):
    """Commands by name; `--help` alone loads them all, and passes over those whose libraries are not installed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(PARTS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        part = PARTS.get(cmd_name)
        if part is None:
            return None
        try:
            module = import_module(part.module)
        except ModuleNotFoundError as missing:
            if missing.name and missing.name.partition(".")[0] in ("balise", "fleet_server", "agent", "wire"):
                raise
            return _not_installed(part, missing.name or "")
        command = get_command(module.app)
        command.name = cmd_name
        command.help = command.help or part.help
        return command


def _not_installed(part: Part, library: str) -> Any:
    """What a kiosk answers to a server's command."""
    absent = typer.Typer()

    @absent.command(help=f"{part.help} (pas installé ici)")
    def refuse() -> None:
        typer.echo(f"Il manque « {library} » : pip install 'balise[{part.extra}]'.", err=True)
        raise typer.Exit(1)

    return get_command(absent)


app = typer.Typer(
    cls=Balise,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Balise : une flotte de bornes d’orientation, et le travail qui commence là.",
)


@app.callback()
def balise() -> None:
    pass


def main() -> None:
    speak_french()
    try:
        code = app(standalone_mode=False)
    except ClickException as error:
        typer.echo(in_french(error), err=True, nl=bool(in_french(error)))
        raise SystemExit(error.exit_code) from None
    except typer.Abort:
        typer.echo("Abandonné.", err=True)
        raise SystemExit(1) from None
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        typer.echo(sentence, err=True)
        raise SystemExit(1) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _sentence(error: Exception) -> str | None:
    """What went wrong and the remedy, for errors that are not ours to debug; None for the others."""
    if isinstance(error, PermissionError):
        return f"Pas le droit d’écrire dans {error.filename} : changez ses droits, ou choisissez un autre dossier."
    # By name: importing their modules here would load a server's libraries on a kiosk.
    match type(error).__name__:
        case "WrongSettings":
            return f"Réglages refusés :\n{error}"
        case "OperationalError":
            cause = str(error).splitlines()[0]
            return f"La base de données ne répond pas ({cause}). Est-elle créée ? « balise server init » la crée."
        case _:
            return None
