"""The kept searches of the fleet's list, for programs. By API token (`access.caller`)."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from sqlmodel import Session

from fleet_server.access.caller import CALLED, calling
from fleet_server.context import Reading
from fleet_server.terminals.views import search_of, views_of, words_of
from fleet_server.web.viewer import Viewer

router = APIRouter(prefix="/api/v1/fleet-views", tags=["fleet"], responses=CALLED)
Reader = Annotated[Viewer, Depends(calling("terminals:read"))]


class ViewView(BaseModel):
    """`asked`: criterion → value, as `/terminals` takes them; `mine`: of the account that made the token."""

    name: str
    shared: bool
    mine: bool
    asked: dict[str, str]
    sort: str
    words: str


@router.get("")
def listed(caller: Reader, session: Reading) -> list[ViewView]:
    """One's own, then those the team shares. Scope `terminals:read`."""
    return kept(session, caller.id)


def kept(session: Session, account: int | None) -> list[ViewView]:
    """For the command line too."""
    return [
        ViewView(name=row.name, shared=row.shared, mine=row.owner == account, asked=dict(search.given),
                 sort=search.sort, words=words_of(search))
        for row in views_of(session, account) for search in (search_of(row),)
    ]  # fmt: skip
