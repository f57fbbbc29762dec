"""`balise server init|run|broker|audit`."""

import errno
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from fleet_server.access.audit_cli import app as audit
from fleet_server.certificates.cli import ca, signing

if TYPE_CHECKING:
    from fleet_server.settings import Settings

app = typer.Typer(add_completion=False, help="Le serveur de flotte.", no_args_is_help=True)
app.add_typer(audit, name="audit")
app.add_typer(ca, name="ca")
app.add_typer(signing, name="signing")
DataDir = Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")]


@app.command()
def init(
    data_dir: DataDir = None,
    login: Annotated[str, typer.Option(help="Identifiant du premier compte d’administration")] = "admin",
    name: Annotated[str, typer.Option(help="Son nom, tel que les collègues le liront")] = "Administration",
    offline_keys: Annotated[
        Path | None, typer.Option(help="Où mettre les clés hors ligne (sinon keys-offline)")
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Fichier de leur phrase secrète (sinon tirée au sort)", dir_okay=False)
    ] = None,
) -> None:
    """Crée les clés, la base de données et le premier compte d’administration. Une seule fois."""
    from datetime import UTC, datetime

    from fleet_server.access.accounts import AccountRefused
    from fleet_server.initialise import AlreadyInitialised, initialise
    from fleet_server.releases.offline_keys import BadKey

    settings = _settings(data_dir, **_NO_BROKER_YET)
    try:
        given = passphrase_file.read_text().strip() if passphrase_file else ""
        made = initialise(settings, login, name, datetime.now(UTC), offline_keys, given)
    except BadKey as bad:
        _refuse(f"{bad} Rien n’a été créé.")
    except AlreadyInitialised as already:
        _refuse(f"Ce serveur existe déjà ({already} est là) : rien n’a été changé. Pour le lancer : balise server run.")
    except AccountRefused as refused:
        _refuse(f"Compte refusé. {refused}")
    except OSError as error:
        _refuse(_why_not_writable(error, settings))
    typer.echo(f"Serveur créé dans {settings.data_dir}.")
    typer.echo(f"Premier compte : {login}. Son lien d’invitation, montré une seule fois et valable 7 jours :")
    typer.echo(f"  {settings.url}/invitation/{made.invitation}")
    typer.echo("Il s’ouvrira quand le serveur tournera : balise server run.")
    typer.echo(f"Clés hors ligne : {made.offline_keys}. Le serveur n’en a pas besoin et ne doit pas les garder :")
    typer.echo("  déplacez ce dossier sur un support débranché, puis une copie ailleurs (une clé « root » suffit).")
    if not given:
        typer.echo(f"Leur phrase secrète, montrée une seule fois : {made.passphrase}")


@app.command()
def run(data_dir: DataDir = None) -> None:
    """Fait tourner le serveur, jusqu’à Ctrl-C."""
    settings = _settings(data_dir)
    if not (settings.keys_dir / "session.key").exists():
        _refuse(f"Pas encore de serveur dans {settings.data_dir} : créez-le par « balise server init ».")
    for name in ("mqtt_tls_ca", "mqtt_tls_certificate", "mqtt_tls_key"):
        if (path := getattr(settings, name)) and not os.access(path, os.R_OK):
            made_by = "« balise server broker » fait ce fichier"
            _refuse(f"BALISE_{name.upper()} = {path} ne peut pas être lu : corrigez ce réglage ; {made_by}.")
    try:
        listener = _listen(settings.host, settings.port)
        if settings.broker == "embedded":
            _listen("127.0.0.1", settings.mqtt_port, "BALISE_MQTT_PORT", patience_s=3).close()
        _serve(settings, listener)
    except OSError as error:
        _refuse(_why_not_writable(error, settings))


@app.command()
def broker(
    host: Annotated[list[str], typer.Option(help="Nom ou adresse du courtier, vu des bornes ; répétable")],
    out: Annotated[Path | None, typer.Option(help="Où écrire (sinon « mosquitto » dans le dossier du serveur)")] = None,
    port: Annotated[int, typer.Option(help="Port du courtier", min=1, max=65535)] = 8883,
    listen: Annotated[str, typer.Option(help="Adresse où il écoute (sinon toutes)")] = "",
    renew: Annotated[bool, typer.Option("--renew", help="Refaire tout, certificats compris")] = False,
    data_dir: DataDir = None,
) -> None:
    """Prépare mosquitto, pour des bornes sur un réseau : certificats, configuration, droits."""
    from datetime import UTC, datetime

    from fleet_server.broker_files import AlreadyThere, make_broker_files
    from fleet_server.certificates.ca import BadRequest
    from fleet_server.db import connect
    from fleet_server.keys import load_keys
    from fleet_server.migrate import migrate

    settings = _settings(data_dir, **_NO_BROKER_YET)
    where = (out or settings.data_dir / "mosquitto").expanduser().absolute()
    try:
        keys = load_keys(settings.keys_dir)
        migrate(settings.database_url)
        made = make_broker_files(keys, settings.keys_dir, where, host, datetime.now(UTC), port, listen, renew,
                                 settings.url, connect(settings.database_url))  # fmt: skip
    except FileNotFoundError:
        _refuse(f"Pas encore de serveur dans {settings.data_dir} : créez-le par « balise server init ».")
    except AlreadyThere as already:
        _refuse(f"Le courtier est déjà préparé ({already} est là) : rien n’a été changé. Pour tout refaire : --renew.")
    except BadRequest as bad:
        _refuse(f"Adresse du courtier refusée : {bad}.")
    except OSError as error:
        _refuse(_why_not_writable(error, settings))
    typer.echo(made.what_next(host[0], port))


