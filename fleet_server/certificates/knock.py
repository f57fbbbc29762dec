"""One MQTT connection with a certificate, to see whether the broker lets it in.

A client id is in use once: who connects under a terminal's name ends the connection that had it (MQTT 5, 3.1.4). So the
CA, which may name anybody, ends the connection of a terminal that is out, and no broker need be restarted.
"""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_connection
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fleet_server.settings import Settings

Answer = Literal["let in", "revoked", "refused", "unreachable"]
"""`revoked`: said by the broker in so many words. `refused`: for another reason, or for none."""
_PATIENCE_S = 5.0
_OBJECTS_WITHIN_S = 0.5
_REVOKED = "CERTIFICATE_REVOKED"


def knock(settings: Settings, certificate: x509.Certificate, key: EllipticCurvePrivateKey, client_id: str) -> Answer:
    """Connect under `client_id`, and leave at once."""
    try:
        tcp = create_connection((settings.mqtt_host, settings.mqtt_port), timeout=_PATIENCE_S)
    except OSError:
        return "unreachable"
    with tcp:
        try:
            with _context(settings, certificate, key).wrap_socket(tcp, server_hostname=settings.mqtt_host) as tls:
                _let_it_object(tls)
                tls.sendall(connect_packet(client_id))
                answer = tls.recv(64)
                if len(answer) < 4 or answer[0] != 0x20 or answer[3] != 0:
                    return "refused"
                tls.sendall(b"\xe0\x00")
                return "let in"
        except ssl.SSLCertVerificationError:
            return "unreachable"  # it is the broker that can't be believed
        except ssl.SSLError as error:
            return "revoked" if _REVOKED in (error.reason or "") else "refused"
        except TimeoutError:
            return "unreachable"
        except OSError:
            return "refused"


def presented(settings: Settings) -> x509.Certificate | None:
    """What the broker shows of itself, to the server's own certificate; None where it can't be reached or believed."""
    context = ssl.create_default_context(cafile=str(settings.mqtt_tls_ca))
    assert settings.mqtt_tls_certificate
    context.load_cert_chain(settings.mqtt_tls_certificate, settings.mqtt_tls_key)
    try:
        with (
            create_connection((settings.mqtt_host, settings.mqtt_port), timeout=_PATIENCE_S) as tcp,
            context.wrap_socket(tcp, server_hostname=settings.mqtt_host) as tls,
        ):
            shown = tls.getpeercert(binary_form=True)
    except OSError:
        return None
    return x509.load_der_x509_certificate(shown) if shown else None


def _let_it_object(tls: ssl.SSLSocket) -> None:
    """With TLS 1.3 a refusal comes after the handshake, and is lost when we write to who has hung up."""
    tls.settimeout(_OBJECTS_WITHIN_S)
    try:
        if not tls.recv(1):
            raise ConnectionResetError("hung up without a word")
    except TimeoutError:
        tls.settimeout(_PATIENCE_S)


def connect_packet(client_id: str) -> bytes:
    """MQTT 5 CONNECT: clean start, keep-alive 10 s, no session, no will."""
    name = client_id.encode()
    body = b"\x00\x04MQTT\x05\x02\x00\x0a\x00" + len(name).to_bytes(2) + name
    return bytes([0x10, len(body)]) + body


def _context(settings: Settings, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(settings.mqtt_tls_ca))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with _in_memory(pem + certificate.public_bytes(Encoding.PEM)) as path:
        context.load_cert_chain(path)
    return context


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """The ssl module reads keys from files alone: one that is on no disk."""
    descriptor = os.memfd_create("pair")
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
