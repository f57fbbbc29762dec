"""The inventory for programs: of one terminal, its history, and which terminals are made of what. By API token."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel
from sqlmodel import Session

from fleet_server.access.caller import CALLED, calling
from fleet_server.context import Reading
from fleet_server.inventory.asking import (
    FACETS,
    MadeOf,
    Question,
    counts,
    found,
    how_many,
    of_terminal,
    question_of,
    versions,
)
from fleet_server.inventory.keep import inventory_of
from fleet_server.inventory.shown import newest_changes
from fleet_server.terminals.named import named
from fleet_server.web.errors import refusals
from fleet_server.web.viewer import Viewer
from wire.inventory import Inventory

router = APIRouter(prefix="/api/v1", tags=["inventory"], responses=CALLED)
Reader = Annotated[Viewer, Depends(calling("terminals:read"))]
Text = Annotated[str, Query(max_length=120, pattern=r"^[^\x00]*$")]
MOST_ID = 2**62


class InventoryView(BaseModel):
    """`came_at`: when this document replaced another. `digest`: as the terminal's report names it."""

    terminal: str
    digest: str
    came_at: datetime
    inventory: Inventory


class ChangeView(BaseModel):
    """`lines`: subject, before, after; null for what was not there. Texts are in French, as pages show them."""

    id: int
    at: datetime
    part: str
    lines: list[tuple[str, str | None, str | None]]


class MadeOfPage(BaseModel):
    total: int
    page: int
    size: int
    terminals: list[MadeOf]


class CountsView(BaseModel):
    """Value → how many terminals; under "" those that do not say."""

    model: dict[str, int]
    system: dict[str, int]
    kernel: dict[str, int]
    python: dict[str, int]
    agent: dict[str, int]


class PackageView(BaseModel):
    """`source`: `system` or `python`."""

    source: str
    name: str
    version: str
    terminals: int


@router.get("/terminals/{terminal_id}/inventory", responses=refusals(404))
def one(caller: Reader, session: Reading, terminal_id: str) -> InventoryView:
    """What it is made of, packages and all. Scope `terminals:read`."""
    return viewed(session, terminal_id)


@router.get("/terminals/{terminal_id}/inventory/changes", responses=refusals(404))
def changes(
    caller: Reader, session: Reading, terminal_id: str,
    before: Annotated[int, Query(ge=1, le=MOST_ID)] = MOST_ID, size: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[ChangeView]:  # fmt: skip
    """What changed of it, newest first; go on with `before` = the last id. Scope `terminals:read`."""
    named(session, terminal_id)
    return changed(session, terminal_id, size, before)


@router.get("/inventory")
def listed(
    caller: Reader, session: Reading, model: Text = "", system: Text = "", kernel: Text = "", python: Text = "",
    agent: Text = "", package: Text = "", version: Text = "", page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    size: Annotated[int, Query(ge=1, le=500)] = 50,
) -> MadeOfPage:  # fmt: skip
    """Terminals made of all that is given, by name; `version`: a whole one, or `3.0.*`. Scope `terminals:read`."""
    question = question_of(
        model=model, system=system, kernel=kernel, python=python, agent=agent, package=package, version=version
    )
    return page_of(session, question, page, size)


@router.get("/inventory/counts")
def counted(caller: Reader, session: Reading) -> CountsView:
    """How many terminals there are of each model, system, kernel and version. Scope `terminals:read`."""
    return counted_of(session)


@router.get("/inventory/packages")
def packages(caller: Reader, session: Reading, text: Annotated[Text, Query(min_length=2)]
             ) -> list[PackageView]:  # fmt: skip
    """Packages whose name holds `text`, by version, with how many terminals have each. Scope `terminals:read`."""
    return [PackageView(source=one.source, name=one.name, version=one.version, terminals=one.terminals)
            for one in versions(session, text)]  # fmt: skip


# ---- for the command line too ----------------------------------------------------------------------------------------


def viewed(session: Session, terminal_id: str) -> InventoryView:
    """Raises `HTTPException` 404."""
    named(session, terminal_id)
    row = of_terminal(session, terminal_id)
    if row is None:
        raise HTTPException(404, "Cette borne n’a pas encore dit de quoi elle est faite.")
    return InventoryView(
        terminal=terminal_id, digest=row.digest, came_at=row.came_at, inventory=inventory_of(session, row)
    )


def changed(session: Session, terminal_id: str, size: int, before: int = MOST_ID) -> list[ChangeView]:
    rows = newest_changes(session, terminal_id, size, before)
    return [ChangeView.model_validate(row.model_dump()) for row in rows]


def page_of(session: Session, question: Question, page: int, size: int) -> MadeOfPage:
    rows = found(session, question, (page - 1) * size, size)
    return MadeOfPage(total=how_many(session, question), page=page, size=size, terminals=rows)


def counted_of(session: Session) -> CountsView:
    found = counts(session)
    return CountsView(**{name: dict(found[name].most_common()) for name in FACETS})
