"""People at the kiosks, and their forms sealed as the page seals them."""

import base64
import uuid

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from fleet_server.requests.models import ContactRequest
from wire.request import ContactForm, SealedRequest, binding

KEY = X25519PrivateKey.generate()
PUBLIC = KEY.public_key()
KID = "2026-11"
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
LAVAL = {"terminal": "laval-01", "site": "laval-fs", "place": "France services, Laval", "commune_name": "Laval"}
SEGRE = {"terminal": "segre-01", "site": "segre", "place": "Campus connecté (démonstration)", "commune_name": "Segré"}
# The office's clock says Tuesday 24 November 2026, noon in Paris.
NIGHT_WORK = (
    "J’ai 46 ans, je travaille en usine de nuit. Je voudrais devenir aide-soignante mais je ne sais pas si je peux "
    "garder mon salaire."
)
TAKEN_BY_MAELLE = {"state": "taken", "taken_by": "maelle", "taken_by_name": "Maëlle Riou"}
TAKEN_BY_YANN = {"state": "taken", "taken_by": "yann", "taken_by_name": "Yann Le Gall"}


def form(name: str, reach: str, **more: object) -> ContactForm:
    channel = "email" if "@" in reach else "phone"
    return ContactForm.model_validate({"name": name, "channel": channel, channel: reach} | more)


PEOPLE: dict[str, tuple[ContactForm, dict[str, object]]] = {
    "sylvie": (
        form("Sylvie Grimault", "06 00 00 00 12", when=("evening",), topic="changer-de-metier", message=NIGHT_WORK,
             origin="metiers/j1501", actor="cap-emploi", postcode="53000"),
        LAVAL | {"day": "2026-11-18", "hour": 17},
    ),
    "thierry": (
        form("Thierry Lucas", "thierry.lucas@example.org", topic="bilan"),
        SEGRE | {"day": "2026-11-23", "hour": 10},
    ),
    "chloe": (
        form("Chloé Rambaud", "06 00 00 00 31", channel="sms", when=("noon", "afternoon"), topic="alternance"),
        LAVAL | {"day": "2026-11-23", "hour": 14},
    ),
    "jeanne": (form("Jeanne", "06 00 00 00 44"), SEGRE | {"day": "2026-11-24", "hour": 11}),
    "nadege": (
        form("Nadège Ollivier", "06 00 00 00 58", topic="vae"),
        LAVAL | {"day": "2026-11-20", "hour": 9} | TAKEN_BY_MAELLE,
    ),
    "omar": (form("Omar Diallo", "06 00 00 00 61"), LAVAL | {"day": "2026-11-23", "hour": 9} | TAKEN_BY_YANN),
    "spoilt": (form("Perdue", "06 00 00 00 99"), SEGRE | {"day": "2026-11-24", "hour": 9, "kid": "2024-01"}),
}  # fmt: skip


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def request_id(name: str) -> str:
    """The same for everybody who says the name; a valid UUIDv4."""
    return str(uuid.UUID(bytes=uuid.uuid5(uuid.NAMESPACE_DNS, name).bytes, version=4))


def seal(form: ContactForm, request: str, terminal: str, key: X25519PublicKey = PUBLIC) -> tuple[str, str]:
    """`enc` and `ciphertext` as they travel, of a first enrolment and the consent text of 2026-11."""
    info = binding(terminal, 1, "2026-11", request)
    whole = SUITE.encrypt(form.model_dump_json().encode(), key, info=info)
    return b64(whole[:32]), b64(whole[32:])


def sealed_by(name: str) -> ContactRequest:
    form, fields = PEOPLE[name]
    enc, ciphertext = seal(form, request_id(name), str(fields["terminal"]))
    known = {
        "generation": 1,
        "kid": KID,
        "consent": "2026-11",
        "department": "53",
        "enc": enc,
        "ciphertext": ciphertext,
    }
    return ContactRequest(**{"id": request_id(name)} | known | fields)


def message_by(name: str, **changed: object) -> SealedRequest:
    """What the terminal sends."""
    row = sealed_by(name)
    fields = {field: getattr(row, field) for field in SealedRequest.model_fields}
    return SealedRequest.model_validate(fields | changed)
