"""Enrolment by a code compared on both screens: the terminal asks, an operator types what its screen shows.

Each act raises `enrolment.Refused` when the terminal or the person is to be told why.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlmodel import Session, col, select

from fleet_server.access.audit import record_act
from fleet_server.certificates import ca
from fleet_server.context import Context
from fleet_server.db import after_commit
from fleet_server.terminals.enrolment import Refused, enrol, handed_out, key_of, root_digest, sha256
from fleet_server.terminals.models import Pairing, Terminal
from fleet_server.web.viewer import Viewer
from wire.enrol import Enrolment, PairingOpened, PairingRequest, pairing_code

PAIRING_LIFETIME = timedelta(minutes=10)
PAIRING_TRIES = 5
PAIRINGS_KEPT = timedelta(days=1)
MAX_PAIRINGS_WAITING = 20


def open_pairing(session: Session, ctx: Context, asked: PairingRequest) -> PairingOpened:
    """The server's half, before it has seen the terminal's nonce. Raises `Refused`."""
    key_of(asked.csr)
    now = ctx.now()
    if len(waiting_pairings(session, now)) >= MAX_PAIRINGS_WAITING:
        raise Refused("too_many", "Trop de bornes attendent déjà d’être acceptées : traitez-les d’abord.")
    poll, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    pairing = Pairing(
        id=secrets.token_hex(8), csr=asked.csr, commitment=asked.commitment, poll_digest=sha256(poll), nonce=nonce,
        hardware=asked.hardware, opened_at=now, expires_at=now + PAIRING_LIFETIME,
    )  # fmt: skip
    session.add(pairing)
    return PairingOpened(pairing=pairing.id, poll=poll, nonce=nonce, ca=ctx.keys.authority.digest,
                         root=root_digest(ctx), expires_at=pairing.expires_at)  # fmt: skip


def reveal(session: Session, ctx: Context, pairing: Pairing, nonce: str) -> None:
    """The terminal opens its commitment; from here on the code is known on both sides. Raises `Refused`."""
    if sha256(nonce) != pairing.commitment or pairing.terminal_nonce not in ("", nonce):
        raise Refused("pairing_over", "La borne ne s’en tient pas à ce qu’elle avait annoncé.")
    key = ca.public_der(key_of(pairing.csr))
    pairing.terminal_nonce = nonce
    pairing.code = pairing_code(key, ctx.keys.authority.digest, root_digest(ctx), nonce, pairing.nonce)
    session.add(pairing)
    after_commit(session, lambda: ctx.live.touch("enrolement"))


def polled(session: Session, pairing_id: str, poll: str) -> Pairing:
    """The pairing that `poll` belongs to. Raises `Refused`."""
    pairing = session.get(Pairing, pairing_id)
    if pairing is None or not secrets.compare_digest(pairing.poll_digest, sha256(poll)):
        raise Refused("pairing_unknown", "Cette demande d’appairage n’existe pas.")
    return pairing


def forget_pairings(session: Session, now: datetime) -> None:
    """Those that ended a day ago: their terminal has long been answered."""
    session.execute(delete(Pairing).where(col(Pairing.expires_at) < now - PAIRINGS_KEPT))


def status_of(pairing: Pairing, now: datetime) -> str:
    if pairing.status == "waiting" and pairing.expires_at < now:
        return "expired"
    return pairing.status


def waiting_pairings(session: Session, now: datetime) -> list[Pairing]:
    query = select(Pairing).where(Pairing.status == "waiting", col(Pairing.expires_at) > now)
    return list(session.exec(query.order_by(col(Pairing.opened_at))))


def accept_pairing(session: Session, ctx: Context, pairing: Pairing, terminal: Terminal, code: str,
                   viewer: Viewer) -> bool:  # fmt: skip
    """The operator types the code that stands on the terminal's screen. False: wrong, and one try less.

    Raises `Refused` when the pairing is over. The terminal fetches its enrolment at its next question.
    """
    now = ctx.now()
    if status_of(pairing, now) != "waiting" or not pairing.code:
        raise Refused("pairing_over", "Cette demande n’attend plus : recommencez sur la borne.")
    if not secrets.compare_digest(_digits(code), _digits(pairing.code)):
        pairing.tries += 1
        if pairing.tries >= PAIRING_TRIES:
            pairing.status = "refused"
        session.add(pairing)
        record_act(session, viewer, "terminal.pairing_wrong_code", terminal.id, {"tries": pairing.tries}, now=now)
        return False
    pairing.status, pairing.terminal = "accepted", terminal.id
    session.add(pairing)
    enrol(session, ctx, terminal, key_of(pairing.csr), pairing.hardware, "pairing")
    record_act(session, viewer, "terminal.pairing_accepted", terminal.id, {"name": terminal.name}, now=now)
    return True


def refuse_pairing(session: Session, ctx: Context, pairing: Pairing, viewer: Viewer) -> None:
    pairing.status = "refused"
    session.add(pairing)
    record_act(session, viewer, "terminal.pairing_refused", pairing.id, now=ctx.now())


def paired(session: Session, ctx: Context, pairing: Pairing) -> Enrolment:
    """The enrolment of an accepted pairing, for the terminal that asks."""
    return handed_out(session, ctx, pairing.terminal, key_of(pairing.csr))


def _digits(code: str) -> str:
    return "".join(character for character in code if character.isdigit())
