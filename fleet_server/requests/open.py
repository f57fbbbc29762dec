"""Bytes in, what the person wrote out: HPKE with the server's private key, at the moment of reading and never before.

The clear text lives in the answer to the counsellor who reads; it is not kept, not logged, not searched.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from pydantic import ValidationError

from fleet_server.requests.models import ContactRequest
from wire.request import ContactForm, binding

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A request that does not open. It stays in the inbox: somebody asked for something, and may come back."""

    reason: str
    """French, for the counsellor: what is wrong and what can still be done."""


def open_request(request: ContactRequest, keys: Mapping[str, X25519PrivateKey]) -> ContactForm | Unreadable:
    """Never raises: what can't be read is shown as such."""
    key = keys.get(request.kid)
    if key is None:
        return Unreadable(
            f"Elle est scellée pour la clé « {request.kid} », que ce serveur n’a pas. "
            "Si une sauvegarde contient cette clé, la remettre dans le dossier des clés suffit."
        )
    try:
        sealed = _decode(request.enc) + _decode(request.ciphertext)
        info = binding(request.terminal, request.generation, request.consent, request.id)
        clear = SUITE.decrypt(sealed, key, info=info)
    except (InvalidTag, ValueError):  # a wrong length and bad base64 are ValueErrors
        return Unreadable(
            "Son sceau ne s’ouvre pas : le texte a été abîmé en route, ou scellé pour une autre borne. "
            "Prévenez l’exploitation ; la borne en garde une copie pendant 72 heures."
        )
    try:
        return ContactForm.model_validate_json(clear)
    except ValidationError:
        # The validation error would quote what the person typed: it is not kept.
        return Unreadable("Elle s’ouvre, mais ce n’est pas un formulaire que cette version du serveur sait lire.")


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
