"""Accounts: made, invited, changed, closed. Plain functions on a session; the caller commits.

AccountRefused     tell the person why, by field
"""

import re
import secrets
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from fleet_server.access.audit import record_act
from fleet_server.access.models import Account
from fleet_server.access.passwords import hash_password, random_password, weakness
from fleet_server.access.sessions import digest, end_all_sessions
from fleet_server.web.viewer import ROLES, Viewer

INVITATION_LIFETIME = timedelta(days=7)
_LOGIN = re.compile(r"^[a-z0-9][a-z0-9._-]{1,58}[a-z0-9]$")


class AccountRefused(ValueError):
    """`errors`: field → sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


def create_account(
    session: Session, login: str, name: str, roles: list[str], now: datetime, viewer: Viewer | None = None
) -> str:
    """Returns the invitation's token, shown once: whoever opens `/invitation/{token}` chooses the password."""
    account = _new_account(session, login, name, roles, now)
    token = _invite(account, now)
    session.add(account)
    record_act(session, viewer, "account.invited", account.login, {"name": account.name, "roles": roles}, now=now)
    return token


def create_account_with_password(session: Session, login: str, name: str, roles: list[str], now: datetime) -> str:
    """Returns a random password, shown once (demonstration, first administrator without a browser)."""
    account = _new_account(session, login, name, roles, now)
    password = random_password()
    account.password = hash_password(password)
    session.add(account)
    record_act(session, None, "account.created", account.login, {"name": account.name, "roles": roles}, now=now)
    return password


def _new_account(session: Session, login: str, name: str, roles: list[str], now: datetime) -> Account:
    login, name = login.strip().lower(), " ".join(name.split())
    errors = _wrong_fields(name, roles)
    if not _LOGIN.match(login):
        errors["login"] = "De 3 à 60 lettres minuscules sans accent, chiffres, points ou tirets : « maelle.riou »."
    elif session.exec(select(Account).where(Account.login == login)).first():
        errors["login"] = f"« {login} » existe déjà."
    if errors:
        raise AccountRefused(errors)
    return Account(login=login, name=name, roles=_ordered(roles), created_at=now)


def change_account(
    session: Session, account: Account, name: str, roles: list[str], now: datetime, viewer: Viewer
) -> None:
    """A role taken away is gone at once: its sessions end."""
    name = " ".join(name.split())
    errors = _wrong_fields(name, roles)
    if "admin" in account.role_set and "admin" not in roles and _is_last_admin(session, account):
        errors["roles"] = "C’est le dernier compte d’administration : il en faut un."
    if errors:
        raise AccountRefused(errors)
    before = {"name": account.name, "roles": sorted(account.role_set)}
    if set(roles) != account.role_set:
        end_all_sessions(session, account.id or 0)
    account.name, account.roles = name, _ordered(roles)
    session.add(account)
    after = {"name": name, "roles": sorted(account.role_set)}
    record_act(session, viewer, "account.changed", account.login, now=now, before=before, after=after)


def close_account(session: Session, account: Account, now: datetime, viewer: Viewer) -> None:
    if _is_last_admin(session, account):
        raise AccountRefused({"login": "C’est le dernier compte d’administration : il en faut un."})
    account.closed_at, account.invitation = now, None
    session.add(account)
    end_all_sessions(session, account.id or 0)
    record_act(session, viewer, "account.closed", account.login, now=now)


def reopen_account(session: Session, account: Account, now: datetime, viewer: Viewer) -> None:
    account.closed_at = None
    session.add(account)
    record_act(session, viewer, "account.reopened", account.login, now=now)


def invite_again(session: Session, account: Account, now: datetime, viewer: Viewer | None) -> str:
    """A new link, for whoever lost theirs or their password: the old password stops at once."""
    token = _invite(account, now)
    account.password = ""
    session.add(account)
    end_all_sessions(session, account.id or 0)
    record_act(session, viewer, "account.invited_again", account.login, now=now)
    return token


def invited(session: Session, token: str, now: datetime) -> Account | None:
    """The account of a link that is still good."""
    account = session.exec(select(Account).where(Account.invitation == digest(token))).first()
    good = account and not account.closed_at and account.invited_until and now < account.invited_until
    return account if good else None


def set_password(session: Session, account: Account, password: str, now: datetime, act: str) -> None:
    """Raises `AccountRefused`. Every session of the account ends: the caller opens a new one."""
    weak = weakness(password, account.login, account.name)
    if weak:
        raise AccountRefused({"password": weak})
    account.password, account.invitation, account.invited_until = hash_password(password), None, None
    session.add(account)
    end_all_sessions(session, account.id or 0)
    record_act(session, None, act, account.login, now=now, who=account.name)


def _invite(account: Account, now: datetime) -> str:
    token = secrets.token_urlsafe(24)
    account.invitation, account.invited_until = digest(token), now + INVITATION_LIFETIME
    return token


def _wrong_fields(name: str, roles: list[str]) -> dict[str, str]:
    errors = {}
    if not 2 <= len(name) <= 80:
        errors["name"] = "Le nom tel qu’il sera lu par les collègues, de 2 à 80 caractères."
    if not roles or set(roles) - ROLES.keys():
        errors["roles"] = f"Au moins un rôle parmi {', '.join(ROLES.values())}."
    return errors


def _ordered(roles: list[str]) -> str:
    return ",".join(role for role in ROLES if role in roles)


def _is_last_admin(session: Session, account: Account) -> bool:
    if "admin" not in account.role_set or account.closed_at:
        return False
    others = session.exec(
        select(Account).where(Account.id != account.id, col(Account.closed_at).is_(None), Account.password != "")
    ).all()
    return not any("admin" in other.role_set for other in others)
