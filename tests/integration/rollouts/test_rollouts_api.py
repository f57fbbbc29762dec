"""Rollouts for programs, by tokens of limited scope."""

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from fleet_server.access.audit_models import AuditEntry
from fleet_server.access.models import Account
from fleet_server.access.tokens import make_token
from fleet_server.db import reading, transaction
from fleet_server.rollouts.cli import app as cli
from tests.back_office import served
from tests.integration.rollouts.cast import NEW, Cast

AT = "/api/v1/rollouts"


@pytest.fixture
def fleet(tmp_path):
    cast = Cast(tmp_path)
    cast.add("Laval", "Cholet", "Segré")
    with served(cast.office):
        yield cast


def by_token(fleet, login, *scopes):
    with transaction(fleet.ctx.engine) as session:
        account = session.exec(select(Account).where(Account.login == login)).one()
        secret = make_token(session, account, f"essai {login} {len(scopes)}", list(scopes), 7, fleet.clock())
    return fleet.office.client(headers={"Authorization": f"Bearer {secret}"})


def asked(**more):
    return {"kind": "content", "label": NEW.label, "target": {"everyone": True}} | more


def test_made_approved_by_another_started_and_followed(fleet):
    yanis = by_token(fleet, "yanis", "rollouts:write", "rollouts:approve")
    anne = by_token(fleet, "anne", "rollouts:approve")
    plan = {"waves": [{"count": 1, "soak_s": 600}, {}], "second_person": True}
    made = yanis.post(AT, json=asked(plan=plan))
    assert made.status_code == 201, made.text
    at = f"{AT}/{made.json()['id']}"
    assert "3 bornes : 1 maintenant, 2 à 12:10." in yanis.get(at).json()["preview"]
    assert yanis.post(f"{at}/submit", json={}).json()["state"] == "waiting_for_approval"
    refused = yanis.post(f"{at}/approve", json={})
    assert (refused.status_code, refused.json()["error"]) == (409, "refused")
    may_not = by_token(fleet, "anne", "rollouts:read", "rollouts:write")
    assert may_not.post(f"{at}/approve", json={}).json()["error"] == "scope_missing", "who prepares does not approve"
    assert anne.post(f"{at}/approve", json={}).json()["state"] == "ready"
    assert anne.post(f"{at}/start", json={}).status_code == 403
    assert yanis.post(f"{at}/start", json={}).json()["state"] == "running"
    fleet.turn()
    states = sorted(one["state"] for one in yanis.get(at).json()["terminals"])
    assert states == ["in_progress", "queued", "queued"]
    assert yanis.post(f"{at}/stop", json={"reason": "fini de jouer"}).json()["state"] == "stopped"
    assert [one["id"] for one in yanis.get(AT).json()] == [made.json()["id"]]
    with reading(fleet.ctx.engine) as session:
        lines = session.exec(select(AuditEntry).where(AuditEntry.subject == "1").order_by(AuditEntry.id)).all()
    assert [line.act.removeprefix("rollout.") for line in lines] == [
        "created", "submitted", "approved", "started", "stopped",
    ]  # fmt: skip
    assert lines[0].who.endswith("jeton de Yanis Belkacem")


def test_a_target_by_criteria_is_said_in_words(fleet):
    fleet.tag("pilote", "Cholet")
    yanis = by_token(fleet, "yanis", "rollouts:write")
    made = yanis.post(AT, json=asked(target={"tags": ["pilote"], "editions": ["2026.47"], "kinds": ["mairie"]}))
    detail = yanis.get(f"{AT}/{made.json()['id']}").json()
    assert (detail["whom"], detail["preview"]) == (
        "étiquette pilote, genre de lieu Mairie, édition en place 2026.47", "1 borne : 1 maintenant.",
    )  # fmt: skip


@pytest.mark.parametrize("wrong", ["étiquette=pilote", "tag", "tag=", "text="])
def test_a_criterion_that_is_none_is_refused_on_the_command_line(wrong):
    told = CliRunner().invoke(cli, ["content", NEW.label, "--whom", wrong])
    assert told.exit_code == 1
    assert "critère" in told.output


def test_who_may_only_read_changes_nothing(fleet):
    reader = by_token(fleet, "yanis", "rollouts:read")
    assert reader.get(AT).json() == []
    assert reader.post(AT, json=asked()).status_code == 403
    assert fleet.office.client().get(AT).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (asked(label="jamais"), 409),
        (asked(target={}), 422),
        (asked(target={"everyone": True, "groups": ["a"]}), 422),
        (asked(target={"terminals": ["b-nobody"]}), 409),
        (asked(plan={"waves": []}), 422),
        (asked(plan={"waves": [{"count": 1, "percent": 5}]}), 422),
        (asked(plan={"at_once": -1}), 422),
        (asked(plan={"not_before": "9999-12-31T23:59:59Z"}), 422),
        (asked(kind="firmware"), 422),
        (asked(kind="software", version="9"), 409),
        (asked(surprise=1), 422),
        ({"kind": "settings", "values": {"idle_end_s": 1}, "target": {"everyone": True}}, 409),
        ({"kind": "settings", "values": {"timezone": "Europe/Atlantide"}, "target": {"everyone": True}}, 409),
        ({"kind": "settings", "values": {"timezone": "../etc/passwd"}, "target": {"everyone": True}}, 409),
        (
            {
                "kind": "settings",
                "target": {"everyone": True},
                "values": {"opening": [{"day": 0, "opens": "18:00", "closes": "09:00"}]},
            },
            409,
        ),
    ],
)
def test_what_makes_no_sense_is_refused_by_name_and_nothing_is_kept(fleet, body, status):
    writer = by_token(fleet, "yanis", "rollouts:write")
    answer = writer.post(AT, json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["message"]
    assert writer.get(AT).json() == []
    assert writer.get(f"{AT}/{2**40}").status_code == 404
