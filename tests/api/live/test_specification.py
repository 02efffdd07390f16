"""The specification is kept: whatever it allows or forbids is answered as it says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.live.access import OpenAccess

if TYPE_CHECKING:
    from schemathesis import Case

    from api.live.service import Live

CASES = int(os.environ.get("BLUELIGHT_SPECIFICATION_CASES", "12"))
"""For each operation; six hundred in the nightly run."""


def test_every_operation(live: Live) -> None:
    app = create_app(live.city, live, access=OpenAccess())
    # the stream never ends; it has tests of its own
    schema = schemathesis.openapi.from_asgi("/openapi.json", app).exclude(path="/v1/stream")
    found: Any = schema.get_all_operations()
    operations = [each.ok() for each in found]
    assert len(operations) > 30
    for operation in operations:
        _try(operation)


def test_whatever_is_refused_is_told_as_a_problem(live: Live) -> None:
    app = create_app(live.city, live, access=OpenAccess())
    told = 0
    for path, operations in app.openapi()["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if status.startswith("4"):
                    assert list(answer["content"]) == ["application/problem+json"], (path, status)
                    told += 1
    assert told > 60


def _try(operation: Any) -> None:
    @settings(
        max_examples=CASES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def _one(case: Case[Any]) -> None:
        case.call_and_validate(
            checks=[
                not_a_server_error,
                response_schema_conformance,
                status_code_conformance,
                content_type_conformance,
            ]
        )

    _one()
