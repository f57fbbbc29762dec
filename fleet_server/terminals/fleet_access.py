"""The fleet as `balise terminal` reaches it: by the API of a server elsewhere, or in the database of this machine.

Refused     the server said no, or could not be reached: its words are for the person
"""

import json
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from fastapi import HTTPException
from pydantic import TypeAdapter
from sqlmodel import Session

from fleet_server.certificates.revoked import keep_list
from fleet_server.context import Context
from fleet_server.db import reading, transaction
from fleet_server.terminals.enrolment import put_out
from fleet_server.terminals.fleet_api import NoteView, TerminalPage, TerminalView, listed, note_view, viewed, within
from fleet_server.terminals.labels import NotTaken, add_note, change_note, delete_note, notes_of, set_tags
from fleet_server.terminals.named import in_service, named
from fleet_server.terminals.note_api import found
from fleet_server.terminals.search import Search
from fleet_server.terminals.view_api import ViewView, kept
from fleet_server.terminals.views import NotKept

_ANSWER_WITHIN_S = 30


class Refused(Exception):
    """In French, for whoever typed the command."""


class FleetAccess(Protocol):
    def find(self, wanted: Search, page: int, size: int = 50, view: str = "") -> TerminalPage: ...
    def views(self) -> list[ViewView]: ...
    def one(self, terminal: str) -> TerminalView: ...
    def tag(self, terminal: str, add: set[str], remove: set[str]) -> TerminalView: ...
    def note(self, terminal: str, text: str) -> None: ...
    def notes(self, terminal: str) -> list[NoteView]: ...
    def correct_note(self, terminal: str, number: int, text: str) -> None: ...
    def delete_note(self, terminal: str, number: int) -> None: ...
    def retire(self, terminal: str, confirmed: str) -> None: ...


