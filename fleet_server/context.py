"""What every request may use, built once by the composition root (`app`) and passed down: nothing builds itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, cast

from fastapi import Depends, Request
from sqlalchemy import Engine
from sqlmodel import Session

from fleet_server.db import reading, transaction
from fleet_server.keys import Keys
from fleet_server.settings import Settings
from fleet_server.web.live import Live


@dataclass(frozen=True, slots=True)
class Context:
    """One per process. `now` is the clock (UTC, aware); `server_start` names this run to terminals.

    `send` publishes a down message (topic, payload) and returns at once; nothing relies on its arrival.
    """

    settings: Settings
    engine: Engine
    keys: Keys
    live: Live
    now: Callable[[], datetime]
    server_start: datetime
    send: Callable[[str, bytes], None]
    root: Callable[[], bytes] = bytes
    """The newest TUF root metadata, JSON: what a terminal trusts for contents, handed out at enrolment."""


def context(request: Request) -> Context:
    return cast(Context, request.app.state.context)


def read_session(request: Request) -> Iterator[Session]:
    """A page that only looks."""
    with reading(context(request).engine) as session:
        yield session


def write_session(request: Request) -> Iterator[Session]:
    """An act: committed as a whole before the answer leaves, or not at all."""
    with transaction(context(request).engine) as session:
        yield session


ContextDep = Annotated[Context, Depends(context)]
Reading = Annotated[Session, Depends(read_session)]
Writing = Annotated[Session, Depends(write_session, scope="function")]