@app.command()
def certificates(data_dir: DataDir = None) -> None:
    """Montre ce qui prend fin et quand : autorité, courtier, serveur, liste des révoqués, bornes."""
    from datetime import UTC, datetime

    from fleet_server.certificates.expiry import WORDS, endings
    from fleet_server.db import connect, reading
    from fleet_server.keys import load_keys

    settings = _settings(data_dir)
    try:
        keys = load_keys(settings.keys_dir)
    except FileNotFoundError:
        _refuse(f"Pas encore de serveur dans {settings.data_dir} : créez-le par « balise server init ».")
    now = datetime.now(UTC)
    with reading(connect(settings.database_url)) as session:
        for one in endings(session, settings, keys):
            left = f"dans {(one.at - now).days} jours" if one.at > now else "a pris fin"
            typer.echo(f"{one.at:%d/%m/%Y}  {left:16}  {WORDS[one.kind][0]} {one.terminal}".rstrip())


@app.command()
def forget(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Dire seulement ce qui serait effacé")] = False,
    data_dir: DataDir = None,
) -> None:
    """Efface ce qui a fait son temps, comme le serveur le fait de lui-même chaque heure ; --dry-run le dit d’abord."""
    from fleet_server.offline import offline
    from fleet_server.retention import forget_past, past_its_time

    settings = _settings(data_dir)
    try:
        with offline(settings) as ctx:
            rows = past_its_time(ctx) if dry_run else forget_past(ctx, turn_s=600)
    except FileNotFoundError:
        _refuse(f"Pas encore de serveur dans {settings.data_dir} : créez-le par « balise server init ».")
    for table, count in sorted(rows.items()):
        typer.echo(f"{count:8}  {table}")
    typer.echo(f"{rows.total()} lignes {'seraient effacées' if dry_run else 'effacées'}.", err=True)


def _serve(settings: "Settings", listener: socket.socket) -> None:
    import uvicorn
    from alembic.util import CommandError

    from fleet_server.app import create_app
    from fleet_server.ingest.quarantine import replay
    from fleet_server.logs import configure_logs
    from fleet_server.memory import settle
    from fleet_server.migrate import migrate
    from fleet_server.rooms import recorders
    from fleet_server.zero_copy import ZeroCopyProtocol

    configure_logs(settings.log_form, settings.log_level)
    try:
        migrate(settings.database_url)
    except CommandError:
        _refuse("La base de données est plus récente que ce serveur : installez la version qui l’a écrite.")
    app = create_app(settings)
    replay(app.state.context.engine, recorders())
    settle()
    config = uvicorn.Config(
        app, http=ZeroCopyProtocol, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listener])


_NO_BROKER_YET: dict[str, object] = {
    "broker": "embedded", "mqtt_host": "127.0.0.1", "mqtt_public_host": "",
    "mqtt_tls_ca": None, "mqtt_tls_certificate": None, "mqtt_tls_key": None,
}  # fmt: skip
"""What prepares a broker, or comes before it, is not refused for what it is about to make."""


def _settings(data_dir: Path | None, **given: object) -> "Settings":
    from fleet_server.settings import WrongSettings, read_settings

    try:
        return read_settings(**given | ({"data_dir": data_dir} if data_dir else {}))
    except WrongSettings as wrong:
        _refuse(f"Réglages refusés :\n{wrong}")


def _listen(host: str, port: int, setting: str = "BALISE_PORT", patience_s: float = 0) -> socket.socket:
    """`patience_s`: the embedded broker of a server that was killed a moment ago is still leaving."""
    deadline = time.monotonic() + patience_s
    while True:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # asyncio does this only for sockets it made itself. Without, each answer waits 40 ms for an acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            listener.bind((host, port))
            listener.listen(2048)
            return listener
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                _refuse(_why_not_listening(error, host, port, setting))
        time.sleep(0.1)


def _why_not_listening(error: OSError, host: str, port: int, setting: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Le port {port} est déjà pris : arrêtez ce qui l’occupe, ou choisissez-en un autre ({setting}=…)."
    if error.errno == errno.EACCES:
        return f"Pas le droit d’écouter sur le port {port} : choisissez-en un au-dessus de 1023 ({setting}=…)."
    return f"Impossible d’écouter sur {host}:{port} ({error.strerror or error}) : vérifiez BALISE_HOST."


def _why_not_writable(error: OSError, settings: "Settings") -> str:
    where = error.filename or settings.data_dir
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"Pas le droit d’écrire dans {where} : changez ses droits, ou choisissez un autre dossier (--data-dir)."
    if error.errno == errno.ENOSPC:
        return f"Le disque de {where} est plein : faites de la place, puis recommencez."
    return f"{where} : {os.strerror(error.errno) if error.errno else error}."


def _refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
