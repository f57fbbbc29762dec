"""Every way to change something, tried: it leaves a line in the audit log, or is named here with the reason why not."""

import dataclasses
import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import CertificateSigningRequestBuilder, Name
from sqlmodel import Session, select, update

from fleet_server.access.accounts import create_account
from fleet_server.access.acts import ACTS, FAMILIES, WORDS
from fleet_server.access.models import Account, AuditEntry
from fleet_server.access.tokens import make_token
from fleet_server.contents.build import build as build_release
from fleet_server.contents.check import checked
from fleet_server.db import transaction
from fleet_server.releases.publish import publish
from fleet_server.terminals.batches import give_many
from fleet_server.terminals.commands import give
from fleet_server.terminals.labels import set_tags
from fleet_server.terminals.models import FleetView, Pairing, Terminal, TerminalCommand
from fleet_server.terminals.registry import add_terminal
from tests.back_office import CAST, BackOffice, build, post, served
from tests.integration.requests.sealing import KEY, KID, PEOPLE, sealed_by
from tests.integration.requests.test_requests_deposit import HALL
from tests.packs import write_pack, zip_of
from tests.trust import with_repository as with_keys

HARMLESS = {
    "/api/v1/rollouts": "by token, the act of /deploiements: proved in test_rollouts_api",
    "/api/v1/rollouts/{number}/approve": "by token, the acts of the pages, likewise",
    "/api/v1/rollouts/{number}/refuse": "likewise",
    "/api/v1/rollouts/{number}/{act}": "by token, the acts of the pages, likewise",
    "/api/v1/software/{version}/wish": "by a token, audited as software.wished: proved in test_software_asked",
    "/commandes/nouvelle": "tells what would happen, and gives nothing",
    "/deploiements/nouveau": "the form of a rollout for the terminals that were ticked: nothing is made yet",
    "/flotte/etiquettes": "the form that asks which tags: nothing is changed yet",
    "/flotte/vues/{number}/accueil": "where one's own list opens: nobody else's matter",
    "/api/v1/commands/preview": "likewise, for programs",
    "/apparence": "a cookie of this browser, nothing of the server's",
    "/api/v1/terminal/requests": "a visitor's own: a dated line would tell when somebody stood before which kiosk",
    "/api/v1/pairing": "a terminal asks to be let in: nothing changes before a person accepts, which is audited",
    "/api/v1/pairing/{pairing}/reveal": "the second half of the same question",
    "/api/v1/enrol": "the terminal's own act, audited as terminal.enrolled: proved with real certificates elsewhere",
    "/api/v1/maintenance": "by a token, audited as maintenance.planned: proved in test_terminals_upkeep",
    "/api/v1/maintenance/{number}/{act}": "by a token, likewise",
    "/api/v1/terminals/{terminal_id}/notes": "by a token, audited as terminal.noted: proved with real tokens elsewhere",
    "/api/v1/terminals/tagging": "by a token, audited as terminal.tagged: proved in test_terminals_chosen",
    "/api/v1/terminals/{terminal_id}/retire": "by a token, audited as terminal.decommissioned, likewise",
    "/api/v1/terminal/renew": "the terminal's own act, audited as terminal.certificate_renewed, likewise",
}
NOT_ACTS = {"request.failed", "terminal.id", "rollout.id", "maintenance.set"}
"""An event of the log, names of columns and an order, which look like acts."""
Act = Callable[[BackOffice], tuple[str, str, dict[str, Any]]]
"""From an office: who does it, at which address, with which fields."""


def account_of(office: BackOffice, login: str) -> int:
    with Session(office.context.engine) as session:
        return session.exec(select(Account.id).where(Account.login == login)).one() or 0


def sign_in(office):
    return "", "/connexion", {"login": "yanis", "password": office.passwords["yanis"]}


def accept_invitation(office):
    with transaction(office.context.engine) as session:
        token = create_account(session, "nour", "Nour Chérif", ["operator"], office.clock())
    return "", f"/invitation/{token}", {"password": "cheval pile agrafe", "again": "cheval pile agrafe"}


def shared_view(office: BackOffice, **fields: Any) -> int:
    with transaction(office.context.engine) as session:
        row = FleetView(owner=account_of(office, "yanis"), name="Muettes", query="etat=hors-ligne", shared=True,
                        made_at=office.clock(), **fields)  # fmt: skip
        session.add(row)
        session.flush()
        return row.id or 0


def change_password(office):
    new = "cheval pile agrafe"
    return "yanis", "/mot-de-passe", {"current": office.passwords["yanis"], "password": new, "again": new}


def request_id(office: BackOffice) -> str:
    with transaction(office.context.engine) as session:
        row = sealed_by(next(iter(PEOPLE)))
        session.add(row)
        session.flush()
        return row.id


