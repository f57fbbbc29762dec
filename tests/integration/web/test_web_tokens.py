"""API tokens: what they open, what they never open, and what is told of them."""

import re
from datetime import timedelta
from typing import Annotated

import httpx
import pytest
from fastapi import Depends
from sqlmodel import select

from fleet_server.access import accounts
from fleet_server.access.audit import record_act
from fleet_server.access.caller import CALLED, Callers, calling
from fleet_server.access.models import Account, ApiToken, AuditEntry
from fleet_server.access.tokens import TokenRefused, make_token
from fleet_server.context import ContextDep, Writing
from fleet_server.db import reading, transaction
from fleet_server.web.viewer import Viewer
from tests.back_office import CAST, build, post, served

Reader = Annotated[Viewer, Depends(calling("terminals:read"))]
Writer = Annotated[Viewer, Depends(calling("terminals:write"))]


@pytest.fixture
def office(tmp_path):
    office = build(tmp_path)
    office.app.state.callers = Callers()

    @office.app.get("/api/v1/probe", responses=CALLED)
    def read(caller: Reader) -> str:
        return caller.name

    @office.app.post("/api/v1/probe", responses=CALLED)
    def write(caller: Writer, session: Writing, ctx: ContextDep) -> str:
        record_act(session, caller, "terminal.moved", "laval-01", now=ctx.now())
        return caller.name

    with served(office):
        yield office


def token(office, *scopes, login="yanis", name="supervision", days=30):
    with transaction(office.context.engine) as session:
        account = session.exec(select(Account).where(Account.login == login)).one()
        return make_token(session, account, name, list(scopes), days, office.clock())


def ask(office, secret, method="GET", **headers):
    headers |= {"Authorization": f"Bearer {secret}"} if secret else {}
    return httpx.request(method, f"{office.url}/api/v1/probe", headers=headers, timeout=30)


def test_a_token_opens_its_scopes_and_no_others(office):
    reads, writes, other = (
        token(office, scope, name=scope) for scope in ("terminals:read", "terminals:write", "rollouts:write")
    )
    assert [ask(office, secret).status_code for secret in (reads, writes, other)] == [200, 200, 403]
    assert [ask(office, secret, "POST").status_code for secret in (reads, writes, other)] == [403, 200, 403]
    assert ask(office, other).json()["error"] == "scope_missing"
    with reading(office.context.engine) as session:
        line = session.exec(select(AuditEntry).where(AuditEntry.act == "terminal.moved")).one()
    assert line.who == "terminals:write, jeton de Yanis Belkacem"


