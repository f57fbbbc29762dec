"""How the command line asks: the server at BALISE_URL by BALISE_TOKEN, else the database of this machine."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn, TypeVar

import typer

# The rest is imported where it is used: `balise --help` needs no server.
if TYPE_CHECKING:
    from pydantic import BaseModel
    from sqlmodel import Session

    from fleet_server.context import Context
    from fleet_server.settings import Settings
    from fleet_server.terminals.fleet_access import Remote

M = TypeVar("M")


def ask(
    shape: type[M], method: Literal["GET", "POST", "PATCH"], path: str, here: "Callable[[Context, Session], M]",
    data_dir: Path | None, body: "BaseModel | None" = None,
) -> M:  # fmt: skip
    """`path`: below `/api/v1`; `body` without what is not given. `here`: the same in the database of this machine.

    What is refused is said, and ends the command.
    """
    from pydantic import TypeAdapter

    from fleet_server.db import reading, transaction
    from fleet_server.offline import offline

    with refusing():
        if server := elsewhere(data_dir):
            sent = body.model_dump(mode="json", exclude_none=True) if body else None
            return TypeAdapter(shape).validate_python(server.ask(method, path, sent))
        opened = reading if method == "GET" else transaction
        with offline(settings_of(data_dir)) as ctx, opened(ctx.engine) as session:
            return here(ctx, session)


def is_elsewhere(data_dir: Path | None) -> bool:
    return bool(os.environ.get("BALISE_TOKEN")) and data_dir is None


def elsewhere(data_dir: Path | None) -> "Remote | None":
    """The server to ask, if it is not that of this machine. Raises `Refused` for an address that is none."""
    from fleet_server.terminals.fleet_access import Remote

    if not is_elsewhere(data_dir):
        return None
    return Remote(os.environ.get("BALISE_URL", ""), os.environ["BALISE_TOKEN"])


def settings_of(data_dir: Path | None) -> "Settings":
    from fleet_server.settings import read_settings

    return read_settings(**({"data_dir": data_dir} if data_dir else {}))


@contextmanager
def refusing() -> Iterator[None]:
    """What is refused inside is said, and ends the command."""
    from fastapi import HTTPException

    from fleet_server.terminals.fleet_access import Refused

    try:
        yield
    except HTTPException as refused:
        refuse(str(refused.detail))
    except Refused as refused:
        refuse(str(refused))
    except FileNotFoundError:
        refuse("Pas de serveur ici : lancez « balise server init », ou corrigez --data-dir.")


def refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
