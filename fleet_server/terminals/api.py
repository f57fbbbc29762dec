"""What terminals ask over HTTPS: enrolment, pairing, their state, a new certificate, a place for a file."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import ceil
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from sqlmodel import Session

from fleet_server.access.budget import Budget
from fleet_server.certificates.told import signer_known_to, told
from fleet_server.context import ContextDep, Writing
from fleet_server.db import reading, transaction
from fleet_server.ingest.cursors import cursors_of
from fleet_server.terminals import enrolment, files, pairings
from fleet_server.terminals.desired import desired_of
from fleet_server.terminals.enrolment import Refused
from fleet_server.terminals.models import Terminal
from fleet_server.terminals.proof import ClockFreeDep, ProvenDep
from fleet_server.web.errors import refusals
from wire.enrol import (
    Enrolment,
    EnrolRequest,
    PairingOpened,
    PairingRequest,
    PairingReveal,
    PairingStatus,
    Renewed,
    RenewRequest,
)
from wire.message import Digest
from wire.sign import seal
from wire.state import TerminalState

log = structlog.get_logger()
router = APIRouter(prefix="/api/v1", tags=["terminal"])
_STRANGER, _PAIRING = refusals(401, 403, 413, 422, 429), refusals(401, 404, 410, 413, 422, 429)
_PROVEN = refusals(401, 403, 413, 422)
InventoryHeld = Callable[[Session, str], str]
"""Digest of the inventory that is known of a terminal, empty for none. Given by the composition root
(`app.state.inventory_held`): that room knows this one."""
Poll = Annotated[str, Header(alias="Authorization", description="Bearer <poll>")]


class Strangers:
    """What may still be tried by those who have proven nothing yet. Refused enrolments count; good ones never do."""

    def __init__(self) -> None:
        self.refused = Budget(30, timedelta(minutes=5))
        self.pairings = Budget(10, pairings.PAIRING_LIFETIME)


def _strangers(request: Request) -> Strangers:
    kept: Strangers = request.app.state.strangers
    return kept


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


StrangersDep = Annotated[Strangers, Depends(_strangers)]
Address = Annotated[str, Depends(_address)]


def _let_try(budget: Budget, address: str, now: datetime) -> None:
    wait = budget.wait(address, now)
    if wait:
        seconds = max(1, ceil(wait.total_seconds()))
        said = f"Trop d’essais depuis cette adresse. Elle pourra recommencer dans {ceil(seconds / 60)} min."
        raise HTTPException(429, said, headers={"Retry-After": str(seconds)})


def _http(refused: Refused) -> HTTPException:
    status = {
        "bad_csr": 422,
        "too_many": 429,
        "too_old": 403,
        "unknown_authority": 403,
        "pairing_unknown": 404,
        "pairing_over": 410,
    }
    return HTTPException(status.get(refused.code, 401), {"error": refused.code, "message": refused.message})


@router.post("/enrol", status_code=201, responses=_STRANGER)
def enrol(asked: EnrolRequest, ctx: ContextDep, strangers: StrangersDep, address: Address) -> Enrolment:
    """Use a one-time token. 401 `token_unknown`, `token_used`, `token_expired`; 422 `bad_csr`; 429 too many refused."""
    _let_try(strangers.refused, address, ctx.now())
    try:
        with transaction(ctx.engine) as session:
            return enrolment.enrol_by_token(session, ctx, asked.secret, asked.csr, asked.hardware)
    except Refused as refused:
        first = strangers.refused.spend(address, ctx.now())
        with transaction(ctx.engine) as session:
            noted = enrolment.note_refused(session, ctx, asked.secret, refused)
        if first and not noted:
            log.warning("enrolment.unknown_token", address=address)
        raise _http(refused) from refused


@router.post("/pairing", status_code=201, responses=_STRANGER)
def open_pairing(asked: PairingRequest, ctx: ContextDep, session: Writing, strangers: StrangersDep,
                 address: Address) -> PairingOpened:  # fmt: skip
    """Ask to be let in without a token. 429 when too many wait already, from this address or from all."""
    _let_try(strangers.pairings, address, ctx.now())
    try:
        opened = pairings.open_pairing(session, ctx, asked)
        strangers.pairings.spend(address, ctx.now())
        return opened
    except Refused as refused:
        raise _http(refused) from refused


@router.post("/pairing/{pairing}/reveal", status_code=204, responses=_PAIRING)
def reveal(pairing: str, asked: PairingReveal, authorization: Poll, ctx: ContextDep, session: Writing) -> None:
    """Show the nonce that was committed to, once the server has shown its own: only then both know the code."""
    try:
        found = pairings.polled(session, pairing, authorization.removeprefix("Bearer "))
        pairings.reveal(session, ctx, found, asked.nonce)
    except Refused as refused:
        raise _http(refused) from refused


@router.get("/pairing/{pairing}", responses=_PAIRING)
def pairing_status(pairing: str, authorization: Poll, ctx: ContextDep, session: Writing) -> PairingStatus:
    """`waiting` until an operator has compared the codes; `accepted` brings the enrolment."""
    try:
        found = pairings.polled(session, pairing, authorization.removeprefix("Bearer "))
        status = pairings.status_of(found, ctx.now())
        given = pairings.paired(session, ctx, found) if status == "accepted" else None
    except Refused as refused:
        raise _http(refused) from refused
    return PairingStatus.model_validate({"status": status, "enrolment": given})


@router.get("/terminal/state", response_class=Response, responses=_PROVEN | {200: {"content": {"application/jwt": {}}}})
async def state(
    request: Request,
    nonce: str,
    proof: ClockFreeDep,
    ctx: ContextDep,
    keys: Annotated[str, Query(max_length=200, description="SHA-256 of the signing keys it knows, by commas")] = "",
) -> Response:
    """The whole truth for one terminal: what is wanted, the server's time, what of its outboxes is committed.

    An EdDSA JWT (`wire.state.TerminalState`) over the terminal's nonce, by a key that it knows where there is one.
    """  # fmt: skip
    if not 16 <= len(nonce) <= 64:
        raise HTTPException(422, {"error": "bad_nonce", "message": "A nonce has 16 to 64 characters."})
    inventory: InventoryHeld = request.app.state.inventory_held
    signed = await run_in_threadpool(_state, ctx, proof.terminal, nonce, keys, inventory)
    return Response(signed, media_type="application/jwt")


def _state(ctx: ContextDep, terminal: Terminal, nonce: str, known: str, inventory: InventoryHeld) -> bytes:
    with reading(ctx.engine) as session:
        body = TerminalState(
            nonce=nonce, server_time=ctx.now(), server_start=ctx.server_start,
            desired=desired_of(session, ctx.keys, [terminal])[terminal.id],
            cursors=cursors_of(session, terminal.id), inventory=inventory(session, terminal.id),
            trust=told(ctx.keys),
        )  # fmt: skip
    return seal("state", body, terminal.id, terminal.generation, signer_known_to(ctx.keys, known.split(",")))


_RENEW_BODY = {"requestBody": {"content": {"application/json": {"schema": RenewRequest.model_json_schema()}}}}


@router.post("/terminal/renew", openapi_extra=_RENEW_BODY, responses=_PROVEN)
async def renew(proof: ClockFreeDep, ctx: ContextDep) -> Renewed:
    """A new certificate for the same key, until 12 months after the old one expired."""
    try:
        asked = RenewRequest.model_validate_json(proof.body)
    except ValidationError as error:
        raise HTTPException(422, {"error": "invalid", "message": str(error)[:300]}) from error
    try:
        return Renewed(certificate=await run_in_threadpool(_renew, ctx, proof.terminal.id, asked))
    except Refused as refused:
        raise _http(refused) from refused


def _renew(ctx: ContextDep, terminal_id: str, asked: RenewRequest) -> str:
    with transaction(ctx.engine) as session:
        return enrolment.renew(session, ctx, session.get_one(Terminal, terminal_id), asked)


@router.put("/terminal/files/{sha256}", status_code=204, responses=_PROVEN)
async def put_file(
    sha256: Digest, proof: ProvenDep, ctx: ContextDep, content_type: Annotated[str, Header()] = ""
) -> None:
    """A file that an event names by its SHA-256 (a screenshot, logs): PNG, WebP or gzip, at most 8 MiB, else 422."""
    try:
        await run_in_threadpool(
            files.keep, ctx.settings.data_dir / "files", proof.terminal.id, sha256, content_type, proof.body
        )
    except files.BadFile as error:
        raise HTTPException(422, {"error": "bad_file", "message": f"Refusé : {error}."}) from error