@pytest.mark.parametrize("secret", ["", "balise_nobody-made-this", "x" * 5000, "é"])
def test_no_token_or_a_wrong_one_opens_nothing(office, secret):
    token(office, "terminals:read")
    with httpx.Client(timeout=30) as client:
        headers = {b"Authorization": f"Bearer {secret}".encode()} if secret else {}
        answer = client.get(f"{office.url}/api/v1/probe", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["error"] == "unauthenticated"


def test_a_browser_that_is_signed_in_opens_nothing_of_the_api(office):
    browser = office.signed_in("yanis")
    assert browser.get("/api/v1/probe").status_code == 401


def test_a_token_ends_at_its_hour_and_when_it_is_revoked_and_with_its_account(office):
    first, second = token(office, "terminals:read", days=7), token(office, "terminals:read", name="veille", days=365)
    office.clock.pass_by(timedelta(days=6, hours=23))
    assert (ask(office, first).status_code, ask(office, second).status_code) == (200, 200)
    office.clock.pass_by(timedelta(hours=1))
    assert (ask(office, first).status_code, ask(office, second).status_code) == (401, 200)
    yanis = office.signed_in("yanis")
    assert post(yanis, "/jetons/2/revoquer", form_at="/jetons").status_code == 303
    assert ask(office, second).status_code == 401
    assert post(yanis, "/jetons/2/revoquer", form_at="/jetons").status_code == 303
    third = token(office, "terminals:read", name="nuit")
    with transaction(office.context.engine) as session:
        yanis_, anne = (session.exec(select(Account).where(Account.login == who)).one() for who in ("yanis", "anne"))
        assert anne.id
        viewer = Viewer(anne.id, "anne", "Anne Delorme", anne.role_set, "")
        accounts.change_account(session, yanis_, yanis_.name, ["counsellor"], office.clock(), viewer)
    assert ask(office, third).status_code == 403, "what the account may no longer do, its token may not either"
    with transaction(office.context.engine) as session:
        accounts.close_account(session, session.get_one(Account, yanis_.id), office.clock(), viewer)
    assert ask(office, third).status_code == 401


def test_the_secret_is_shown_once_and_kept_nowhere(office):
    yanis = office.signed_in("yanis")
    fields = {"name": "supervision", "days": "30", "scopes": ["terminals:read", "rollouts:read"]}
    made = post(yanis, "/jetons", **fields)
    assert made.status_code == 201
    secret = re.search(r"<code>(balise_[\w-]{40,})</code>", made.text)[1]
    again = yanis.get("/jetons").text
    assert secret not in again
    assert secret[:11] in again
    assert ask(office, secret).text == '"supervision, jeton de Yanis Belkacem"'
    dumped = "".join(path.read_bytes().decode("latin-1") for path in office.context.settings.data_dir.glob("fleet.db*"))
    assert secret[:11] in dumped
    assert secret not in dumped
    with reading(office.context.engine) as session:
        row = session.exec(select(ApiToken)).one()
        assert (row.scope_set, row.used_at) == ({"terminals:read", "rollouts:read"}, office.clock())
        line = session.exec(select(AuditEntry).where(AuditEntry.act == "token.made")).one()
    assert (line.who, line.subject) == ("Yanis Belkacem", "yanis")
    assert secret[:20] not in str(line)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", {"name": "x"}), ("name", {"name": "x" * 41}), ("scopes", {"scopes": []}),
        ("scopes", {"scopes": ["everything"]}), ("days", {"days": "36500"}), ("days", {"days": "toujours"}),
        ("days", {"days": "9" * 5000}),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_form_is_said_by_field_and_nothing_is_made(office, field, given):
    yanis = office.signed_in("yanis")
    answer = post(yanis, "/jetons", **({"name": "veille", "days": "30", "scopes": ["rollouts:read"]} | given))
    assert answer.status_code == 422
    assert f'id="e-{field}"' in answer.text
    with reading(office.context.engine) as session:
        assert session.exec(select(ApiToken)).all() == []


def test_a_name_is_taken_until_its_token_ends(office):
    token(office, "rollouts:read", name="Veille")
    with pytest.raises(TokenRefused, match="déjà en cours"):
        token(office, "rollouts:read", name="veille")
    token(office, "rollouts:read", name="veille", login="anne")
    office.clock.pass_by(timedelta(days=31))
    assert token(office, "rollouts:read", name="veille")


def test_each_sees_their_own_tokens_and_an_administrator_all(office):
    token(office, "rollouts:read", name="de Yanis")
    token(office, "rollouts:read", name="d’Anne", login="anne")
    yanis = office.signed_in("yanis")
    anne = office.signed_in("anne")
    maelle = office.signed_in("maelle")
    assert "d’Anne" not in yanis.get("/jetons").text
    assert post(yanis, "/jetons/2/revoquer", form_at="/jetons").status_code == 404
    assert all(word in anne.get("/jetons").text for word in ("de Yanis", "d’Anne", CAST["yanis"][0]))
    assert post(anne, "/jetons/1/revoquer", form_at="/jetons").status_code == 303
    assert maelle.get("/jetons").status_code == 403


def test_wrong_secrets_wait_and_lock_no_good_one_out(office):
    good = token(office, "terminals:read")
    answers = [ask(office, f"balise_{number}") for number in range(31)]
    assert [answer.status_code for answer in answers] == [401] * 30 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 300
    assert ask(office, good).status_code == 200
    office.clock.pass_by(timedelta(minutes=5))
    assert ask(office, "balise_x").status_code == 401


def test_a_token_asks_so_many_times_a_minute(office):
    secret = token(office, "terminals:read")
    for _ in range(599):
        office.app.state.callers.asked.spend("1", office.clock())
    assert [ask(office, secret).status_code for _ in range(2)] == [200, 429]
    assert ask(office, secret).json()["error"] == "too_many"
    office.clock.pass_by(timedelta(minutes=1))
    assert ask(office, secret).status_code == 200


def test_a_long_list_has_pages_those_that_open_something_first(office):
    for number in range(3):
        token(office, "terminals:read", name=f"kept-{number}")
    with transaction(office.context.engine) as session:
        account = session.exec(select(Account).where(Account.login == "yanis")).one()
        now = office.clock()
        session.add_all(
            ApiToken(account_id=account.id, name=f"gone-{number}", digest=f"{number:064}", hint="balise_x",
                     scopes="terminals:read", made_at=now, expires_at=now + timedelta(days=1), revoked_at=now)
            for number in range(60)
        )  # fmt: skip
    yanis = office.signed_in("yanis")
    first, second = (yanis.get(f"/jetons?page={number}").text for number in (1, 2))
    assert (first.count("gone-"), second.count("gone-")) == (47, 13)
    assert ("kept-0" in first, "kept-" in second) == (True, False)
    assert "63 jetons, 1 à 50" in first.replace("\u00a0", " ")
    assert "3 programmes peuvent agir" in second.replace("\u00a0", " ")
    assert "Rien sur cette page" in yanis.get("/jetons?page=9").text
