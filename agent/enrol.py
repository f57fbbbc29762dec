"""Becoming a terminal of a fleet: by a one-time token, or by a code compared on both screens.

Nobody has told the time yet, and the machine's own clock may show the year 2000: `since` is a moment that is surely
past (`Clock.floor`), and all that is asked of the server's HTTPS certificate, besides its name and its authority, is
that it had not ended by then. One that begins later may well have begun. What this lets through, and why it is little:
docs/decisions/0009-revocation.md.

Nothing is kept before it is checked: the CA and the TUF root are those named by the token (or by the code), and the
certificate is for the key made here. Raises, all over: `Unreachable` (try later), `Rejected` (the token is used or
expired, the pairing refused), `Untrusted` (another server answers than the one meant), `BadToken`.
"""

import hashlib
import secrets
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from agent.fleet import Http, Rejected, read_message
from agent.identity import (
    Identity,
    keep_identity,
    make_identity,
    pending_key,
    public_der,
    request_certificate,
)
from wire.enrol import (
    Enrolment,
    EnrolRequest,
    PairingOpened,
    PairingRequest,
    PairingReveal,
    PairingStatus,
    decode_token,
    pairing_code,
)
from wire.sign import Foreign, check_vouched

POLL_EVERY_S = 2.0


def enrol_with_token(token: str, directory: Path, since: Callable[[], datetime], hardware: str = "") -> Identity:
    """Enrol, and keep the identity in `directory`."""
    known = decode_token(token)
    key = pending_key(directory)
    request = EnrolRequest(secret=known.secret, csr=request_certificate(key), hardware=hardware[:200])
    raw = Http(known.server, None, since).post("/api/v1/enrol", request)
    return _keep(read_message(Enrolment, raw), directory, known.ca, known.root)


class Pairing:
    """One attempt to pair with `server`. `code` is on both screens; a person compares and accepts it there."""

    def __init__(self, server: str, directory: Path, since: Callable[[], datetime], hardware: str = "") -> None:
        """Opens the pairing with the server."""
        self._directory = directory
        self._http = Http(server, None, since)
        key = pending_key(directory)
        nonce = secrets.token_urlsafe(32)
        # The terminal commits to its nonce before it sees the server's: neither side can steer the code.
        commitment = hashlib.sha256(nonce.encode()).hexdigest()
        request = PairingRequest(csr=request_certificate(key), commitment=commitment, hardware=hardware[:200])
        self._opened = read_message(PairingOpened, self._http.post("/api/v1/pairing", request))
        self._poll = {"Authorization": f"Bearer {self._opened.poll}"}
        self._http.post(f"/api/v1/pairing/{self._opened.pairing}/reveal", PairingReveal(nonce=nonce), self._poll)
        self.code = pairing_code(public_der(key), self._opened.ca, self._opened.root, nonce, self._opened.nonce)
        self.server = self._http.base

    def ask(self) -> Identity | None:
        """The identity, kept, once someone has accepted; None while nobody has. Raises `Rejected` when it is over."""
        raw = self._http.call("GET", f"/api/v1/pairing/{self._opened.pairing}", headers=self._poll)
        answer = read_message(PairingStatus, raw)
        if answer.status == "waiting":
            return None
        if answer.status != "accepted" or answer.enrolment is None:
            raise Rejected(410, f"pairing_{answer.status}", "")
        return _keep(answer.enrolment, self._directory, self._opened.ca, self._opened.root)

    def wait(self, pause: Callable[[float], None] = time.sleep) -> Identity:
        """Ask until it is decided; for a command line. An event loop calls `ask` in its own rhythm."""
        while (identity := self.ask()) is None:
            pause(POLL_EVERY_S)
        return identity


def _keep(enrolment: Enrolment, directory: Path, ca: str, root: str) -> Identity:
    try:
        authority = x509.load_pem_x509_certificate(enrolment.ca.encode())
        fingerprint = authority.fingerprint(SHA256()).hex()
    except ValueError as error:
        raise Foreign("the server's CA certificate can't be read") from error
    if fingerprint != ca:
        raise Foreign(f"another server answers: its CA is {fingerprint[:16]}…, the one meant is {ca[:16]}…")
    if hashlib.sha256(enrolment.root.encode()).hexdigest() != root:
        raise Foreign("another server answers: its root of trust for contents is not the one meant")
    key = authority.public_key()
    if not isinstance(key, EllipticCurvePublicKey):
        raise Foreign("the server's CA is not of the kind that this fleet uses")
    check_vouched(enrolment, key)
    identity = make_identity(pending_key(directory), enrolment, directory)
    keep_identity(identity)
    return identity
