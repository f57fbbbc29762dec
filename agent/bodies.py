"""What the local API reads from a page: bounded, and refused without repeating what was typed."""

import json
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request

MAX_BODY = 256 * 1024


class TooLarge(Exception):
    pass


async def read_json(request: Request) -> Any:
    """The body, bounded. Raises `TooLarge`, `ValueError`."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise TooLarge
    return json.loads(bytes(body))


def said(error: Exception) -> str:
    """What is wrong, without repeating what was typed."""
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"[:300]
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at character {error.pos}"
    if isinstance(error, KeyError | TypeError | AttributeError):
        return "not of the expected shape"
    return str(error)[:300]
