"""A terminal proves itself: a token of at most 60 s, made by the enrolment's key, for this very request."""

import hashlib
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request

from fleet_server.certificates.ca import load_public
from fleet_server.context import context
from fleet_server.db import reading
from fleet_server.terminals.models import Terminal
from wire.sign import Foreign, Outdated, Unreadable, Untrusted, claimed_by, proven_digest


class Proven:
    """The terminal that sent this request, and the body that it proved."""

    def __init__(self, terminal: Terminal, body: bytes) -> None:
        self.terminal = terminal
        self.body = body


async def _prove(request: Request, authorization: str, clock_free: bool) -> Proven:
    ctx = context(request)
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise _refused("proof_missing", "A terminal proves each request by its key.")
    try:
        terminal_id, generation = claimed_by(token)
        with reading(ctx.engine) as session:
            terminal = session.get(Terminal, terminal_id)
        if terminal is None or not terminal.public_key:
            raise Foreign("no such terminal")
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        digest = proven_digest(token, request.method, path, load_public(terminal.public_key), ctx.now(),
                               clock_free=clock_free)  # fmt: skip
    except Outdated as error:
        raise _refused("proof_outdated", str(error)) from error
    except Unreadable as error:
        raise _refused("proof_unreadable", str(error)) from error
    except Untrusted as error:
        raise _refused("proof_foreign", str(error)) from error
    if terminal.status != "accepted" or terminal.generation != generation:
        raise HTTPException(403, {"error": "not_accepted", "message": "This enrolment is no longer in force."})
    if terminal.isolated:
        raise HTTPException(403, {"error": "isolated", "message": "This terminal is isolated: see the back-office."})
    body = await request.body()  # not a byte of it before: what strangers send is never held
    if hashlib.sha256(body).hexdigest() != digest:
        raise _refused("proof_foreign", "made for another body")
    return Proven(terminal, body)


def _refused(code: str, message: str) -> HTTPException:
    return HTTPException(401, {"error": code, "message": message}, headers={"WWW-Authenticate": "Bearer"})


async def proven(request: Request, authorization: Annotated[str, Header()] = "") -> Proven:
    return await _prove(request, authorization, clock_free=False)


async def proven_without_clock(request: Request, authorization: Annotated[str, Header()] = "") -> Proven:
    """State pull and renewal only: a terminal whose clock is lost may still ask (`wire.sign.proven_digest`)."""
    return await _prove(request, authorization, clock_free=True)


ProvenDep = Annotated[Proven, Depends(proven)]
ClockFreeDep = Annotated[Proven, Depends(proven_without_clock)]


def _terminal(proof: ProvenDep) -> Terminal:
    return proof.terminal


TerminalDep = Annotated[Terminal, Depends(_terminal)]
