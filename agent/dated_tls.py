"""TLS judged by the terminal's own clock, not by the system's, which may show the year 2000 after three months off.

OpenSSL still checks names and signatures; only the dates are ours to check, for every certificate that was presented
and accepted.
"""

import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from cryptography import x509

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, openssl/x509_vfy.h; the ssl module gives it no name

_DER = 2  # _ssl.ENCODING_DER


class DatedContext(ssl.SSLContext):
    """`now` says at what time certificates are judged. Else `since`: a moment that is past, whatever the time is, by
    which none may have ended. Neither: at no time, only whose they are."""

    now: Callable[[], datetime] | None
    since: Callable[[], datetime] | None


class _DatedSocket(ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        super().do_handshake(block)
        assert isinstance(self.context, DatedContext)
        if self.context.now:
            for certificate in _presented(self):
                check_dates(certificate, self.context.now())
        elif self.context.since:
            for certificate in _presented(self):
                check_not_ended(certificate, self.context.since())


def check_dates(certificate: x509.Certificate, now: datetime) -> None:
    """Raises `ssl.SSLCertVerificationError`."""
    if now < certificate.not_valid_before_utc:
        _refuse(certificate, now)
    check_not_ended(certificate, now)


def check_not_ended(certificate: x509.Certificate, now: datetime) -> None:
    """Raises `ssl.SSLCertVerificationError`."""
    if certificate.not_valid_after_utc < now:
        _refuse(certificate, now)


def _refuse(certificate: x509.Certificate, now: datetime) -> NoReturn:
    span = f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"
    raise ssl.SSLCertVerificationError(f"certificate valid from {span}, judged at {now:%Y-%m-%d}")


def _presented(connection: ssl.SSLSocket) -> list[x509.Certificate]:
    # Python 3.13 makes get_verified_chain public; before, the object behind the socket has it.
    chain: Any = getattr(getattr(connection, "_sslobj", None), "get_verified_chain", None)
    leaf = connection.getpeercert(binary_form=True)
    ders = [each if isinstance(each, bytes) else each.public_bytes(_DER) for each in chain()] if chain else [leaf]
    return [x509.load_der_x509_certificate(der) for der in ders if der]


def dated_context(
    now: Callable[[], datetime] | None, ca: Path | None = None, client: Path | None = None,
    since: Callable[[], datetime] | None = None,
) -> DatedContext:  # fmt: skip
    """For a client. `ca`: PEM of the only authority believed, else the system's; `client`: PEM, key and certificate."""
    context = DatedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.now, context.since = now, since
    context.sslsocket_class = _DatedSocket
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    if ca:
        context.load_verify_locations(ca)
    else:
        context.load_default_certs()
    if client:
        context.load_cert_chain(client)
    return context
