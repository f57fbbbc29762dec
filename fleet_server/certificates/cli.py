"""`balise server ca …` and `balise server signing …`: a key of the server followed by another, step by step."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fleet_server.certificates.rotation import Step, Subject
    from fleet_server.context import Context
    from fleet_server.settings import Settings

Dry = Annotated[bool, typer.Option("--dry-run", help="Dit ce qui se passerait et qui n’est pas prêt ; ne change rien")]
Force = Annotated[bool, typer.Option("--force", help="Passe outre ceux qui ne sont pas prêts ; demande --reason")]
Reason = Annotated[str, typer.Option(help="Pourquoi passer outre : le journal d’audit le garde")]
DataDir = Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")]
_NEXT: "dict[str, Step]" = {"alone": "begin", "announced": "switch", "switched": "finish"}
_WHERE = {
    "alone": "Une seule est en usage ; aucune relève n’est en cours.",
    "announced": "La suivante est annoncée ; celle d’aujourd’hui sert encore.",
    "switched": "La nouvelle sert ; l’ancienne est encore reconnue.",
}


def _authority(ctx: "Context") -> "Subject":
    from fleet_server.certificates.rotation_ca import FleetAuthority
    from fleet_server.terminals.enrolment import void_invitations

    return FleetAuthority(ctx, void_invitations)


def _signing(ctx: "Context") -> "Subject":
    from fleet_server.certificates.rotation_signing import MessageKey

    return MessageKey(ctx)


def _commands(help: str, of: "Callable[[Context], Subject]") -> typer.Typer:
    app = typer.Typer(add_completion=False, help=help, no_args_is_help=True)

    @app.command()
    def status(data_dir: DataDir = None) -> None:
        """Où en est la relève, et qui n’est pas prêt pour l’étape suivante."""
        from fleet_server.certificates.rotation import plan
        from fleet_server.terminals.heard import trust_heard

        with _refusing(), _server(data_dir) as ctx:
            subject = of(ctx)
            typer.echo(_WHERE[subject.stage])
            following = _NEXT[subject.stage]
            _say_lacking(plan(ctx, subject, following, trust_heard).lacking)
            typer.echo(f"Étape suivante : {following} (--dry-run dit d’abord ce qu’elle fait).")

    @app.command()
    def begin(dry_run: Dry = False, data_dir: DataDir = None) -> None:
        """Fait la suivante et l’annonce. Rien ne change encore de main."""
        _step(of, "begin", dry_run, False, "", data_dir)

    @app.command()
    def switch(dry_run: Dry = False, force: Force = False, reason: Reason = "", data_dir: DataDir = None) -> None:
        """La nouvelle prend la relève. Refusé tant que quelqu’un ne la connaît pas."""
        _step(of, "switch", dry_run, force, reason, data_dir)

    @app.command()
    def finish(dry_run: Dry = False, force: Force = False, reason: Reason = "", data_dir: DataDir = None) -> None:
        """Efface l’ancienne. Refusé tant que quelqu’un en a besoin."""
        _step(of, "finish", dry_run, force, reason, data_dir)

    return app


def _step(
    of: "Callable[[Context], Subject]", step: "Step", dry_run: bool, force: bool, reason: str, data_dir: Path | None
) -> None:
    from fleet_server.certificates.rotation import Refused, plan, take
    from fleet_server.terminals.heard import trust_heard

    with _refusing(), _alone(data_dir), _server(data_dir) as ctx:
        if force and not reason.strip():
            raise Refused("Dites pourquoi passer outre : --reason « … ».")
        planned = plan(ctx, of(ctx), step, trust_heard)
        for line in planned.says:
            typer.echo(line)
        _say_lacking(planned.lacking)
        if dry_run:
            typer.echo("Essai : rien n’a été changé.")
        else:
            take(ctx, of(ctx), planned, reason.strip() if force else "")
            typer.echo("Fait.")


def _say_lacking(lacking: list[str]) -> None:
    if lacking:
        typer.echo(f"Pas encore prêts ({len(lacking)}) :")
    for line in lacking:
        typer.echo(f"  {line}")


@contextmanager
def _alone(data_dir: Path | None) -> "Iterator[None]":
    from fleet_server.certificates.rotation import one_at_a_time

    with one_at_a_time(_settings(data_dir).keys_dir, os.geteuid()):
        yield


def _settings(data_dir: Path | None) -> "Settings":
    from fleet_server.settings import read_settings

    return read_settings(**({"data_dir": data_dir} if data_dir else {}))


@contextmanager
def _server(data_dir: Path | None) -> "Iterator[Context]":
    from fleet_server.migrate import migrate
    from fleet_server.offline import offline

    settings = _settings(data_dir)
    if settings.keys_dir.exists():
        migrate(settings.database_url)
    with offline(settings) as ctx:
        yield ctx


@contextmanager
def _refusing() -> Iterator[None]:
    from fleet_server.certificates.rotation import Refused
    from fleet_server.settings import WrongSettings

    try:
        yield
    except (Refused, WrongSettings) as refused:
        sentence = str(refused)
    except FileNotFoundError as missing:
        sentence = f"Il manque {missing.filename or missing} : « balise server init » d’abord, ou corrigez --data-dir."
    else:
        return
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


ca = _commands("L’autorité de la flotte, qui délivre les certificats : sa relève.", _authority)
signing = _commands("La clé qui signe souhaits et commandes : sa relève.", _signing)
