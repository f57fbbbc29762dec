"""Enrolment: by a one-time token, or by a code compared on both screens (`pairings`). Each makes a new generation.

Refused   the person or terminal is told why (`code` for machines): token_unknown, token_used, token_expired,
          bad_csr, pairing_unknown, pairing_over, pairing_wrong_code
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import update
from sqlmodel import Session, col

from fleet_server.access.audit import SYSTEM, record_act
from fleet_server.certificates import ca
from fleet_server.certificates.record import OUT, REASONS, issued, last_issuer, revoke_all
from fleet_server.context import Context
from fleet_server.db import after_commit
from fleet_server.keys import Authority
from fleet_server.terminals.commands import cancel_open
from fleet_server.terminals.desired import push
from fleet_server.terminals.models import EnrolmentToken, Pairing, Terminal, TerminalDesired, TerminalLive
from fleet_server.terminals.registry import turn
from fleet_server.web.viewer import Viewer
from wire.enrol import Enrolment, EnrolToken, RenewRequest, encode_token
from wire.sign import vouch

TOKEN_LIFETIME = timedelta(hours=48)
# An answer lost on the way may be asked for again, by the same key only.
REPEAT_WITHIN = timedelta(minutes=10)


class Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def root_digest(ctx: Context) -> str:
    return hashlib.sha256(ctx.root()).hexdigest()


# ---- by token ----------------------------------------------------------------------------------------------------


def make_token(session: Session, ctx: Context, terminal: Terminal, viewer: Viewer | None) -> str:
    """The token, shown once. Tokens made before for this terminal no longer hold."""
    session.execute(
        update(EnrolmentToken)
        .where(col(EnrolmentToken.terminal) == terminal.id, col(EnrolmentToken.used_at).is_(None))
        .values(revoked=True)
    )
    secret, now = secrets.token_urlsafe(32), ctx.now()
    session.add(
        EnrolmentToken(digest=sha256(secret), terminal=terminal.id, made_at=now, expires_at=now + TOKEN_LIFETIME,
                       by=viewer.name if viewer else "")
    )  # fmt: skip
    record_act(session, viewer, "terminal.token_made", terminal.id, {"name": terminal.name}, now=now)
    return encode_token(
        EnrolToken(server=ctx.settings.url, secret=secret, ca=ctx.keys.authority.digest, root=root_digest(ctx))
    )


def void_invitations(session: Session) -> None:
    """Tokens that have not been used, pairings that wait: they name an authority that enrols nobody any more."""
    unused = update(EnrolmentToken).where(col(EnrolmentToken.used_at).is_(None))
    session.execute(unused.values(revoked=True))
    session.execute(update(Pairing).where(col(Pairing.status) == "waiting").values(status="refused"))


def enrol_by_token(session: Session, ctx: Context, secret: str, csr: str, hardware: str) -> Enrolment:
    """Raises `Refused`. The token is used up by a guarded update: two terminals can't both win."""
    key, now = key_of(csr), ctx.now()
    token = session.get(EnrolmentToken, sha256(secret))
    if token is None or token.revoked:
        raise Refused("token_unknown", "Ce jeton n’existe pas, ou un plus récent l’a remplacé.")
    fingerprint = hashlib.sha256(ca.public_der(key)).hexdigest()
    if token.used_at is not None:
        if token.used_key == fingerprint and now - token.used_at < REPEAT_WITHIN:
            return handed_out(session, ctx, token.terminal, key)
        raise Refused("token_used", "Ce jeton a déjà servi. Demandez-en un autre dans le back-office.")
    if token.expires_at < now:
        raise Refused("token_expired", "Ce jeton a expiré. Demandez-en un autre dans le back-office.")
    taken = session.execute(
        update(EnrolmentToken)
        .where(col(EnrolmentToken.digest) == token.digest, col(EnrolmentToken.used_at).is_(None))
        .values(used_at=now, used_key=fingerprint)
    )
    if taken.rowcount != 1:  # type: ignore[attr-defined]
        raise Refused("token_used", "Ce jeton a déjà servi. Demandez-en un autre dans le back-office.")
    return enrol(session, ctx, session.get_one(Terminal, token.terminal), key, hardware, "token")


def note_refused(session: Session, ctx: Context, secret: str, refused: Refused) -> bool:
    """A refused token is worth a line in the audit log; the secret itself is not in it.

    False, and no line, for a token that was never made: anybody may invent any number of them.
    """
    token = session.get(EnrolmentToken, sha256(secret))
    if token is None:
        return False
    record_act(session, None, "terminal.enrolment_refused", token.terminal, {"why": refused.code}, now=ctx.now())
    return True


# ---- both --------------------------------------------------------------------------------------------------------


