"""`balise software build|publish|list`: made where the sources are, published where the server is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleet_server.releases.cli_words import Dry, PassphraseFile, ask_passphrase, refusing

if TYPE_CHECKING:
    from fleet_server.context import Context
    from fleet_server.software.folder import Made

app = typer.Typer(add_completion=False, help="Les versions du logiciel des bornes.", no_args_is_help=True)
DataDir = Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")]


@app.command()
def build(
    folder: Annotated[Path, typer.Argument(help="Dossier à faire")],
    sources: Annotated[Path, typer.Option(help="Dossier des sources de Balise", file_okay=False)] = Path(),
    version: Annotated[str, typer.Option(help="Nom de la version (sinon celui des sources)")] = "",
    python: Annotated[list[str] | None, typer.Option(help="Python des bornes : 3.11 ; répétable")] = None,
    machine: Annotated[list[str] | None, typer.Option(help="x86_64 ou aarch64 ; répétable")] = None,
    lock: Annotated[
        Path | None, typer.Option(help="Bibliothèques (sinon locks/agent.txt)", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Fait le dossier d’une version : la roue de Balise, celles dont elle a besoin, et le manifeste."""
    from fleet_server.software.build import build as make_release
    from fleet_server.software.build import version_of

    with _refusing():
        name = version or version_of(sources)
        made = make_release(sources, folder, name, python or ["3.11"], machine or ["x86_64"], lock)
    _say(made, folder)
    typer.echo(f"Là où est le serveur : balise software publish {folder} --keys DOSSIER-DES-CLÉS")


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="Dossier de la version", exists=True, file_okay=False)],
    keys: Annotated[
        Path | None, typer.Option(help="Dossier des clés « software » (sinon, à signer ailleurs)", file_okay=False)
    ] = None,
    notes: Annotated[str, typer.Option(help="Ce qu’elle change, en une phrase")] = "",
    passphrase_file: PassphraseFile = None,
    dry_run: Dry = False,
    data_dir: DataDir = None,
) -> None:
    """Vérifie une version, la garde sur le serveur et la fait signer ; aucune borne n’est encore concernée."""
    from fleet_server.releases.offline_keys import BadKey, open_signers
    from fleet_server.releases.software import MAX_NOTES, check_free, publish_software
    from fleet_server.software.folder import BadFolder, read

    with _refusing(), _server(data_dir) as ctx:
        if len(notes) > MAX_NOTES:
            raise BadFolder(f"Ces notes ont {len(notes)} caractères : {MAX_NOTES} au plus.")
        made = read(folder)
        check_free(ctx.settings, made.release)
        _say(made, folder)
        signers = open_signers(keys, ask_passphrase(passphrase_file)) if keys else []
        if keys and not signers:
            raise BadKey(f"Il n’y a aucune clé dans {keys}.")
        if dry_run:
            typer.echo("Essai : rien n’a été changé.")
            return
        done = publish_software(ctx, made, signers, notes, None)
    if done:
        typer.echo(f"Version {made.release.version} publiée. Un déploiement la portera : balise rollout --help")
    else:
        typer.echo("Préparée. Rien n’est publié avant les signatures : balise release keys export FICHIER")


@app.command("list")
def list_(data_dir: DataDir = None) -> None:
    """Montre les versions publiées, la plus récente d’abord."""
    from fleet_server.releases.software import software_releases

    with _refusing(), _server(data_dir) as ctx:
        for one in software_releases(ctx.settings):
            at = f"{one.at:%d/%m/%Y}" if one.at else "—"
            typer.echo(
                f"{one.release.version:20} {one.release.id[:16]}…  {at}  {_size(one.size):>10}  {one.notes}".rstrip()
            )


@app.command()
def ask(
    version: Annotated[str, typer.Argument(help="La version : balise software list")],
    terminal: Annotated[list[str], typer.Option(help="Identifiant d’une borne ; répétable")],
    force: Annotated[
        bool, typer.Option("--force", help="Sans attendre la fin d’une visite ; gardé au journal")
    ] = False,
    reason: Annotated[str, typer.Option(help="La raison, gardée au journal ; exigée pour forcer")] = "",
    data_dir: DataDir = None,
) -> None:
    """Demande une version à quelques bornes ; pour beaucoup, un déploiement s’arrête de lui-même."""
    from fleet_server.db import transaction
    from fleet_server.releases.software import find_software, wish_software_of
    from fleet_server.software.folder import BadFolder
    from fleet_server.terminals.public import accepted
    from wire.state import Activation

    with _refusing(), _server(data_dir) as ctx:
        found = find_software(ctx.settings, version)
        if found is None:
            raise BadFolder(f"Aucune version publiée ne s’appelle « {version} » : balise software list.")
        if force and not reason.strip():
            raise BadFolder("Dites pourquoi (--reason) : passer outre les horaires reste au journal.")
        with transaction(ctx.engine) as session:
            if unknown := sorted(set(terminal) - {one.id for one in accepted(session)}):
                raise BadFolder(f"Aucune borne en service n’a l’identifiant {unknown[0]} : balise terminal list.")
            count = wish_software_of(session, ctx, found.release, terminal, None, Activation(force=force), reason[:200])
    typer.echo(f"Version {version} demandée à {count} borne{'s' if count > 1 else ''}.")


# ---- within ----------------------------------------------------------------------------------------------------------


def _say(made: "Made", folder: Path) -> None:
    typer.echo(f"Version {made.release.version} dans {folder} : {len(made.wheels)} roues, {_size(made.size)}, "
               f"Python {made.manifest.python}.")  # fmt: skip
    typer.echo(f"Empreinte, à comparer avant de signer : {made.release.id}")


def _size(size: int) -> str:
    return f"{size / 2**20:.1f} Mio".replace(".", ",")


@contextmanager
def _refusing() -> Iterator[None]:
    """As `releases.cli_words.refusing`, of what can be wrong with a version."""
    from fleet_server.releases.blobs import NotThatFile
    from fleet_server.releases.repository import NotDelegated, Taken
    from fleet_server.software.build import NotMade
    from fleet_server.software.folder import BadFolder

    try:
        with refusing():
            yield
    except (BadFolder, NotMade) as refused:
        sentence = str(refused)
    except Taken as taken:
        sentence = f"La version {taken} est publiée avec un autre contenu : donnez-en une nouvelle (--version)."
    except NotDelegated:
        sentence = "Ce serveur signe encore tout lui-même : « balise release keys init » d’abord."
    except NotThatFile as changed:
        sentence = f"{changed} a changé pendant la publication : recommencez."
    else:
        return
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


@contextmanager
def _server(data_dir: Path | None) -> "Iterator[Context]":
    from fleet_server.offline import offline
    from fleet_server.settings import read_settings

    with offline(read_settings(**({"data_dir": data_dir} if data_dir else {}))) as ctx:
        yield ctx
