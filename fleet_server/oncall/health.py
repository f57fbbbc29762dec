"""Is it alive, is it ready: two answers for whoever watches the process."""

from typing import Protocol

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

router = APIRouter(tags=["operating"])


class Connectable(Protocol):
    @property
    def connected(self) -> bool: ...


class Health:
    def __init__(self, engine: Engine, broker: Connectable) -> None:
        self._engine = engine
        self._broker = broker

    def checks(self) -> dict[str, bool]:
        return {"database": self._database_answers(), "broker": self._broker.connected}

    def _database_answers(self) -> bool:
        try:
            with self._engine.execution_options(balise_read_only=True).connect() as connection:
                connection.execute(text("SELECT 1"))
        except SQLAlchemyError:
            return False
        return True


@router.get("/healthz", summary="The process answers")
def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", summary="Database and broker answer: 200, or 503 naming what does not",
            responses={503: {"description": "Named false: what does not answer"}})  # fmt: skip
def readyz(request: Request) -> JSONResponse:
    checks: dict[str, bool] = request.app.state.health.checks()
    return JSONResponse({"ready": all(checks.values()), **checks}, 200 if all(checks.values()) else 503)