def take_request(office):
    return "maelle", f"/demandes/{request_id(office)}/take", {"revision": 0}


def undo_request(office):
    taken = take_request(office)
    assert send(office, taken).status_code == 303
    return "maelle", taken[1].replace("/take", "/annuler"), {}


def laval(office: BackOffice, generation: int = 0) -> str:
    with transaction(office.context.engine) as session:
        terminal = add_terminal(session, "Laval", HALL, [], office.clock())
        terminal.generation, terminal.status = generation, "accepted" if generation else terminal.status
        return terminal.id


def given(office: BackOffice, state: str = "queued") -> str:
    with transaction(office.context.engine) as session:
        row = session.get_one(Terminal, laval(office, generation=1))
        command = give(session, office.context, row, {"kind": "window.restart"}, None)
        command.state = state
        return command.id


def batch_of(office: BackOffice, state: str = "queued") -> str:
    with transaction(office.context.engine) as session:
        row = session.get_one(Terminal, laval(office, generation=1))
        done = give_many(session, office.context, [row], {"kind": "identify"}, None)
        session.execute(update(TerminalCommand).values(state=state))
        return done.batch.id


def queued_for(office: BackOffice) -> str:
    command = given(office)
    with transaction(office.context.engine) as session:
        return session.get_one(TerminalCommand, command).terminal


def on_command(act: str, state: str) -> Act:
    def asked(office):
        command = given(office, state)
        with transaction(office.context.engine) as session:
            terminal = session.get_one(TerminalCommand, command).terminal
        return "yanis", f"/bornes/{terminal}/commandes/{command}/{act}", {}

    return asked


def pairing(office: BackOffice) -> str:
    """A terminal at the door, its code on both screens."""
    csr = CertificateSigningRequestBuilder().subject_name(Name([])).sign(generate_private_key(SECP256R1()), SHA256())
    with transaction(office.context.engine) as session:
        session.add(
            Pairing(
                id="a-la-porte", csr=csr.public_bytes(Encoding.PEM).decode(), commitment="", poll_digest="", nonce="",
                code="123456", opened_at=office.clock(), expires_at=office.clock() + timedelta(minutes=10),
            )
        )  # fmt: skip
    return "a-la-porte"


def accept_pairing(office):
    fields = {"code": "123456", "terminal": laval(office)}
    return "yanis", f"/enrolement/demandes/{pairing(office)}", fields


TO_COME = {
    "name": "Segré", "place": "France services", "kind": "france_services", "commune": "Segré-en-Anjou-Bleu",
    "code": "49331", "position": "47.68, -0.87",
}  # fmt: skip


def ask_for_edition(office):
    """A release on the server, and one terminal to ask."""
    now = office.clock()
    with_keys(office, now)
    root = write_pack(office.context.settings.data_dir / "pack")
    publish(office.context, build_release(checked(root, now.date()), "2026.48", now), None)
    terminal = laval(office)
    return "yanis", "/editions/2026.48/demander", {"terminal": [terminal]}


def publish_pack(office):
    with_keys(office)
    return "yanis", "/contenus/publier", {"paquet": zip_of(Path("content/pays-de-la-loire"))}


def revoke_token(office):
    with transaction(office.context.engine) as session:
        yanis = session.get_one(Account, account_of(office, "yanis"))
        make_token(session, yanis, "veille", ["rollouts:read"], 30, office.clock())
    return "yanis", "/jetons/1/revoquer", {}


A_ROLLOUT = {"kind": "settings", "qui": "toutes", "idle_warning_s": "60", "idle_end_s": "120", "vagues": "1, le reste"}


def propose_rollout(office):
    made = send(office, ("yanis", "/deploiements", A_ROLLOUT))
    return "yanis", f"{made.headers['location']}/proposer", {}


WORKS = {"begins_at": "2026-11-24T14:00", "ends_at": "2026-11-24T16:00", "reason": "Routeur"}


def planned_at(path: str, fields: dict[str, Any]) -> Act:
    """Of the maintenance of Laval, later that day."""

    def asked(office):
        assert send(office, ("yanis", "/travaux", WORKS | {"terminals": laval(office)})).status_code == 303
        return "yanis", path, fields

    return asked


def untag(office):
    terminal = laval(office)
    with transaction(office.context.engine) as session:
        set_tags(session, session.get_one(Terminal, terminal), ["4g"], None, office.clock())
    return "yanis", f"/bornes/{terminal}/etiquettes/enlever?tag=4g", {}


def on_note(act: str, fields: dict[str, Any]) -> Act:
    def asked(office):
        terminal = laval(office)
        assert send(office, ("yanis", f"/bornes/{terminal}/notes", {"text": "Clé bleue"})).status_code == 303
        return "yanis", f"/bornes/{terminal}/notes/1{act}", fields

    return asked


