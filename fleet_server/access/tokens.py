"""API tokens: what a program shows to act for an account, with no more rights than it needs.

TokenRefused     tell the person why, by field
"""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, Engine, and_, case, true
from sqlmodel import Session, col, func, select, update

from fleet_server.access.audit import record_act
from fleet_server.access.models import Account, ApiToken
from fleet_server.access.sessions import digest
from fleet_server.db import reading, transaction
from fleet_server.web.viewer import Viewer

PREFIX = "balise_"
"""A secret that can be recognised is found when it leaks into a repository or a log."""
LIFETIMES = (7, 30, 90, 365)
"""Days. None lasts for ever: what nobody renews is not used any more."""
MOST = 50
"""Tokens of one account that still open something."""
PAGE_SIZE = 50
SEEN_EVERY = timedelta(minutes=1)


class Scope(NamedTuple):
    words: str
    roles: frozenset[str]


_FLEET = frozenset({"operator", "admin"})
SCOPES = {
    "terminals:read": Scope("Lire les bornes, leurs étiquettes et leurs notes", _FLEET),
    "terminals:write": Scope("Étiqueter, annoter, retirer des bornes", _FLEET),
    "commands:read": Scope("Lire les commandes et leurs réponses", _FLEET),
    "commands:write": Scope("Donner et annuler des commandes", _FLEET),
    "rollouts:read": Scope("Suivre les déploiements", _FLEET),
    "rollouts:write": Scope("Préparer, lancer, arrêter des déploiements, demander une version", _FLEET),
    "rollouts:approve": Scope("Approuver ou renvoyer les déploiements des autres", _FLEET),
}
"""What a token may be for. Writing or approving a thing includes reading it; nothing else includes anything."""


class TokenRefused(ValueError):
    """`errors`: field → sentence."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


class Bearer(NamedTuple):
    """Who a good token acts for, named as the audit log will name it."""

    token_id: int
    viewer: Viewer
    scopes: frozenset[str]


def make_token(session: Session, account: Account, name: str, scopes: list[str], days: int, now: datetime) -> str:
    """The secret, shown once. Raises `TokenRefused`."""
    name = " ".join(name.split())
    errors = _wrong_fields(session, account, name, scopes, days, now)
    if errors:
        raise TokenRefused(errors)
    assert account.id is not None
    secret = PREFIX + secrets.token_urlsafe(32)
    ordered = [scope for scope in SCOPES if scope in scopes]
    row = ApiToken(
        account_id=account.id, name=name, digest=digest(secret), hint=secret[: len(PREFIX) + 4],
        scopes=",".join(ordered), made_at=now, expires_at=now + timedelta(days=days),
    )  # fmt: skip
    session.add(row)
    maker = Viewer(account.id, account.login, account.name, account.role_set, "")
    told = {"token": name, "scopes": ordered, "until": row.expires_at.date().isoformat()}
    record_act(session, maker, "token.made", account.login, told, now=now)
    return secret


def _wrong_fields(
    session: Session, account: Account, name: str, scopes: list[str], days: int, now: datetime
) -> dict[str, str]:
    errors = {}
    mine = session.exec(select(ApiToken).where(ApiToken.account_id == account.id, _active(now))).all()
    if not 2 <= len(name) <= 40:
        errors["name"] = "Ce à quoi il sert, de 2 à 40 caractères : « supervision »."
    elif any(row.name.casefold() == name.casefold() for row in mine):
        errors["name"] = f"Un jeton « {name} » est déjà en cours. Révoquez-le, ou choisissez un autre nom."
    elif len(mine) >= MOST:
        errors["name"] = f"Déjà {MOST} jetons en cours : révoquez ceux qui ne servent plus."
    allowed = {scope for scope, about in SCOPES.items() if about.roles & account.role_set}
    if not scopes or set(scopes) - allowed:
        errors["scopes"] = "Au moins un droit parmi ceux proposés : sans droit, un jeton n’ouvre rien."
    if days not in LIFETIMES:
        errors["days"] = f"Une durée parmi {', '.join(map(str, LIFETIMES))} jours."
    return errors


def tokens_of(
    session: Session, account_id: int | None, now: datetime, first: int = 0, most: int = PAGE_SIZE
) -> tuple[int, int, list[ApiToken]]:
    """How many still open something, how many there are, and `most` of them from `first` on: those that open something
    first, then newest first. Of everyone without `account_id`."""
    whose = ApiToken.account_id == account_id if account_id else true()
    active = func.coalesce(func.sum(case((_active(now), 1), else_=0)), 0)
    opening, total = session.exec(select(active, func.count()).select_from(ApiToken).where(whose)).one()
    order = case((_active(now), 0), else_=1), col(ApiToken.id).desc()
    rows = session.exec(select(ApiToken).where(whose).order_by(*order).offset(first).limit(most)).all()
    return opening, total, list(rows)


def _active(now: datetime) -> ColumnElement[bool]:
    return and_(col(ApiToken.revoked_at).is_(None), col(ApiToken.expires_at) > now)


def revoke(session: Session, row: ApiToken, viewer: Viewer | None, now: datetime) -> bool:
    """It opens nothing from this commit on. False: it had been revoked already."""
    moved = session.exec(
        update(ApiToken).where(col(ApiToken.id) == row.id, col(ApiToken.revoked_at).is_(None)).values(revoked_at=now)
    ).rowcount
    if moved:
        record_act(session, viewer, "token.revoked", row.name, {"hint": row.hint}, now=now)
    return bool(moved)


def bearer(engine: Engine, secret: str, now: datetime) -> Bearer | None:
    """Whom a secret acts for; None when it is unknown, revoked, expired, or its account closed.

    Writes only when it had not been seen for a minute.
    """
    if not secret.startswith(PREFIX):
        return None
    with reading(engine) as session:
        found = session.exec(
            select(ApiToken, Account)
            .join(Account, col(Account.id) == col(ApiToken.account_id))
            .where(ApiToken.digest == digest(secret))
        ).first()
    if found is None or found[0].state(now) != "active" or found[1].closed_at:
        return None
    row, account = found
    assert row.id is not None
    assert account.id is not None
    if row.used_at is None or now - row.used_at >= SEEN_EVERY:
        _seen(engine, row.id, now)
    viewer = Viewer(account.id, account.login, f"{row.name}, jeton de {account.name}"[:80], account.role_set, "")
    return Bearer(row.id, viewer, _in_force(row.scope_set, account.role_set))


def _in_force(scopes: frozenset[str], roles: frozenset[str]) -> frozenset[str]:
    kept = {scope for scope in scopes if scope in SCOPES and SCOPES[scope].roles & roles}
    return frozenset(kept | {f"{scope.partition(':')[0]}:read" for scope in kept})


def _seen(engine: Engine, token_id: int, now: datetime) -> None:
    with transaction(engine) as session:
        session.exec(update(ApiToken).where(col(ApiToken.id) == token_id).values(used_at=now))
