"""A contact request, sealed in the page: HPKE (RFC 9180), DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM.

It travels apart from usage events, by HTTPS, alone, after a random delay. What binds it to its context is HPKE's `info`
(`binding`): the enrolment, the consent text the person read, and the request's own random id.
"""

from typing import Annotated, Literal

from pydantic import Field

from wire.message import Message, Short, TerminalId

MAX_SEALED_BYTES = 16 * 1024
RequestId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
"""UUIDv4: random, it tells nothing of when."""


class SealedRequest(Message):
    """What the page hands over and the terminal keeps. `enc` and `ciphertext`: base64url without padding."""

    id: RequestId
    terminal: TerminalId
    generation: int = Field(ge=1)
    kid: Short
    consent: Short
    """Version of the consent text shown."""
    day: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    hour: int = Field(ge=0, le=23)
    enc: Annotated[str, Field(min_length=43, max_length=43)]
    ciphertext: Annotated[str, Field(max_length=MAX_SEALED_BYTES)]


def binding(terminal: str, generation: int, consent: str, request: str) -> bytes:
    """HPKE `info`: a sealed form can't be moved to another terminal, enrolment, consent text or request."""
    return f"balise-request/1|{terminal}|{generation}|{consent}|{request}".encode()


class ContactForm(Message):
    """The clear text, known only to the page and to the server that opens it. At least one of phone and e-mail."""

    format: Literal[1] = 1
    name: Annotated[str, Field(min_length=1, max_length=120)]
    channel: Literal["phone", "email", "sms"]
    phone: Annotated[str, Field(max_length=30)] = ""
    email: Annotated[str, Field(max_length=200)] = ""
    when: tuple[Literal["morning", "noon", "afternoon", "evening", "any"], ...] = ("any",)
    topic: Annotated[str, Field(max_length=60)] = ""
    actor: Annotated[str, Field(max_length=60)] = ""
    """Id of the actor wanted in the content, empty for any counsellor."""
    origin: Annotated[str, Field(max_length=120)] = ""
    message: Annotated[str, Field(max_length=1000)] = ""
    postcode: Annotated[str, Field(max_length=5)] = ""
    language: Annotated[str, Field(max_length=12)] = "fr"
