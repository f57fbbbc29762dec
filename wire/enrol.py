"""How a terminal and its server come to know each other, and prove it afterwards.

Token: `balise-enrol-1.<base64url of EnrolToken>`, used once; it carries the server's address and the fingerprints by
which the terminal recognises *its* server. Pairing: no secret travels; the same code, derived from both keys, is shown
on both screens and compared by a person (10 minutes, 5 tries).
"""

import base64
import hashlib
from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from wire.message import Digest, Instant, Message, Short, TerminalId

TOKEN_PREFIX = "balise-enrol-1."  # noqa: S105  # the prefix of a token, not one


class EnrolToken(Message):
    """`server`: base URL. `ca`: SHA-256 of the fleet CA certificate (DER). `root`: SHA-256 of the TUF root metadata."""

    server: Annotated[str, Field(pattern=r"^https?://", max_length=300)]
    secret: Annotated[str, Field(min_length=32, max_length=64)]
    ca: Digest
    root: Digest


class BadToken(ValueError):
    """Not a token of ours, or cut short when it was copied: ask for it again."""


def encode_token(token: EnrolToken) -> str:
    return TOKEN_PREFIX + base64.urlsafe_b64encode(token.model_dump_json().encode()).decode().rstrip("=")


def decode_token(text: str) -> EnrolToken:
    """Raises `BadToken`."""
    text = text.strip()
    if not text.startswith(TOKEN_PREFIX):
        raise BadToken(f"an enrolment token begins with {TOKEN_PREFIX!r}")
    body = text.removeprefix(TOKEN_PREFIX)
    try:
        return EnrolToken.model_validate_json(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, ValidationError) as error:
        raise BadToken("the enrolment token is incomplete or damaged: copy it again, whole") from error


class EnrolRequest(Message):
    """`csr`: PEM, P-256, signed by the key that never leaves the terminal; its subject is ignored."""

    secret: Annotated[str, Field(min_length=32, max_length=64)]
    csr: Annotated[str, Field(max_length=8192)]
    hardware: Short = ""


class PairingRequest(Message):
    """`commitment`: SHA-256 of the terminal's nonce, shown only after the server's: no one between can steer the code.

    Without it, whoever sits in the middle would try nonces until both codes agree.
    """

    csr: Annotated[str, Field(max_length=8192)]
    commitment: Digest
    hardware: Short = ""


class PairingOpened(Message):
    """The server's half. `poll` authenticates the terminal's questions about this pairing."""

    pairing: Short
    poll: Annotated[str, Field(min_length=32, max_length=64)]
    nonce: Annotated[str, Field(min_length=22, max_length=64)]
    ca: Digest
    root: Digest
    expires_at: Instant


class PairingReveal(Message):
    """The terminal opens its commitment; both sides can now compute the code."""

    nonce: Annotated[str, Field(min_length=22, max_length=64)]


class PairingStatus(Message):
    status: Literal["waiting", "accepted", "refused", "expired"]
    enrolment: "Enrolment | None" = None


class Enrolment(Message):
    """What a terminal keeps of its enrolment: who it is, who its server is, and how to reach the broker.

    PEM certificates; `signing_key`: PEM Ed25519 public key that signs `desired`, `state` and commands. The server gives
    one `ca` and one key; a terminal keeps beside them those that it comes to believe (`wire.trust`).
    """

    terminal: TerminalId
    generation: int = Field(ge=1)
    server: Short
    certificate: Annotated[str, Field(max_length=16384)]
    ca: Annotated[str, Field(max_length=16384)]
    signing_key: Annotated[str, Field(max_length=2048)]
    root: Annotated[str, Field(max_length=65536)]
    """TUF root metadata, JSON; its SHA-256 is the token's `root`."""
    mqtt_host: Short
    mqtt_port: int = Field(ge=1, le=65535)
    mqtt_tls: bool
    signature: Annotated[str, Field(max_length=200)] = ""
    """Of all that the certificate does not say, by the fleet CA (`wire.sign.vouch`): the token names the CA, hence
    nobody between can put another signing key, server or broker in."""


def in_the_clear(host: str, tls: bool) -> bool:
    """Whether a broker at `host` would be spoken to over a network without TLS: neither side ever does."""
    if tls or host == "localhost":
        return False
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return True


def pairing_code(terminal_key: bytes, ca: str, root: str, terminal_nonce: str, server_nonce: str) -> str:
    """Eight digits, `1234-5678`, shown on both screens. `terminal_key`: SubjectPublicKeyInfo, DER."""
    context = f"|{ca}|{root}|{terminal_nonce}|{server_nonce}".encode()
    mixed = hashlib.sha256(b"balise-pairing/1|" + terminal_key + context)
    number = int.from_bytes(mixed.digest()[:8]) % 10**8
    return f"{number // 10**4:04d}-{number % 10**4:04d}"


class RenewRequest(Message):
    """A new certificate for a key already enrolled, proved by the request's own signature (`sign.prove`).

    `authorities`: whom the terminal believes; the certificate is by one of them. None named: by that of the one before.
    """

    csr: Annotated[str, Field(max_length=8192)]
    authorities: Annotated[tuple[Digest, ...], Field(max_length=8)] = ()


class Renewed(Message):
    certificate: Annotated[str, Field(max_length=16384)]