def on_yanis(act: str) -> Act:
    return lambda office: ("anne", f"/comptes/{account_of(office, 'yanis')}/{act}", {})


RECIPES: dict[str, Act] = {
    "/connexion": sign_in,
    "/deconnexion": lambda office: ("yanis", "/deconnexion", {}),
    "/invitation/{token}": accept_invitation,
    "/mot-de-passe": change_password,
    "/comptes": lambda office: ("anne", "/comptes", {"login": "hugo", "name": "Hugo Petit", "roles": ["operator"]}),
    "/comptes/{account_id}": lambda office: (
        "anne", f"/comptes/{account_of(office, 'yanis')}", {"name": "Yanis B.", "roles": ["operator"]},
    ),
    "/comptes/{account_id}/invitation": on_yanis("invitation"),
    "/comptes/{account_id}/fermer": on_yanis("fermer"),
    "/comptes/{account_id}/rouvrir": on_yanis("rouvrir"),
    "/contenus/publier": publish_pack,
    "/demandes/{request_id}/{act}": take_request,
    "/demandes/{request_id}/annuler": undo_request,
    "/editions/{label}/demander": ask_for_edition,
    "/enrolement": lambda office: ("yanis", "/enrolement", TO_COME),
    "/enrolement/jetons": lambda office: ("yanis", "/enrolement/jetons", {"terminal": laval(office)}),
    "/enrolement/demandes/{pairing_id}": accept_pairing,
    "/enrolement/demandes/{pairing_id}/refuser": lambda office: (
        "yanis", f"/enrolement/demandes/{pairing(office)}/refuser", {},
    ),
    "/deploiements": lambda office: ("yanis", "/deploiements", A_ROLLOUT),
    "/deploiements/{number}/{gesture}": propose_rollout,
    "/jetons": lambda office: ("yanis", "/jetons", {"name": "veille", "days": "30", "scopes": ["rollouts:read"]}),
    "/jetons/{token_id}/revoquer": revoke_token,
    "/travaux": lambda office: ("yanis", "/travaux", WORKS | {"terminals": laval(office)}),
    "/travaux/{number}": planned_at("/travaux/1", WORKS | {"reason": "Écran", "revision": "1"}),
    "/travaux/{number}/{act}": planned_at("/travaux/1/annuler", {}),
    "/reglages": lambda office: ("yanis", "/reglages", {"idle_warning_s": "80", "idle_end_s": "120"}),
    "/bornes/{terminal_id}/reglages": lambda office: (
        "yanis", f"/bornes/{laval(office)}/reglages", {"idle_warning_s": "80", "idle_end_s": "120"},
    ),
    "/bornes/{terminal_id}/fiche": lambda office: ("yanis", f"/bornes/{laval(office)}/fiche", TO_COME),
    "/bornes/{terminal_id}/retirer": lambda office: (
        "yanis", f"/bornes/{laval(office)}/retirer", {"confirmed": "laval"},
    ),
    "/bornes/{terminal_id}/etiquettes": lambda office: ("yanis", f"/bornes/{laval(office)}/etiquettes", {"tag": "4g"}),
    "/bornes/{terminal_id}/etiquettes/enlever": untag,
    "/bornes/{terminal_id}/notes": lambda office: ("yanis", f"/bornes/{laval(office)}/notes", {"text": "Clé bleue"}),
    "/bornes/{terminal_id}/notes/{number}": on_note("", {"text": "Clé rouge", "revision": "1"}),
    "/bornes/{terminal_id}/notes/{number}/supprimer": on_note("/supprimer", {}),
    "/bornes/{terminal_id}/commandes": lambda office: (
        "yanis", f"/bornes/{laval(office, generation=1)}/commandes", {"order": "window.restart"},
    ),
    "/bornes/{terminal_id}/commandes/vider": lambda office: (
        "yanis", f"/bornes/{queued_for(office)}/commandes/vider", {},
    ),
    "/bornes/{terminal_id}/commandes/{command_id}/annuler": on_command("annuler", "queued"),
    "/bornes/{terminal_id}/commandes/{command_id}/nouveau": on_command("nouveau", "succeeded"),
    "/flotte.csv": lambda office: ("yanis", "/flotte.csv", {"terminals": laval(office, generation=1)}),
    "/flotte/vues": lambda office: (
        "yanis", "/flotte/vues", {"nom": "Muettes", "requete": "etat=hors-ligne", "partagee": "oui"},
    ),
    "/flotte/vues/{number}": lambda office: (
        "yanis", f"/flotte/vues/{shared_view(office)}", {"nom": "Silencieuses", "partagee": "oui"},
    ),
    "/flotte/vues/{number}/supprimer": lambda office: (
        "yanis", f"/flotte/vues/{shared_view(office)}/supprimer", {},
    ),
    "/flotte/vues/{number}/retablir": lambda office: (
        "yanis", f"/flotte/vues/{shared_view(office, gone_at=office.clock())}/retablir", {},
    ),
    "/flotte/etiquettes/changer": lambda office: (
        "yanis", "/flotte/etiquettes/changer", {"terminals": laval(office, generation=1), "mettre": "pilote"},
    ),
    "/commandes/lots": lambda office: (
        "yanis", "/commandes/lots", {"order": "identify", "wait": "1 h", "terminals": laval(office, generation=1)},
    ),
    "/commandes/lots/{batch_id}/{gesture}": lambda office: (
        "yanis", f"/commandes/lots/{batch_of(office)}/annuler", {},
    ),
    "/api/v1/commands/batches/{batch}/cancel": lambda office: (
        "yanis", f"/api/v1/commands/batches/{batch_of(office)}/cancel", {},
    ),
    "/api/v1/commands/batches/{batch}/again": lambda office: (
        "yanis", f"/api/v1/commands/batches/{batch_of(office, 'failed')}/again", {},
    ),
    "/api/v1/commands": lambda office: (
        "yanis", "/api/v1/commands", {"terminals": [laval(office, generation=1)], "order": {"kind": "identify"}},
    ),
    "/api/v1/commands/{command}/cancel": lambda office: ("yanis", f"/api/v1/commands/{given(office)}/cancel", {}),
    "/api/v1/commands/{command}/again": lambda office: (
        "yanis", f"/api/v1/commands/{given(office, 'succeeded')}/again", {},
    ),
    "/api/v1/commands/purge/{terminal}": lambda office: ("yanis", f"/api/v1/commands/purge/{queued_for(office)}", {}),
}  # fmt: skip


