"""Passwords, accounts, sessions, throttle, audit: each rule on a real database in a file."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel, delete, select, update

from fleet_server.access import accounts, audit, passwords, sessions, throttle
from fleet_server.access.models import Account, AuditEntry, WebSession
from fleet_server.db import connect, transaction
from fleet_server.web.viewer import Viewer

NOW = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
ANNE = Viewer(1, "anne", "Anne Delorme", frozenset({"admin"}), "")


@pytest.fixture
def engine(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'fleet.db'}")
    SQLModel.metadata.create_all(engine)
    return engine


@pytest.fixture
def anne(engine):
    with transaction(engine) as session:
        accounts.create_account_with_password(session, "anne", "Anne Delorme", ["admin"], NOW)
    with transaction(engine) as session:
        return session.exec(select(Account)).one()


@pytest.mark.parametrize(
    ("password", "accepted"),
    [
        ("Loire-2026-ab", True),
        ("cheval pile agrafe", True),
        ("toutminuscule", False),
        ("Loire-2026", False),
        ("aaaaaaaaaaaaaaaa", False),
        ("anne.delorme.anne", False),
        ("x" * 201, False),
        ("douzeCaract1", True),
        ("douzecaract1", False),
    ],
)
def test_a_password_is_12_mixed_or_14_of_any_kind(password, accepted):
    said = passwords.weakness(password, "anne.delorme", "Anne Delorme")
    assert (said is None) == accepted, said


def test_a_password_is_kept_as_argon2_and_nothing_matches_an_empty_hash():
    hashed = passwords.hash_password("cheval pile agrafe")
    assert hashed.startswith("$argon2id$")
    assert passwords.is_password("cheval pile agrafe", hashed)
    assert not passwords.is_password("cheval pile", hashed)
    assert not passwords.is_password("", "")


def test_a_random_password_is_strong_and_never_the_same():
    made = {passwords.random_password() for _ in range(50)}
    assert len(made) == 50
    assert not any(passwords.weakness(password) for password in made)


@pytest.mark.parametrize(
    ("login", "name", "roles", "wrong"),
    [
        ("Anne Delorme", "Anne Delorme", ["admin"], "login"),
        ("a", "Anne Delorme", ["admin"], "login"),
        ("anne", "A", ["admin"], "name"),
        ("anne", "Anne Delorme", [], "roles"),
        ("anne", "Anne Delorme", ["root"], "roles"),
        ("ann/../e", "Anne Delorme", ["admin"], "login"),
    ],
)
def test_an_account_that_would_not_do_is_refused_by_field(engine, login, name, roles, wrong):
    with transaction(engine) as session, pytest.raises(accounts.AccountRefused) as refused:
        accounts.create_account(session, login, name, roles, NOW)
    assert list(refused.value.errors) == [wrong]


def test_a_login_is_taken_once_whatever_its_case(engine, anne):
    with transaction(engine) as session, pytest.raises(accounts.AccountRefused, match="existe déjà"):
        accounts.create_account(session, " ANNE ", "Une autre", ["operator"], NOW)


def test_an_invitation_serves_once_and_for_seven_days(engine):
    with transaction(engine) as session:
        token = accounts.create_account(session, "yanis", "Yanis Belkacem", ["operator"], NOW)
    with transaction(engine) as session:
        assert accounts.invited(session, token, NOW + timedelta(days=7)) is None
        yanis = accounts.invited(session, token, NOW + timedelta(days=6))
        assert token not in str(yanis)
        accounts.set_password(session, yanis, "cheval pile agrafe", NOW, "account.invitation_accepted")
    with transaction(engine) as session:
        assert accounts.invited(session, token, NOW) is None


def test_the_last_administrator_stays(engine, anne):
    with transaction(engine) as session, pytest.raises(accounts.AccountRefused, match="dernier compte"):
        accounts.close_account(session, session.get_one(Account, anne.id), NOW, ANNE)
    with transaction(engine) as session, pytest.raises(accounts.AccountRefused, match="dernier compte"):
        accounts.change_account(session, session.get_one(Account, anne.id), "Anne", ["operator"], NOW, ANNE)


def test_a_role_taken_away_ends_the_sessions_of_its_account(engine, anne):
    with transaction(engine) as session:
        account = session.get_one(Account, anne.id)
        accounts.create_account_with_password(session, "hugo", "Hugo Petit", ["admin"], NOW)
        token = sessions.open_session(session, account, NOW)
    with transaction(engine) as session:
        accounts.change_account(session, session.get_one(Account, anne.id), "Anne", ["operator"], NOW, ANNE)
    assert sessions.find_session(engine, token, NOW) is None


class Opened:
    def __init__(self, engine, account):
        self.engine = engine
        with transaction(engine) as session:
            self.token = sessions.open_session(session, session.get_one(Account, account.id), NOW)

    def at(self, gap, token=None):
        return sessions.find_session(self.engine, token or self.token, NOW + gap)


def test_a_session_is_kept_as_a_digest(engine, anne):
    opened = Opened(engine, anne)
    with Session(engine) as session:
        row = session.exec(select(WebSession)).one()
    assert opened.token not in str(row.model_dump())


def test_a_session_ends_after_four_idle_hours_and_after_twelve_in_all(engine, anne):
    opened = Opened(engine, anne)
    assert opened.at(timedelta(hours=4, minutes=1)) is None
    token = opened.token
    for hour in range(1, 12):
        found = opened.at(timedelta(hours=hour), token)
        assert found is not None, hour
        token = found.fresh_token or token
    assert opened.at(timedelta(hours=12, minutes=1), token) is None


def test_a_token_changes_with_age_and_the_one_before_lives_a_minute_more(engine, anne):
    opened = Opened(engine, anne)
    assert opened.at(timedelta(minutes=29)).fresh_token is None
    fresh = opened.at(timedelta(minutes=31)).fresh_token
    assert fresh
    assert opened.at(timedelta(minutes=31, seconds=30)) is not None
    assert opened.at(timedelta(minutes=31, seconds=30)).fresh_token is None
    assert opened.at(timedelta(minutes=33)) is None
    assert opened.at(timedelta(minutes=33), fresh) is not None


def test_five_failures_wait_a_quarter_of_an_hour_at_that_address_only(engine):
    with transaction(engine) as session:
        left = [throttle.record_failure(session, "anne", "10.0.0.1", NOW) for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    with transaction(engine) as session:
        assert throttle.wait_left(session, "ANNE ", "10.0.0.1", NOW + timedelta(minutes=5)) == timedelta(minutes=10)
        assert throttle.wait_left(session, "anne", "10.0.0.2", NOW) is None
        assert throttle.wait_left(session, "yanis", "10.0.0.1", NOW) is None
        assert throttle.wait_left(session, "anne", "10.0.0.1", NOW + timedelta(minutes=15)) is None
        assert throttle.record_failure(session, "anne", "10.0.0.1", NOW + timedelta(minutes=16)) == 4


def test_an_address_that_tries_many_logins_waits_too(engine):
    with transaction(engine) as session:
        for n in range(throttle.ADDRESS_LIMIT):
            throttle.record_failure(session, f"login{n}", "10.0.0.1", NOW)
        assert throttle.wait_left(session, "anne", "10.0.0.1", NOW)


def test_old_failures_do_not_count(engine):
    with transaction(engine) as session:
        for _ in range(4):
            throttle.record_failure(session, "anne", "10.0.0.1", NOW)
        assert throttle.record_failure(session, "anne", "10.0.0.1", NOW + timedelta(minutes=20)) == 4


def test_the_throttle_keeps_neither_login_nor_address(engine):
    with transaction(engine) as session:
        throttle.record_failure(session, "anne", "10.0.0.1", NOW)
        stored = str(session.execute(select(throttle.SignInFailure)).all())
    assert "anne" not in stored
    assert "10.0.0.1" not in stored


@pytest.mark.parametrize("statement", [update(AuditEntry).values(who="Personne"), delete(AuditEntry)])
def test_the_database_itself_refuses_to_change_the_audit_log(engine, statement):
    with transaction(engine) as session:
        audit.record_act(session, ANNE, "account.changed", "yanis", now=NOW)
    with pytest.raises(DBAPIError, match="append-only"), transaction(engine) as session:
        session.exec(statement)


def test_the_audit_log_is_filtered_by_who_what_on_which_and_when(engine):
    with transaction(engine) as session:
        for minute, (act, subject) in enumerate(
            [("account.closed", "yanis"), ("terminal.moved", "laval-01"), ("account.changed", "100%")]
        ):
            audit.record_act(session, ANNE if minute else None, act, subject, now=NOW + timedelta(minutes=minute))

    def acts(**wanted):
        with transaction(engine) as session:
            total, rows = audit.entries(session, audit.AuditFilter(**wanted))
            assert total == len(rows)
            return [row.act for row in rows]

    assert acts() == ["account.changed", "terminal.moved", "account.closed"]
    assert acts(act="account") == ["account.changed", "account.closed"]
    assert acts(act="account.closed", who="Balise") == ["account.closed"]
    assert acts(subject="LAVAL") == ["terminal.moved"]
    assert acts(subject="%") == ["account.changed"]
    assert acts(since=NOW + timedelta(minutes=1), until=NOW + timedelta(minutes=2)) == ["terminal.moved"]
