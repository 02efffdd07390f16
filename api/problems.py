"""Bad requests answered as problem details (RFC 9457), and nothing else."""

from __future__ import annotations

import json
import reprlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.schemas import FieldProblem, ProblemDetails
from routing.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fastapi import FastAPI
    from starlette.requests import Request

MEDIA_TYPE: Final = "application/problem+json"

_MOST_ERRORS: Final = 20
"""A request with ten thousand bad points gets the first few named, not all."""

_LONGEST_VALUE: Final = 80

_FIXES: Final = {
    "extra_forbidden": "remove it; see /openapi.json for the fields there are",
    "finite_number": "give a finite number",
    "missing": "add it",
    "too_long": "send fewer, in several requests",
}


class ProblemError(Exception):
    """A request that cannot be answered, with every field at fault.

    Parameters
    ----------
    errors : iterable of FieldProblem
        What is wrong, field by field; at least one.
    status : HTTPStatus
        The HTTP status.
    """

    def __init__(
        self,
        errors: Iterable[FieldProblem],
        status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY,
    ) -> None:
        self.errors = list(errors)
        self.status = status
        super().__init__(self.errors[0].message)


def unknown_name(field: str, name: str, known: Iterable[str]) -> FieldProblem:
    """Describe a name that is not registered.

    Parameters
    ----------
    field : str
        JSON path of the field, such as ``units[3].type``.
    name : str
        What was asked for.
    known : iterable of str
        What there is.

    Returns
    -------
    FieldProblem
        With a suggestion as its fix.
    """
    return FieldProblem(
        field=field, value=_shown(name), message="no such name", fix=did_you_mean(name, known)
    )


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error of an application as a problem.

    Parameters
    ----------
    app : FastAPI
        The application.
    """
    handlers: dict[type[Exception], Callable[[Request, Any], Response]] = {
        ProblemError: _on_problem,
        InputError: _on_input_error,
        RequestValidationError: _on_validation_error,
        HTTPException: _on_http_exception,
        Exception: _on_defect,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _answer(
    status: HTTPStatus,
    detail: str,
    errors: list[FieldProblem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    errors = errors or []
    left_out = len(errors) - _MOST_ERRORS
    if left_out > 0:
        detail = f"{detail} (and {left_out} more)"
    problem = ProblemDetails(
        type="about:blank",
        title=status.phrase,
        status=status.value,
        detail=detail,
        errors=errors[:_MOST_ERRORS],
    )
    # ASCII only: a lone surrogate in an echoed value has no UTF-8.
    body = json.dumps(problem.model_dump(mode="json"), allow_nan=False, ensure_ascii=True)
    return Response(body, status.value, headers, MEDIA_TYPE)


def _on_problem(_: Request, error: ProblemError) -> Response:
    return _answer(error.status, _sentence(error.errors[0]), error.errors)


def _on_input_error(_: Request, error: InputError) -> Response:
    first = FieldProblem(field=error.field, value=None, message=error.message, fix=error.fix)
    return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), [first])


def _on_validation_error(_: Request, error: RequestValidationError) -> Response:
    details = error.errors()
    if details[0]["type"] == "json_invalid":
        where = details[0]["loc"][-1]
        reason = details[0].get("ctx", {}).get("error", "not JSON")
        return _answer(
            HTTPStatus.BAD_REQUEST, f"the body is not JSON: {reason} at character {where}"
        )
    errors = [_field_problem(detail) for detail in details]
    return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, _sentence(errors[0]), errors)


def _on_http_exception(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    detail = str(error.detail)
    if status is HTTPStatus.NOT_FOUND:
        detail = f"nothing is served at {_shown(request.url.path)}; see /openapi.json"
    elif status is HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{request.url.path} does not take {request.method}; use {allowed}"
    return _answer(status, detail, headers=error.headers)


def _on_defect(_: Request, __: Exception) -> Response:
    # The traceback goes to the log; the caller learns nothing of the inside.
    return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, "a defect in bluelight; see its log")


def _field_problem(detail: Mapping[str, Any]) -> FieldProblem:
    kind = detail["type"]
    return FieldProblem(
        field=_json_path(detail["loc"][1:]) or "body",
        value=None if kind == "missing" else _shown(detail.get("input")),
        message=detail["msg"],
        fix=detail.get("ctx", {}).get("fix")
        or _FIXES.get(kind, "see /openapi.json for what it takes"),
    )


def _json_path(parts: Iterable[str | int]) -> str:
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else _shown(part)
    return path


def _shown(value: object) -> str:
    """Return a short form of a value that JSON can carry, whatever it is."""
    text = value if isinstance(value, str) else reprlib.repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _sentence(problem: FieldProblem) -> str:
    """Return a field problem as one line: field, message, value, fix."""
    line = f"{problem.field}: {problem.message}"
    if problem.value is not None:
        line += f" (given: {problem.value})"
    whole = f"{line}; {problem.fix}" if problem.fix else line
    return " ".join(whole.split())  # what was given may hold line ends
