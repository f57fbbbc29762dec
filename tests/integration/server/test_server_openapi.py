"""The HTTP API as its document says it is: whatever is sent, no fault of ours, and no answer that it does not name."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fleet_server.access.tokens import SCOPES
from tests.fleet import Fleet
from tests.integration.inventory.cast import sends
from tests.integration.terminals.cast import Fleet as Terminals
from tests.integration.terminals.conftest import fleet
from tests.integration.terminals.test_terminals_fleet_api import client

__all__ = ["fleet"]

CHECKS = [schemathesis.checks.not_a_server_error, status_code_conformance, content_type_conformance,
          response_schema_conformance]  # fmt: skip


EXAMPLES, EXAMPLES_BY_TOKEN = 25, 8


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.schemas.BaseSchema]:
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield schemathesis.openapi.from_url(f"{fleet.url}/api/v1/openapi.json")


def test_what_is_answered_is_what_the_document_names(described: schemathesis.schemas.BaseSchema) -> None:
    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) > 10
    assert [one.label for one in operations if one.label.split()[1].startswith("/api/") and not told(one)] == []
    wrong: list[str] = []
    for operation in operations:
        wrong += faults(operation, EXAMPLES)
    assert wrong == []


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_of_each_scope_is_answered_as_the_document_says(fleet: Terminals, scope: str) -> None:
    """Of things that are there, too: a terminal, a command, a rollout."""
    laval, api = fleet.enrolled("Laval"), client(fleet, *SCOPES)
    sends(laval)
    order = {"terminals": [laval.id], "order": {"kind": "window.restart"}}
    given = api.post("/commands", json=order).raise_for_status().json()
    rollout = {"kind": "settings", "values": {"idle_end_s": 100}, "target": {"terminals": [laval.id]}}
    api.post("/rollouts", json=rollout).raise_for_status()
    api.post(f"/terminals/{laval.id}/notes", json={"text": "Clé chez le gardien."}).raise_for_status()
    there = {"terminal_id": laval.id, "terminal": laval.id, "command": given["commands"][0]["id"],
             "batch": given["bulk"], "number": 1, "act": "submit"}  # fmt: skip
    described = schemathesis.openapi.from_dict(fleet.office.app.openapi())
    described.config.update(base_url=fleet.office.url)
    headers = {"Authorization": client(fleet, scope, name="essai").headers["authorization"]}
    opened, wrong = 0, []
    for operation in (found.ok() for found in described.get_all_operations()):
        named = {one["name"] for one in operation.definition.raw.get("parameters", []) if one["in"] == "path"}
        if "security" not in operation.definition.raw:
            continue
        for known in ({}, {name: there[name] for name in named}) if named and named <= there.keys() else ({},):
            fleet.office.clock.pass_by(timedelta(minutes=1))  # what a token may ask for is counted by the minute
            statuses: list[int] = []
            wrong += faults(operation, 1, headers, known, statuses)
            if statuses == [403]:  # not of its scope: the others would be refused alike
                continue
            opened += 1
            wrong += faults(operation, EXAMPLES_BY_TOKEN, headers, known)
    assert wrong == []
    assert opened >= 2, "its scope opens something"


def faults(
    operation: schemathesis.schemas.APIOperation, examples: int, headers: dict[str, str] | None = None,
    known: dict[str, object] | None = None, statuses: list[int] | None = None,
) -> list[str]:  # fmt: skip
    """What is answered that the document does not name, in words. `known`: parameters of the path that are there."""

    @settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(path_parameters=known or None))
    def ask(case: schemathesis.Case) -> None:
        answer = case.call_and_validate(checks=CHECKS, headers=headers)
        if statuses is not None:
            statuses.append(answer.status_code)

    wrong: list[str] = []
    try:
        ask()
    except* Exception as found:
        wrong += [f"{operation.label}: {error}" for error in found.exceptions]
    return wrong


def told(operation: schemathesis.schemas.APIOperation) -> bool:
    """Whether its author said what it does: a summary alone is the function's name."""
    raw = operation.definition.raw
    return bool(raw.get("description"))