class Remote:
    """Another machine's server, by a token."""

    def __init__(self, url: str, token: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise Refused(f"BALISE_URL = « {url} » : l’adresse du serveur commence par https:// (ou http://).")
        self._url, self._token = url.rstrip("/") + "/api/v1", token

    def find(self, wanted: Search, page: int, size: int = 50, view: str = "") -> TerminalPage:
        given = {**wanted.given, "sort": wanted.sort, "page": page, "size": size} | ({"view": view} if view else {})
        return TerminalPage.model_validate(self.ask("GET", f"/terminals?{urlencode(given)}"))

    def views(self) -> list[ViewView]:
        return TypeAdapter(list[ViewView]).validate_python(self.ask("GET", "/fleet-views"))

    def one(self, terminal: str) -> TerminalView:
        return TerminalView.model_validate(self.ask("GET", f"/terminals/{quote(terminal, safe='')}"))

    def tag(self, terminal: str, add: set[str], remove: set[str]) -> TerminalView:
        tags = sorted((set(self.one(terminal).tags) | add) - remove)
        return TerminalView.model_validate(
            self.ask("PUT", f"/terminals/{quote(terminal, safe='')}/tags", {"tags": tags})
        )

    def note(self, terminal: str, text: str) -> None:
        self.ask("POST", f"/terminals/{quote(terminal, safe='')}/notes", {"text": text})

    def notes(self, terminal: str) -> list[NoteView]:
        said = self.ask("GET", f"/terminals/{quote(terminal, safe='')}/notes")
        return [NoteView.model_validate(one) for one in said]

    def correct_note(self, terminal: str, number: int, text: str) -> None:
        # Read first, and only then changed: whoever types the command has not seen what it says meanwhile.
        known = next((one.revision for one in self.notes(terminal) if one.id == number), 1)
        self.ask("PATCH", f"/terminals/{quote(terminal, safe='')}/notes/{number}", {"text": text, "revision": known})

    def delete_note(self, terminal: str, number: int) -> None:
        self.ask("DELETE", f"/terminals/{quote(terminal, safe='')}/notes/{number}")

    def retire(self, terminal: str, confirmed: str) -> None:
        self.ask("POST", f"/terminals/{quote(terminal, safe='')}/retire", {"confirmed": confirmed})

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the API answers below `/api/v1`. Raises `Refused`."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        asked = Request(self._url + path, json.dumps(body).encode() if body else None, headers, method=method)  # noqa: S310 - http or https, checked above
        try:
            with urlopen(asked, timeout=_ANSWER_WITHIN_S) as answer:  # noqa: S310
                said = answer.read()
        except HTTPError as error:
            raise Refused(_words(error)) from error
        except (URLError, TimeoutError) as error:
            raise Refused(f"{self._url} ne répond pas ({getattr(error, 'reason', error)}).") from error
        return json.loads(said) if said else None


def _words(error: HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError, TypeError):
        return f"Le serveur a répondu {error.code}. Est-ce bien l’adresse de Balise ?"


class Local:
    """The server's own database, whether it runs or not."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def find(self, wanted: Search, page: int, size: int = 50, view: str = "") -> TerminalPage:
        """Nobody is signed in here: of views, only those that the team shares."""
        try:
            with reading(self._ctx.engine) as session:
                return listed(session, self._ctx, within(session, None, view, wanted), page, size)
        except NotKept as refused:
            raise Refused(str(refused)) from refused

    def views(self) -> list[ViewView]:
        with reading(self._ctx.engine) as session:
            return kept(session, None)

    def one(self, terminal: str) -> TerminalView:
        with reading(self._ctx.engine) as session:
            return self._seen(session, terminal)

    def tag(self, terminal: str, add: set[str], remove: set[str]) -> TerminalView:
        try:
            with transaction(self._ctx.engine) as session:
                row = in_service(session, terminal)
                set_tags(session, row, sorted((set(row.tags) | add) - remove), None, datetime.now(UTC))
                session.flush()
                return self._seen(session, terminal)
        except (HTTPException, NotTaken) as refused:
            raise Refused(getattr(refused, "detail", str(refused))) from refused

    def note(self, terminal: str, text: str) -> None:
        try:
            with transaction(self._ctx.engine) as session:
                add_note(session, named(session, terminal), text, None, datetime.now(UTC))
        except (HTTPException, NotTaken) as refused:
            raise Refused(getattr(refused, "detail", str(refused))) from refused

    def notes(self, terminal: str) -> list[NoteView]:
        try:
            with reading(self._ctx.engine) as session:
                named(session, terminal)
                return [note_view(row) for row in notes_of(session, terminal)]
        except HTTPException as refused:
            raise Refused(str(refused.detail)) from refused

    def correct_note(self, terminal: str, number: int, text: str) -> None:
        try:
            with transaction(self._ctx.engine) as session:
                note = found(session, terminal, number)
                change_note(session, note, text, note.revision, None, datetime.now(UTC))
        except (HTTPException, NotTaken) as refused:
            raise Refused(getattr(refused, "detail", str(refused))) from refused

    def delete_note(self, terminal: str, number: int) -> None:
        try:
            with transaction(self._ctx.engine) as session:
                delete_note(session, found(session, terminal, number), None, datetime.now(UTC))
        except HTTPException as refused:
            raise Refused(str(refused.detail)) from refused

    def retire(self, terminal: str, confirmed: str) -> None:
        try:
            with transaction(self._ctx.engine) as session:
                row = in_service(session, terminal)
                if confirmed.strip().casefold() != row.name.casefold():
                    raise Refused(f"Ce n’est pas son nom. Confirmez par « {row.name} ».")
                put_out(session, self._ctx, row, "decommissioned", None, who="ligne de commande")
            keep_list(self._ctx.settings, self._ctx.keys, self._ctx.engine, self._ctx.now())
        except HTTPException as refused:
            raise Refused(str(refused.detail)) from refused

    def _seen(self, session: Session, terminal: str) -> TerminalView:
        try:
            return viewed(session, self._ctx, terminal)
        except HTTPException as refused:
            raise Refused(str(refused.detail)) from refused
