"""How the command line reads: from the server at BALISE_URL by BALISE_TOKEN, else in the database of this machine."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import typer
from fastapi import HTTPException
from pydantic import TypeAdapter
from sqlmodel import Session

from fleet_server.context import Context
from fleet_server.db import reading
from fleet_server.offline import offline
from fleet_server.settings import read_settings
from fleet_server.terminals.fleet_access import Refused, Remote

M = TypeVar("M")


def read(shape: type[M], path: str, local: Callable[[Context, Session], M], data_dir: Path | None) -> M:
    """`path`: below `/api/v1`. What is refused is said, and ends the command."""
    token = os.environ.get("BALISE_TOKEN", "")
    try:
        if token and data_dir is None:
            said = Remote(os.environ.get("BALISE_URL", ""), token).ask("GET", path)
            return TypeAdapter(shape).validate_python(said)
        settings = read_settings(**({"data_dir": data_dir} if data_dir else {}))
        with offline(settings) as ctx, reading(ctx.engine) as session:
            return local(ctx, session)
    except HTTPException as refused:
        refuse(str(refused.detail))
    except Refused as refused:
        refuse(str(refused))
    except FileNotFoundError:
        refuse("Pas de serveur ici : lancez « balise server init », ou corrigez --data-dir.")


def refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
