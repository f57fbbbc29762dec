"""The HTTP API as its document says it is: whatever is sent, no fault of ours, and no answer that it does not name."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fleet import Fleet

CHECKS = [schemathesis.checks.not_a_server_error, status_code_conformance, content_type_conformance,
          response_schema_conformance]  # fmt: skip


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

        @settings(
            max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS)

        try:
            ask()
        except* Exception as found:
            wrong += [f"{operation.label}: {error}" for error in found.exceptions]
    assert wrong == []


def told(operation: schemathesis.schemas.APIOperation) -> bool:
    """Whether its author said what it does: a summary alone is the function's name."""
    raw = operation.definition.raw
    return bool(raw.get("description"))
