"""What is made before anything runs: the server's keys and database, accounts, terminals, their tokens, the release.

All of it by the rooms' own functions, as the command line and the pages do it; nothing is written behind their backs.
"""

import shutil
from datetime import UTC, datetime

from sqlmodel import Session

from balise.demo.folder import Account, Folder, Saved
from balise.demo.pack import PACK, pack_digest
from balise.demo.places import TERMINALS
from balise.demo.refusal import Refused
from balise.demo.saying import Saying, Step
from fleet_server.access.accounts import create_account_with_password
from fleet_server.contents.build import build
from fleet_server.contents.check import check
from fleet_server.contents.pack import read_pack
from fleet_server.context import Context
from fleet_server.db import reading, transaction
from fleet_server.durable import write_durably
from fleet_server.initialise import initialise
from fleet_server.keys import load_keys
from fleet_server.migrate import migrate
from fleet_server.offline import offline
from fleet_server.releases.offline_keys import first_keys, new_passphrase, open_signers, public_keys
from fleet_server.releases.publish import free_label, publish, week_label, wish
from fleet_server.releases.repository import repository
from fleet_server.releases.takeover import is_from_before, take_over
from fleet_server.settings import Settings, read_settings
from fleet_server.terminals.enrolment import make_token
from fleet_server.terminals.public import change_settings
from fleet_server.terminals.registry import add_terminal, get_terminal

# Fictional people; their passwords are drawn at the first start and kept in DEMO_DIR.
PEOPLE = (
    ("operator", "yanis", "Yanis Belkacem"),
    ("counsellor", "maelle", "Maëlle Riou"),
    ("admin", "anne", "Anne Delorme"),
)
GROUPS = {
    "mairie": "mairies",
    "centre_commercial": "galeries",
    "campus_connecte": "campus",
    "france_services": "maisons",
}
# Seconds instead of minutes, so that whoever tries it sees the request arrive.
DEMO_SETTINGS = {"request_delay_s": [2, 8]}


def settings_for(folder: Folder, saved: Saved) -> Settings:
    return read_settings(data_dir=folder.server, port=saved.port, mqtt_port=saved.mqtt_port, demo=True)


def prepare_server(settings: Settings, saved: Saved) -> None:
    """Keys, database and accounts, once; later starts only bring the database up to date."""
    now = _now()
    if not settings.keys_dir.exists():
        made = initialise(settings, "balise", "Premier compte", now, settings.data_dir.parent / "keys-offline")
        # A fleet to play with: whoever publishes software in it finds the passphrase beside the keys.
        write_durably(made.offline_keys / "phrase.txt", made.passphrase.encode(), 0o600)
    else:
        migrate(settings.database_url)
        _take_over(settings, now)
    if saved.accounts:
        return
    with offline(settings) as ctx, transaction(ctx.engine) as session:
        for role, login, name in PEOPLE:
            password = create_account_with_password(session, login, name, [role], now)
            saved.accounts.append(Account(role, login, name, password))


def _take_over(settings: Settings, now: datetime) -> None:
    """A demonstration from before the offline keys gets them; its terminals follow."""
    repo = repository(settings, load_keys(settings.keys_dir))
    if is_from_before(repo):
        folder, passphrase = settings.data_dir.parent / "keys-offline", new_passphrase()
        first_keys(folder, passphrase)
        write_durably(folder / "phrase.txt", passphrase.encode(), 0o600)
        take_over(repo, public_keys(folder), open_signers(folder, passphrase), now)


def prepare_terminals(ctx: Context, session: Session, saved: Saved) -> None:
    """The seven demonstration places and their common settings, once."""
    first = not saved.terminals
    for key, name, place in TERMINALS:
        if key not in saved.terminals:
            saved.terminals[key] = add_terminal(session, name, place, [GROUPS[place.kind]], ctx.now()).id
    if first:
        change_settings(session, ctx, "all", "", DEMO_SETTINGS, "Démonstration")


def tokens(ctx: Context, session: Session, folder: Folder, saved: Saved, anew: bool) -> dict[str, str]:
    """A one-time token for each terminal that is not enrolled; for all of them when the server has moved (`anew`)."""
    made = {}
    for key, terminal_id in saved.terminals.items():
        state = folder.terminal(key)
        terminal = get_terminal(session, terminal_id)
        if anew or not terminal.generation or not state.exists():
            shutil.rmtree(state, ignore_errors=True)
            made[key] = make_token(session, ctx, terminal, None)
    return made


def publish_content(ctx: Context, saved: Saved, step: Step) -> str:
    """Check, build, sign and publish the pack, and want it everywhere; nothing when it has not changed. Its label."""
    digest = pack_digest(PACK)
    kept, _, label = saved.content.partition(" ")
    if kept == digest:
        return label
    step.now("vérification")
    pack = read_pack(PACK)
    check(pack, ctx.now().date())
    if grave := [problem for problem in pack.problems if problem.grave]:
        raise Refused(f"Le contenu ne peut pas être publié : {grave[0]} Tout voir : balise content check.")
    step.now("construction et signature")
    with reading(ctx.engine) as session:
        label = free_label(session, week_label(ctx.now().date()))
    row = publish(ctx, build(pack, label, ctx.now()), None)
    with transaction(ctx.engine) as session:
        wish(session, ctx, row, None, None)
    saved.content = f"{digest} {row.label}"
    return row.label


def prepare(folder: Folder, saved: Saved, anew: bool, say: Saying) -> dict[str, str]:
    """Everything, in order. Returns the tokens to start terminals with, by demonstration key."""
    settings = settings_for(folder, saved)
    with say.step("Serveur : clés, base de données, comptes"):
        prepare_server(settings, saved)
    with offline(settings) as ctx:
        with transaction(ctx.engine) as session:
            prepare_terminals(ctx, session, saved)
            made = tokens(ctx, session, folder, saved, anew)
        with say.step("Contenus") as step:
            step.now(f"édition {publish_content(ctx, saved, step)}")
    folder.save(saved)
    return made


def _now() -> datetime:
    return datetime.now(UTC)