def enrol(session: Session, ctx: Context, terminal: Terminal, key: EllipticCurvePublicKey, hardware: str,
          how: str) -> Enrolment:  # fmt: skip
    """A new generation: the former enrolment is void at once, its commands are cancelled, revisions start again."""
    now = ctx.now()
    cancel_open(session, terminal.id, "nouvel enrôlement", now)
    revoke_all(session, terminal.id, "superseded", SYSTEM, now)
    terminal.generation += 1
    by = ctx.keys.authority
    certificate = _issue(session, ctx, terminal, key, by)
    turn(session, terminal, now)
    terminal.status, terminal.isolated = "accepted", ""
    terminal.public_key, terminal.hardware = ca.public_pem(key), hardware
    terminal.enrolled_at = now
    wanted = session.get_one(TerminalDesired, terminal.id)
    wanted.revision, wanted.highest_reported = 1, 0
    live = session.get_one(TerminalLive, terminal.id)
    live.boots, live.number, live.report, live.connected, live.connection = [], 0, None, False, ""
    session.add_all([terminal, wanted, live])
    record_act(session, None, "terminal.enrolled", terminal.id,
               {"name": terminal.name, "generation": terminal.generation, "how": how}, now=now)  # fmt: skip
    after_commit(session, lambda: push(ctx, [terminal.id]))
    return _answer(ctx, terminal, certificate, by)


def put_out(session: Session, ctx: Context, terminal: Terminal, reason: str, viewer: Viewer | None,
            who: str = "") -> None:  # fmt: skip
    """Nothing of it is taken any more, from this commit on; what it told stays. A new token would let it in again.

    `reason`: one of `certificates.record.OUT`. Its certificates are revoked, and the broker ends its connection.
    """
    assert reason in OUT
    now, words = ctx.now(), REASONS[reason][0]
    cancel_open(session, terminal.id, words, now)
    session.execute(
        update(EnrolmentToken)
        .where(col(EnrolmentToken.terminal) == terminal.id, col(EnrolmentToken.used_at).is_(None))
        .values(revoked=True)
    )
    terminal.status, terminal.public_key = "decommissioned", ""
    turn(session, terminal, now)
    session.get_one(TerminalLive, terminal.id).connected = False
    session.add(terminal)
    revoked = revoke_all(session, terminal.id, reason, viewer.name if viewer else who or SYSTEM, now)
    act = "terminal.declared_stolen" if reason == "stolen" else "terminal.decommissioned"
    record_act(session, viewer, act, terminal.id, {"name": terminal.name, "certificates": revoked}, now=now, who=who)
    after_commit(session, lambda: ctx.live.touch("flotte"))
    after_commit(session, lambda: ctx.live.touch("certificats"))


def renew(session: Session, ctx: Context, terminal: Terminal, asked: RenewRequest) -> str:
    """A new certificate for the key already enrolled, PEM. Raises `Refused`.

    By the newest authority that the terminal says it believes: one that it does not know would be of no use to it.

    The older one holds until its end: it is of the same key, and the terminal may not have kept the answer.
    """
    key, now = key_of(asked.csr), ctx.now()
    if ca.public_pem(key) != terminal.public_key:
        raise Refused("bad_csr", "Un renouvellement garde la clé de l’enrôlement.")
    if terminal.certificate_until and now - terminal.certificate_until > timedelta(days=365):
        raise Refused("too_old", "Le certificat a expiré depuis plus d’un an : enrôlez la borne de nouveau.")
    by = _believed(session, ctx, terminal, asked.authorities)
    certificate = _issue(session, ctx, terminal, key, by)
    record_act(session, None, "terminal.certificate_renewed", terminal.id, now=now)
    return ca.pem(certificate)


def _believed(session: Session, ctx: Context, terminal: Terminal, named: Sequence[str]) -> Authority:
    """An agent that names none believes the one that issued its last certificate, and no other."""
    authorities = ctx.keys.authorities
    last = "" if named else last_issuer(session, terminal.id)
    for one in authorities:
        if one.digest in named or (not named and last in ("", one.id)):
            return one
    raise Refused("unknown_authority", "La borne ne connaît pas l’autorité d’aujourd’hui : enrôlez-la de nouveau.")


def handed_out(session: Session, ctx: Context, terminal_id: str, key: EllipticCurvePublicKey) -> Enrolment:
    terminal = session.get_one(Terminal, terminal_id)
    if terminal.public_key != ca.public_pem(key):
        raise Refused("token_used", "Ce jeton a déjà servi. Demandez-en un autre dans le back-office.")
    by = ctx.keys.authority
    return _answer(ctx, terminal, _issue(session, ctx, terminal, key, by), by)


def _issue(
    session: Session, ctx: Context, terminal: Terminal, key: EllipticCurvePublicKey, by: Authority
) -> x509.Certificate:
    made = ca.issue(by, terminal.id, key, ctx.now())
    issued(session, made, "terminal", terminal.id, ctx.now(), terminal.generation)
    terminal.certificate_until = made.not_valid_after_utc
    session.add(terminal)
    return made


def _answer(ctx: Context, terminal: Terminal, certificate: x509.Certificate, by: Authority) -> Enrolment:
    settings = ctx.settings
    host, port, tls = settings.broker_for_terminals
    signing = ctx.keys.signing.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    given = Enrolment(
        terminal=terminal.id, generation=terminal.generation, server=settings.url, certificate=ca.pem(certificate),
        ca=by.pem, signing_key=signing, root=ctx.root().decode(),
        mqtt_host=host, mqtt_port=port, mqtt_tls=tls,
    )  # fmt: skip
    return vouch(given, by.key)


def key_of(csr: str) -> EllipticCurvePublicKey:
    try:
        return ca.requested_key(csr)
    except ca.BadRequest as error:
        raise Refused("bad_csr", f"Refusé : {error}.") from error
