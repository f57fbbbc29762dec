"""`balise release keys …`: whom terminals trust. The keys are elsewhere; what they are to sign travels in a file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fleet_server.releases.cli_words import Dry, PassphraseFile, ask_passphrase, refusing, say_status, say_tallies

if TYPE_CHECKING:
    from fleet_server.context import Context
    from fleet_server.releases.repository import Repository
    from fleet_server.releases.trust_changes import Draft

app = typer.Typer(add_completion=False, help="Les publications et les clés qui les signent.", no_args_is_help=True)
keys = typer.Typer(help="Les clés : état, cérémonies, renouvellement, révocation.", no_args_is_help=True)
app.add_typer(keys, name="keys")
DataDir = Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")]
Role = Annotated[str, typer.Argument(help="root, targets ou software")]
Public = Annotated[Path, typer.Argument(help="Partie publique (…pub.json)", exists=True, dir_okay=False)]
KeyId = Annotated[str, typer.Argument(help="Nom de la clé, ou début de son identifiant")]
File = Annotated[Path, typer.Argument(help="Fichier de cérémonie", dir_okay=False)]


@keys.command()
def make(
    folder: Annotated[Path, typer.Argument(help="Dossier des clés, hors du serveur")],
    role: Annotated[str, typer.Option(help="root, targets ou software")],
    name: Annotated[str, typer.Option(help="Nom de la clé : root-3")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """Fait une clé hors ligne, chiffrée par une phrase secrète. Aucun serveur n’est nécessaire."""
    from fleet_server.releases.offline_keys import make_key

    with refusing():
        made = make_key(folder, role, name, ask_passphrase(passphrase_file, twice=True))
    typer.echo(f"Clé {name} ({made.keyid[:8]}) dans {folder}. Sa partie publique, {name}.pub.json, va au serveur.")


@keys.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Dossier des clés hors ligne")],
    passphrase_file: PassphraseFile = None,
    dry_run: Dry = False,
    data_dir: DataDir = None,
) -> None:
    """Fait passer un serveur d’une seule clé en ligne à ces clés hors ligne. (Un serveur neuf : balise server init.)"""
    from fleet_server.releases.offline_keys import open_signers, public_keys
    from fleet_server.releases.takeover import take_over

    with refusing(), _server(data_dir) as (ctx, repo):
        signers = open_signers(folder, ask_passphrase(passphrase_file))
        lines = take_over(repo, public_keys(folder), signers, ctx.now(), dry_run)
        for line in lines:
            typer.echo(line)
        _done(ctx, "trust.init", dry_run, lines)


@keys.command()
def status(data_dir: DataDir = None) -> None:
    """Rôles, clés, seuils, échéances, et ce qui attend des signatures."""
    with refusing(), _server(data_dir) as (ctx, repo):
        say_status(repo, ctx.now(), ctx.settings.data_dir)


@keys.command()
def add(role: Role, public: Public, dry_run: Dry = False, data_dir: DataDir = None) -> None:
    """Ajoute une clé à un rôle."""
    from fleet_server.releases.offline_keys import public_key

    with refusing():
        key = public_key(public)
        _change(data_dir, dry_run, "trust.add", lambda draft: draft.add(role, key))


@keys.command()
def remove(role: Role, key: KeyId, dry_run: Dry = False, data_dir: DataDir = None) -> None:
    """Retire une clé d’un rôle."""
    _change(data_dir, dry_run, "trust.remove", lambda draft: draft.remove(role, draft.found(key).keyid))


@keys.command()
def rotate(role: Role, key: KeyId, public: Public, dry_run: Dry = False, data_dir: DataDir = None) -> None:
    """Échange une clé hors ligne contre une autre."""
    from fleet_server.releases.offline_keys import public_key

    with refusing():
        fresh = public_key(public)
        _change(data_dir, dry_run, "trust.rotate", lambda draft: draft.exchange(role, draft.found(key).keyid, fresh))


@keys.command()
def revoke(key: KeyId, dry_run: Dry = False, data_dir: DataDir = None) -> None:
    """Retire une clé hors ligne de tous ses rôles : elle est perdue, ou quelqu’un d’autre l’a."""

    def everywhere(draft: "Draft") -> None:
        lost = draft.found(key).keyid
        for role in ("root", "targets", "software"):
            if lost in {known.keyid for known in draft.keys(role)}:
                draft.remove(role, lost)

    _change(data_dir, dry_run, "trust.revoke", everywhere)


@keys.command("rotate-online")
def rotate_online(dry_run: Dry = False, data_dir: DataDir = None) -> None:
    """Échange la clé du serveur : à faire quand quelqu’un a pu la lire. Les clés root et targets signent l’échange."""
    from fleet_server.releases.online_keys import new_online_key

    with refusing(), _server(data_dir) as (ctx, repo):
        draft = _draft(repo)  # refuses before a key is made for nothing
        fresh = new_online_key() if dry_run else repo.online.make(f"{ctx.now():%Y%m%dT%H%M%S}")
        draft.exchange_online(fresh)
        _stage(ctx, repo, draft, "trust.rotate_online", dry_run)


@keys.command()
def threshold(
    role: Role,
    count: Annotated[int, typer.Argument(min=1, max=20, help="Nombre de clés")],
    dry_run: Dry = False,
    data_dir: DataDir = None,
) -> None:
    """Dit combien de clés doivent signer un rôle."""
    _change(data_dir, dry_run, "trust.threshold", lambda draft: draft.need(role, count))


@keys.command()
def renew(role: Role, dry_run: Dry = False, data_dir: DataDir = None) -> None:
    """Prépare la prolongation d’un rôle hors ligne, sans rien y changer."""
    _change(data_dir, dry_run, "trust.renew", lambda draft: draft.renew(role))


@keys.command()
def export(file: File, data_dir: DataDir = None) -> None:
    """Écrit ce qui est à signer dans un fichier, pour la machine où sont les clés."""
    from fleet_server.releases.ceremony import exported

    with refusing(), _server(data_dir) as (_, repo):
        bundle = exported(repo)
        file.write_bytes(bundle.to_bytes())
        say_tallies(bundle.tallies())
    typer.echo(f"À signer : {file}. Là où sont les clés : balise release keys sign {file.name} DOSSIER")


@keys.command()
def sign(
    file: File,
    folder: Annotated[Path, typer.Argument(help="Dossier des clés", exists=True, file_okay=False)],
    passphrase_file: PassphraseFile = None,
    dry_run: Dry = False,
) -> None:
    """Montre ce qu’un fichier de cérémonie change, et y ajoute les signatures des clés d’un dossier."""
    from fleet_server.releases.ceremony import MAX_BUNDLE_BYTES, read_bundle, sign_bundle
    from fleet_server.releases.offline_keys import open_signers
    from fleet_server.releases.trust_changes import told, who_will_sign

    with refusing():
        with file.open("rb") as opened:
            bundle = read_bundle(opened.read(MAX_BUNDLE_BYTES))
        for line in told(bundle.current, bundle.staged) + who_will_sign(bundle.current, bundle.staged):
            typer.echo(line)
        if not dry_run:
            wanted = {key.keyid for one in bundle.tallies() for key in one.by}
            count = sign_bundle(bundle, open_signers(folder, ask_passphrase(passphrase_file), wanted))
            file.write_bytes(bundle.to_bytes())
            typer.echo(f"{count} signature(s) ajoutée(s).")
        say_tallies(bundle.tallies())


@keys.command("import")
def import_(file: File, dry_run: Dry = False, data_dir: DataDir = None) -> None:
    """Reprend un fichier signé ; publie dès que les seuils sont atteints."""
    from fleet_server.releases.ceremony import MAX_BUNDLE_BYTES, imported, read_bundle
    from fleet_server.releases.trust_changes import told

    with refusing(), _server(data_dir) as (ctx, repo):
        with file.open("rb") as opened:
            bundle = read_bundle(opened.read(MAX_BUNDLE_BYTES))
        before = repo.files.current()
        lacking = imported(repo, bundle, ctx.now(), dry_run)
        say_tallies(lacking)
        complete = not any(one.missing for one in lacking)
        if complete:
            typer.echo("Serait publié." if dry_run else "Publié : les bornes le suivent à leur prochaine mise à jour.")
        _done(ctx, "trust.publish" if complete else "trust.import", dry_run, told(before, bundle.staged))


@keys.command()
def abandon(dry_run: Dry = False, data_dir: DataDir = None) -> None:
    """Oublie ce qui attend des signatures ; ce qui est publié reste."""
    with refusing(), _server(data_dir) as (ctx, repo):
        waiting = list(repo.files.read_staged())
        typer.echo(f"Oublié : {', '.join(waiting) or 'rien n’attendait'}.")
        if not dry_run:
            with repo.files.alone():
                repo.files.write_staged({})
        _done(ctx, "trust.abandon", dry_run, waiting)


# ---- within ----------------------------------------------------------------------------------------------------------


def _change(data_dir: Path | None, dry_run: bool, act: str, alter: Callable[["Draft"], None]) -> None:
    with refusing(), _server(data_dir) as (ctx, repo):
        draft = _draft(repo)
        alter(draft)
        _stage(ctx, repo, draft, act, dry_run)


def _draft(repo: "Repository") -> "Draft":
    from fleet_server.releases.trust_changes import Draft

    return Draft(repo.files.current(), repo.files.read_staged())


def _stage(ctx: "Context", repo: "Repository", draft: "Draft", act: str, dry_run: bool) -> None:
    from fleet_server.releases.ceremony import stage
    from fleet_server.releases.signatures import tallies
    from fleet_server.releases.trust_changes import told

    current, staged = repo.files.current(), draft.finished(ctx.now())
    lines = told(current, staged)
    for line in lines:
        typer.echo(line)
    say_tallies(tallies(staged, current.root, current.targets))
    if not dry_run:
        stage(repo, draft, ctx.now())
        typer.echo("Préparé. Rien n’est publié avant les signatures : balise release keys export FICHIER")
    _done(ctx, act, dry_run, lines)


def _done(ctx: "Context", act: str, dry_run: bool, changes: list[str]) -> None:
    from fleet_server.access.audit import record_act
    from fleet_server.db import transaction

    if dry_run:
        typer.echo("Essai : rien n’a été changé.")
        return
    with transaction(ctx.engine) as session:
        record_act(session, None, act, "", {"changes": changes}, now=ctx.now())


@contextmanager
def _server(data_dir: Path | None) -> "Iterator[tuple[Context, Repository]]":
    from fleet_server.offline import offline
    from fleet_server.releases.repository import repository
    from fleet_server.settings import read_settings

    with offline(read_settings(**({"data_dir": data_dir} if data_dir else {}))) as ctx:
        yield ctx, repository(ctx.settings, ctx.keys)
