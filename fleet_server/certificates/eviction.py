"""A revoked terminal leaves the broker: the list is written, the broker is seen to honour it, the connection is ended.

In this order, else it would come back. Whether the broker has read the list is not presumed: a certificate of the
server's own, revoked together with the terminal's, is shown at its door until it is refused there.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key

from fleet_server.access.audit import record_act
from fleet_server.certificates import ca
from fleet_server.certificates.knock import knock
from fleet_server.certificates.models import Certificate
from fleet_server.certificates.record import forget_passing, issued, still_inside
from fleet_server.certificates.revoked import keep_list
from fleet_server.context import Context
from fleet_server.db import reading, transaction

EVERY_S = 1.0
LATE = timedelta(seconds=60)
PROBE = "probe"
"""The name in the server's own revoked certificate; a terminal's id never looks like it."""
_PASSING = timedelta(hours=1)
_ASKED_AGAIN = timedelta(seconds=30)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Probe:
    """Revoked at `at`: a broker that refuses it knows of all that was revoked by then."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey
    at: datetime


class Evictions:
    """One turn a second while the server runs; what the command line revoked is found in the database."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._probe: _Probe | None = None
        self._said_late: datetime | None = None

    def turn(self) -> list[str]:
        """The names that have left in this turn."""
        ctx, now = self._ctx, self._ctx.now()
        keep_list(ctx.settings, ctx.keys, ctx.engine, now)
        # The broker that comes along is on loopback and knows no certificates: ingest's ignoring is all there is.
        if ctx.settings.mqtt_tls_certificate is None:
            return []
        with reading(ctx.engine) as session:
            waiting = still_inside(session, now)
        if not waiting:
            self._probe = None
            return []
        probe = self._probe_after(waiting, now)
        if knock(ctx.settings, probe.certificate, probe.key, PROBE) != "revoked":
            self._tell_if_late(waiting, now)
            return []
        due = [one for one in waiting if one.revoked_at and one.revoked_at <= probe.at]
        names = sorted({one.name for one in due})
        out = [name for name in names if self._end_connection(name)]
        self._note([one for one in due if one.name in out], out)
        return out

    def _probe_after(self, waiting: list[Certificate], now: datetime) -> _Probe:
        """One that was revoked no earlier than any of these, and is on the list."""
        newest = max(one.revoked_at for one in waiting if one.revoked_at)
        probe = self._probe
        if probe is None or probe.at < newest or now - probe.at > _PASSING / 2:
            key = generate_private_key(SECP256R1())
            made = ca.issue(self._ctx.keys.authority, PROBE, key.public_key(), now, _PASSING)
            with transaction(self._ctx.engine) as session:
                row = issued(session, made, "probe", PROBE, now)
                row.revoked_at, row.reason = max(now, newest), "probe"
                forget_passing(session, now)
            self._probe = probe = _Probe(made, key, max(now, newest))
            keep_list(self._ctx.settings, self._ctx.keys, self._ctx.engine, now)
        return probe

    def _end_connection(self, name: str) -> bool:
        ctx, key = self._ctx, generate_private_key(SECP256R1())
        made = ca.issue(ctx.keys.authority, name, key.public_key(), ctx.now(), timedelta(minutes=5))
        with transaction(ctx.engine) as session:
            issued(session, made, "eviction", name, ctx.now())
        return knock(ctx.settings, made, key, name) == "let in"

    def _note(self, gone: list[Certificate], names: list[str]) -> None:
        now = self._ctx.now()
        with transaction(self._ctx.engine) as session:
            for one in gone:
                session.get_one(Certificate, one.serial).out_at = now
            for name in names:
                record_act(session, None, "terminal.put_out", name, now=now)
        self._ctx.live.touch("certificats")
        log.info("certificates.put_out", terminals=names)

    def _tell_if_late(self, waiting: list[Certificate], now: datetime) -> None:
        first = min(one.revoked_at for one in waiting if one.revoked_at)
        told = self._said_late and now - self._said_late < _ASKED_AGAIN
        if now - first > LATE and not told:
            self._said_late = now
            log.error("certificates.broker_lets_revoked_in", since=first.isoformat(), terminals=len(waiting))
