"""`balise agent`: what runs on each terminal."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def agent(
    context: typer.Context,
    state_dir: Annotated[Path | None, typer.Option(help="Où la borne garde tout ce qui est à elle")] = None,
    port: Annotated[int | None, typer.Option(help="Port de la page, sur 127.0.0.1 ; 0 : un port libre")] = None,
    enrol: Annotated[str | None, typer.Option(help="Jeton d’enrôlement, à usage unique")] = None,
    pair: Annotated[str | None, typer.Option(help="Adresse du serveur : un code s’affiche à l’écran")] = None,
    window: Annotated[bool | None, typer.Option("--window/--no-window", help="Ouvrir la fenêtre de la borne")] = None,
) -> None:
    """L’agent d’une borne, jusqu’à Ctrl-C. Sans option, les réglages viennent de BALISE_AGENT_…"""
    if context.invoked_subcommand:
        return
    given = {"STATE_DIR": state_dir, "PORT": port, "ENROL": enrol, "PAIR": pair, "WINDOW": window}
    named = {f"BALISE_AGENT_{name}": str(value) for name, value in given.items() if value is not None}
    # The agent runs for months: what read this command line leaves its memory, and its few threads share one heap.
    os.execve(sys.executable, [sys.executable, "-m", "agent"], {"MALLOC_ARENA_MAX": "1"} | os.environ | named)  # noqa: S606


@app.command()
def status(state_dir: Annotated[Path, typer.Option(help="Le dossier de la borne")] = Path("var/agent")) -> None:
    """Qui est cette borne, et jusqu’à quand vaut son certificat."""
    from agent.identity import DamagedIdentity, load_identity

    try:
        identity = load_identity(state_dir / "identity")
    except DamagedIdentity as error:
        typer.echo(f"Identité illisible : {error}", err=True)
        raise typer.Exit(1) from error
    if identity is None:
        typer.echo(f"Aucune borne enrôlée dans {state_dir}.", err=True)
        raise typer.Exit(1)
    typer.echo(f"borne       {identity.terminal} (enrôlement {identity.generation})")
    typer.echo(f"serveur     {identity.enrolment.server}")
    typer.echo(f"certificat  jusqu’au {identity.certificate_until:%d/%m/%Y}")
