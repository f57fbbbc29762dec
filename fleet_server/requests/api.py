"""`POST /api/v1/terminal/requests`: one sealed request, kept before the answer leaves.

Nothing of the transport is kept, neither when it came nor through which connection: the terminal sends it at a random
moment after the visit, and this end must not undo that. It leaves no line in the audit log for the same reason.
"""

from datetime import date, datetime, timedelta

from fastapi import APIRouter, HTTPException, Response
from pydantic import ValidationError
from sqlmodel import Session

from fleet_server.context import ContextDep, Writing
from fleet_server.db import after_commit, insert_new
from fleet_server.requests.models import ContactRequest
from fleet_server.requests.purge import SOON
from fleet_server.requests.working_time import PARIS
from fleet_server.terminals.public import ProvenDep, places
from fleet_server.web.errors import refusals
from wire.request import SealedRequest
from wire.state import Place

router = APIRouter(prefix="/api/v1/terminal", tags=["terminal"])
_BODY = {"requestBody": {"content": {"application/json": {"schema": SealedRequest.model_json_schema()}}}}


@router.post(
    "/requests", status_code=204, response_class=Response, openapi_extra=_BODY, responses=refusals(401, 403, 413, 422)
)
def deposit(proof: ProvenDep, ctx: ContextDep, session: Writing) -> Response:
    """Take one contact request. 204 once it is committed, the same for one that is already there; 422 for another's."""
    try:
        sealed = SealedRequest.model_validate_json(proof.body)
    except ValidationError as error:
        wrong = ", ".join(sorted({".".join(map(str, problem["loc"])) or "JSON" for problem in error.errors()}))
        raise HTTPException(422, {"error": "invalid", "message": f"Ces champs ne conviennent pas : {wrong}."}) from None
    terminal = proof.terminal.id
    if sealed.terminal != terminal:
        raise HTTPException(422, {"error": "foreign", "message": "Cette demande est celle d’une autre borne."})
    kept = timedelta(days=ctx.settings.kept_requests_days)
    sealed = dated(sealed, kept, ctx.now())
    if keep(session, sealed, places(session, [terminal]).get(terminal)):
        after_commit(session, lambda: ctx.live.touch("demandes"))
    return Response(status_code=204)


def dated(sealed: SealedRequest, kept: timedelta, now: datetime) -> SealedRequest:
    """A terminal whose clock was lost dates it in the future, or so early that it would go before anybody has read it:
    today is the day then. Nothing tells such a request from another of today."""
    here = now.astimezone(PARIS)
    earliest, latest = here.date() - max(kept - SOON, kept / 2), here.date() + timedelta(days=1)  # of another zone
    try:
        believable = earliest <= date.fromisoformat(sealed.day) <= latest
    except ValueError:
        believable = False
    if believable:
        return sealed
    return sealed.model_copy(update={"day": here.date().isoformat(), "hour": min(sealed.hour, here.hour)})


def keep(session: Session, sealed: SealedRequest, place: Place | None) -> bool:
    """Whether it was new. An unreadable request is kept too: whether it opens is for those who read."""
    row = ContactRequest.model_validate(sealed.model_dump())
    if place:
        row.site, row.place = place.site, place.name
        row.commune_name, row.department = place.commune_name, place.department
    table = ContactRequest.__table__  # type: ignore[attr-defined]
    return insert_new(session.connection(), table, [row.model_dump()]) == 1
