"""What a person, or a program, is told when something can't be done: what stopped, what goes on, what they may do."""

import secrets
import traceback
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as StarletteHTTPException

from fleet_server.web.error_texts import DEFAULTS, TEXTS
from fleet_server.web.headers import HEADERS
from fleet_server.web.pages import page
from fleet_server.web.viewer import Viewer

log = structlog.get_logger()

MACHINE_PATHS = ("/api/", "/releases/", "/blobs/", "/metrics", "/healthz", "/readyz", "/static/", "/direct")
CODES = {400: "bad_request", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
         409: "conflict", 413: "too_large", 422: "invalid", 429: "too_many", 500: "server_error", 502: "unavailable",
         503: "unavailable", 507: "full"}  # fmt: skip


class Problem(BaseModel):
    """How a program is refused: a code to decide by, a sentence to log."""

    error: str
    message: str


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route: the refusals it may answer with."""
    return {status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses}


def install_errors(app: FastAPI) -> None:
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _failed)


def refuse(request: Request, viewer: Viewer | None, status: int, **said: Any) -> Response:
    """The error page of `status`; `sentence`, `more`, `links`… may be said more precisely."""
    shown = DEFAULTS | TEXTS.get(status, TEXTS[500 if status >= 500 else 422]) | said
    shown["links"] = [(word, url or str(request.url.path)) for word, url in shown["links"]]
    return page(request, viewer, "erreur.html", status=status, **shown)


def _is_for_people(request: Request) -> bool:
    return not request.url.path.startswith(MACHINE_PATHS)


def _viewer(request: Request) -> Viewer | None:
    known: Viewer | None = getattr(request.state, "viewer", None)
    find = getattr(request.app.state, "find_viewer", None)
    return known or (find(request) if find else None)


def _sentence(detail: object) -> str:
    """What a room said to people; Starlette's own words (`Not Found`) are not for them."""
    standard = isinstance(detail, str) and detail in {status.phrase for status in HTTPStatus}
    return detail if isinstance(detail, str) and not standard else ""


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    own_words = _sentence(error.detail)
    if error.status_code in (301, 302, 303, 307, 308):
        return Response(status_code=error.status_code, headers=error.headers)
    if not _is_for_people(request):
        detail: dict[str, Any] = error.detail if isinstance(error.detail, dict) else {}
        code = CODES.get(error.status_code, "error")
        said = {"error": code, "message": own_words or TEXTS.get(error.status_code, TEXTS[422])["sentence"]} | detail
        return JSONResponse(said, error.status_code, headers=error.headers)
    words = {"more": own_words} if own_words else {}
    return refuse(request, _viewer(request), error.status_code, **words)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    problems = [f"{'.'.join(map(str, problem['loc'][1:]))} : {problem['msg']}" for problem in error.errors()]
    if not _is_for_people(request):
        return JSONResponse({"error": "invalid", "message": " · ".join(problems)[:1000]}, 422)
    return refuse(request, _viewer(request), 422, more=" · ".join(problems)[:400])


def _failed(request: Request, error: Exception) -> Response:
    """The log holds the reference and the traceback; the person sees the reference, never the cause."""
    reference = "-".join(secrets.token_hex(4).upper()[i : i + 4] for i in (0, 4))
    # Written out here: a traceback drawn with its local variables would show secrets and visitors' words.
    trace = "".join(traceback.format_exception(error))
    log.error("request.failed", reference=reference, path=request.url.path, exception=trace)
    if not _is_for_people(request):
        return JSONResponse({"error": "server_error", "message": f"Erreur du serveur, référence {reference}."}, 500)
    answer = refuse(request, None, 500, reference=reference)
    answer.headers.update({name.decode(): value.decode() for name, value in HEADERS})
    return answer
