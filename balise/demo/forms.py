"""Contact requests of people who do not exist, sealed as the page seals them."""

import base64
import random
import uuid
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from wire.request import ContactForm, binding

# Telephone numbers of the range that Arcep keeps for fiction (06 39 98 00 00 to 06 39 98 99 99).
_PEOPLE = (
    ("Camille Exemple", "changer", "Je travaille de nuit et je voudrais changer de métier sans perdre mon salaire."),
    ("Amina Fictive", "diplome", "Mon diplôme vient d’un autre pays. À qui le montrer ?"),
    ("Gaël Personne", "metier", "J’ai 50 ans, je cherche un bilan de compétences."),
    ("Maud Inventée", "formation", "Une alternance dans le commerce, près de chez moi."),
    ("Ibrahim Modèle", "financer", ""),
    ("Léna Démonstration", "", "Je ne sais pas par où commencer."),
)


def sealed_form(screen: dict[str, Any], draw: random.Random, number: int) -> dict[str, Any]:
    """The body of `POST /api/v1/requests`, for the key that the agent's screen names; people take turns by `number`."""
    name, topic, message = _PEOPLE[number % len(_PEOPLE)]
    phone = f"06 39 98 {draw.randrange(100):02} {draw.randrange(100):02}"
    when = draw.choice((("any",), ("morning",), ("evening",), ("noon", "afternoon")))
    origin = draw.choice(("metiers/j1501", "metiers/k1302", "acteurs", "home"))
    form = ContactForm(name=name, channel="phone", phone=phone, when=when, topic=topic, message=message, origin=origin)
    request, consent = str(uuid.uuid4()), "2026-11"
    info = binding(screen["terminal"], screen["generation"], consent, request)
    public = X25519PublicKey.from_public_bytes(_decode(screen["sealing"]["public"]))
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
    whole = suite.encrypt(form.model_dump_json().encode(), public, info=info)
    return {
        "id": request, "kid": screen["sealing"]["kid"], "consent": consent, "enc": _encode(whole[:32]),
        "ciphertext": _encode(whole[32:]), "session": str(uuid.uuid4()),
    }  # fmt: skip


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
