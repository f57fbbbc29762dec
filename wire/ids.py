"""UUIDv7 (RFC 9562 §5.7): time-ordered, so that a table keyed by them grows at its end."""

import secrets

_RAND_BITS = 74


def uuid7(unix_ms: int, random_bits: int | None = None) -> str:
    """The identifier of a thing made at `unix_ms` (milliseconds since 1970; a wrong clock still yields a unique id)."""
    rand = secrets.randbits(_RAND_BITS) if random_bits is None else random_bits & ((1 << _RAND_BITS) - 1)
    value = (unix_ms & ((1 << 48) - 1)) << 80 | 0x7 << 76 | (rand >> 62) << 64 | 0b10 << 62 | rand & ((1 << 62) - 1)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
