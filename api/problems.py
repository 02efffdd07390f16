"""Bad requests answered as problem details (RFC 9457), and nothing else."""

from __future__ import annotations

import json
import reprlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.schemas import FieldProblem, ProblemDetails
from routing.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping

    from fastapi import FastAPI
    from starlette.requests import Request

    _Told = tuple[ProblemDetails, Mapping[str, str] | None]

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


class OffRoadError(ProblemError):
    """Places of a request lie too far from any road."""


class NoWayError(ProblemError):
    """No road leads from one place of a request to another."""


def at_fault(field: str, value: str, message: str, fix: str) -> FieldProblem:
    """Describe a field at fault.

    Parameters
    ----------
    field : str
        JSON path of the field, or name of a parameter.
    value : str
        What was given; it is shortened.
    message : str
        What is wrong with it.
    fix : str
        What to do.

    Returns
    -------
    FieldProblem
        The same.
    """
    return FieldProblem(field=field, value=_shown(value), message=message, fix=fix)


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
    return at_fault(field, name, "no such name", did_you_mean(name, known))


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error of an application as a problem.

    Parameters
    ----------
    app : FastAPI
        The application.
    """
    for kind in _TOLD:
        app.add_exception_handler(kind, lambda request, error: respond(*refusal(request, error)))
    app.add_exception_handler(Exception, _on_defect)


def routes_that_say(
    words: Callable[[Exception, ProblemDetails], ProblemDetails],
) -> type[APIRoute]:
    """Make a class of routes whose refusals have members beyond those of the house.

    Parameters
    ----------
    words : callable
        Takes an error and the problem that it is told as, and returns what to tell
        instead.

    Returns
    -------
    type of APIRoute
        For ``APIRouter(route_class=...)``.
    """

    class _Route(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            inner = super().get_route_handler()

            async def _handle(request: Request) -> Response:
                try:
                    return await inner(request)
                except tuple(_TOLD) as error:
                    problem, headers = refusal(request, error)
                    return respond(words(error, problem), headers)

            return _handle

    return _Route


def refusal(request: Request, error: Exception) -> tuple[ProblemDetails, Mapping[str, str] | None]:
    """Tell an error as a problem.

    Parameters
    ----------
    request : Request
        What was asked.
    error : Exception
        A `ProblemError`, `InputError`, validation error or HTTP exception.

    Returns
    -------
    problem : ProblemDetails
        The problem.
    headers : mapping of str to str, or None
        What the answer's head must say.
    """
    kind = next(kind for kind in _TOLD if isinstance(error, kind))
    return _TOLD[kind](request, error)


def respond(problem: ProblemDetails, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a problem.

    Parameters
    ----------
    problem : ProblemDetails
        The problem.
    headers : mapping of str to str, optional
        What the answer's head must say.

    Returns
    -------
    Response
        A document of RFC 9457.
    """
    # ASCII only: a lone surrogate in an echoed value has no UTF-8.
    body = json.dumps(problem.model_dump(mode="json"), allow_nan=False, ensure_ascii=True)
    return Response(body, problem.status, headers, MEDIA_TYPE)


def _problem(
    status: HTTPStatus, detail: str, errors: list[FieldProblem] | None = None
) -> ProblemDetails:
    errors = errors or []
    left_out = len(errors) - _MOST_ERRORS
    if left_out > 0:
        detail = f"{detail} (and {left_out} more)"
    return ProblemDetails(
        type="about:blank",
        title=status.phrase,
        status=status.value,
        detail=detail,
        errors=errors[:_MOST_ERRORS],
    )


def _of_problem(_: Request, error: ProblemError) -> _Told:
    return _problem(error.status, _sentence(error.errors[0]), error.errors), None


def _of_input_error(_: Request, error: InputError) -> _Told:
    first = FieldProblem(field=error.field, value=None, message=error.message, fix=error.fix)
    return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), [first]), None


def _of_validation_error(_: Request, error: RequestValidationError) -> _Told:
    details = error.errors()
    if details[0]["type"] == "json_invalid":
        where = details[0]["loc"][-1]
        reason = details[0].get("ctx", {}).get("error", "not JSON")
        detail = f"the body is not JSON: {reason} at character {where}"
        return _problem(HTTPStatus.BAD_REQUEST, detail), None
    errors = [_field_problem(detail) for detail in details]
    return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, _sentence(errors[0]), errors), None


def _of_http_exception(request: Request, error: HTTPException) -> _Told:
    status = HTTPStatus(error.status_code)
    detail = str(error.detail)
    if status is HTTPStatus.NOT_FOUND:
        detail = f"nothing is served at {_shown(request.url.path)}; see /openapi.json"
    elif status is HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{request.url.path} does not take {request.method}; use {allowed}"
    return _problem(status, detail), error.headers


def _on_defect(_: Request, __: Exception) -> Response:
    # The traceback goes to the log; the caller learns nothing of the inside.
    return respond(_problem(HTTPStatus.INTERNAL_SERVER_ERROR, "a defect in bluelight; see its log"))


_TOLD: Final[dict[type[Exception], Callable[[Request, Any], _Told]]] = {
    ProblemError: _of_problem,
    InputError: _of_input_error,
    RequestValidationError: _of_validation_error,
    HTTPException: _of_http_exception,
}


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
