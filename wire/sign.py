"""Signatures: what the server orders (EdDSA JWT for one terminal and enrolment), and how a terminal proves itself.

Bytes in, trusted message out: after `open_*` the type is the proof.

    Untrusted          never retry, report
    ├─ Foreign         signed by another, for another terminal or another enrolment
    ├─ Outdated        expired
    └─ Unreadable      not one of our messages at all
"""

import base64
import binascii
import contextlib
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import BaseModel, ValidationError

from wire.command import CallOff, Command
from wire.enrol import Enrolment
from wire.state import Desired, TerminalState

PROOF_LIFETIME = timedelta(seconds=60)
MAX_DOWN_BYTES = 256 * 1024


class Untrusted(Exception):
    pass


class Foreign(Untrusted):
    pass


class Outdated(Untrusted):
    pass


class Unreadable(Untrusted):
    pass


M = TypeVar("M", Desired, Command, CallOff, TerminalState)


def seal(use: str, body: BaseModel, terminal: str, generation: int, key: Ed25519PrivateKey) -> bytes:
    """A JWT binding `body` to one terminal, one enrolment and one `use` (`desired`, `command`, `call_off`, `state`)."""
    claims = {"aud": terminal, "gen": generation, "use": use, "body": body.model_dump(mode="json")}
    return jwt.encode(claims, key, algorithm="EdDSA").encode()


def unseal(use: str, model: type[M], raw: bytes, terminal: str, generation: int, *keys: Ed25519PublicKey) -> M:
    """Signed by any of `keys`. Raises `Untrusted`. Whether a command has expired, or a revision is old, is for the
    caller, who knows the clock.
    """
    if len(raw) > MAX_DOWN_BYTES:
        raise Unreadable(f"{len(raw)} bytes, at most {MAX_DOWN_BYTES} are read")
    claims = _claims(raw, terminal, keys)
    if claims.get("gen") != generation or claims.get("use") != use:
        raise Foreign(f"for enrolment {claims.get('gen')} and use {claims.get('use')!r}")
    try:
        return model.model_validate(claims.get("body"))
    except ValidationError as error:
        raise Unreadable(f"{error.error_count()} fields do not fit {model.__name__}") from error


def _claims(raw: bytes, terminal: str, keys: tuple[Ed25519PublicKey, ...]) -> Any:
    *others, last = keys
    for key in others:
        with contextlib.suppress(Foreign):
            return _claims(raw, terminal, (key,))
    try:
        return jwt.decode(raw, last, algorithms=["EdDSA"], audience=terminal, options={"require": ["aud"]})
    except (jwt.InvalidSignatureError, jwt.InvalidAudienceError, jwt.InvalidAlgorithmError) as error:
        raise Foreign(str(error)) from error
    except (jwt.PyJWTError, ValueError) as error:
        raise Unreadable(str(error)) from error


def claimed_use(raw: bytes) -> str:
    """What a signed message says it is for, unverified: only to choose what to open it as. Empty: unreadable."""
    try:
        return str(jwt.decode(raw, options={"verify_signature": False}).get("use"))
    except (jwt.PyJWTError, ValueError):
        return ""


def prove(method: str, path: str, body: bytes, terminal: str, generation: int, key: EllipticCurvePrivateKey,
          now: datetime) -> str:  # fmt: skip
    """The bearer token of one HTTP request: at most 60 s, bound to method, path with query, and body digest.

    So any proxy may stand between, and a stolen token repeats nothing else.
    """
    claims: dict[str, Any] = {
        "sub": terminal, "gen": generation, "iat": int(now.timestamp()), "exp": int((now + PROOF_LIFETIME).timestamp()),
        "htm": method, "htu": path, "bod": hashlib.sha256(body).hexdigest(),
    }  # fmt: skip
    return jwt.encode(claims, key, algorithm="ES256")


def claimed_by(token: str) -> tuple[str, int]:
    """Who a proof says it is from, unverified: only to look up the key. Raises `Unreadable`."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        return str(claims["sub"]), int(claims["gen"])
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise Unreadable("not a proof of ours") from error


def check_proof(token: str, method: str, path: str, body: bytes, key: EllipticCurvePublicKey, now: datetime,
                leeway: timedelta = timedelta(seconds=30), clock_free: bool = False) -> None:  # fmt: skip
    """Raises `Untrusted`. See `proven_digest`."""
    if proven_digest(token, method, path, key, now, leeway, clock_free) != hashlib.sha256(body).hexdigest():
        raise Foreign("made for another body")


def proven_digest(token: str, method: str, path: str, key: EllipticCurvePublicKey, now: datetime,
                  leeway: timedelta = timedelta(seconds=30), clock_free: bool = False) -> str:  # fmt: skip
    """The SHA-256 that the body must have, known before a byte of it is read. Raises `Untrusted`.

    `clock_free` (state pull and renewal only): a terminal whose clock is lost may still ask.

    What it may do with a replayed proof is read its own signed state over its own nonce: nothing.
    """
    try:
        claims = jwt.decode(token, key, algorithms=["ES256"], options={"verify_exp": False, "verify_iat": False})
    except jwt.InvalidSignatureError as error:
        raise Foreign("signed by another key") from error
    except (jwt.PyJWTError, ValueError) as error:
        raise Unreadable(str(error)) from error
    if (claims.get("htm"), claims.get("htu")) != (method, path):
        raise Foreign("made for another request")
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or not isinstance(expires, int) or expires - issued > PROOF_LIFETIME.total_seconds():
        raise Unreadable("without a lifetime of at most 60 s")
    digest = str(claims.get("bod"))
    if clock_free:
        return digest
    if not (datetime.fromtimestamp(issued, UTC) - leeway <= now <= datetime.fromtimestamp(expires, UTC) + leeway):
        raise Outdated("made at another time; the state answer carries the server's")
    return digest


def vouch(enrolment: Enrolment, ca: EllipticCurvePrivateKey) -> Enrolment:
    """The same enrolment, signed by the fleet CA."""
    signature = ca.sign(_vouched(enrolment), ECDSA(SHA256()))
    return enrolment.model_copy(update={"signature": base64.urlsafe_b64encode(signature).decode()})


def check_vouched(enrolment: Enrolment, ca: EllipticCurvePublicKey) -> None:
    """Raises `Foreign`."""
    try:
        ca.verify(base64.urlsafe_b64decode(enrolment.signature), _vouched(enrolment), ECDSA(SHA256()))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise Foreign("the enrolment was changed on its way: its CA has not signed it so") from error


def _vouched(enrolment: Enrolment) -> bytes:
    who, broker = f"{enrolment.terminal}|{enrolment.generation}", f"{enrolment.mqtt_host}|{enrolment.mqtt_port}"
    key = hashlib.sha256(enrolment.signing_key.encode()).hexdigest()
    return f"balise-enrolment/1|{who}|{enrolment.server}|{key}|{broker}|{enrolment.mqtt_tls}".encode()