@pytest.fixture
def office(tmp_path):
    office = build(tmp_path, whole=True)
    keys = dataclasses.replace(office.context.keys, sealing=office.context.keys.sealing | {KID: KEY})
    office.context = dataclasses.replace(office.context, keys=keys)
    office.app.state.context = office.context
    with served(office):
        yield office


def send(office: BackOffice, act: tuple[str, str, dict[str, Any]]):
    login, path, values = act
    if path.startswith("/api/v1/commands"):
        return call(office, path, values)
    client = office.signed_in(login) if login else office.client()
    form_at = {"": path, "yanis": "/frequentation", "maelle": "/frequentation", "anne": "/frequentation"}[login]
    return post(client, path, form_at=form_at, **values)


def call(office: BackOffice, path: str, values: dict[str, Any]):
    """By a program, with a token of Yanis's."""
    with transaction(office.context.engine) as session:
        yanis = session.get_one(Account, account_of(office, "yanis"))
        secret = make_token(session, yanis, "essai", ["commands:write"], 30, office.clock())
    with office.client(headers={"Authorization": f"Bearer {secret}"}) as client:
        return client.post(path, json=values)


def posted_routes(routes: Iterable[Any]) -> set[str]:
    found = set()
    for route in routes:
        if "POST" in (getattr(route, "methods", None) or ()):
            found.add(route.path)
        inner = getattr(getattr(route, "original_router", route), "routes", None)
        found |= posted_routes(inner) if inner else set()
    return found


def test_every_route_that_takes_a_form_is_tried_here_or_named_as_harmless(tmp_path):
    known = RECIPES.keys() | HARMLESS.keys()
    there = posted_routes(build(tmp_path, whole=True).app.routes)
    assert len(there) >= len(RECIPES)
    assert there - known == set(), "say how to try it, or why it leaves no line"
    assert known - there == set(), "no longer there"


@pytest.mark.parametrize("route", RECIPES)
def test_an_act_leaves_a_line_in_the_audit_log(office, route):
    act = RECIPES[route](office)
    before = lines_of(office)
    answer = send(office, act)
    assert answer.status_code in (200, 201, 303), answer.text
    said = lines_of(office)[len(before) :]
    # Signing in to do it leaves its own line; what is asked for is one more.
    assert [line.act for line in said if line.act != "account.signed_in" or route == "/connexion"], said
    if act[0]:
        assert CAST[act[0]][0] in said[-1].who, "the person who did it is named last"
    assert {name for line in said for name in line.detail} - WORDS.keys() == set(), "what it tells reads as words"


def lines_of(office: BackOffice) -> list[AuditEntry]:
    with Session(office.context.engine) as session:
        return list(session.exec(select(AuditEntry).order_by(AuditEntry.id)).all())


def test_every_act_that_is_recorded_reads_as_words():
    sources = [path.read_text() for path in Path("fleet_server").rglob("*.py") if path.name != "acts.py"]
    pattern = re.compile(rf'"((?:{"|".join(FAMILIES)})\.[a-z_]+)"')
    recorded = {act for source in sources for act in pattern.findall(source)}
    assert recorded - ACTS.keys() - NOT_ACTS == set()
