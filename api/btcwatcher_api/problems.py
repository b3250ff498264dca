"""Errors as `application/problem+json` (RFC 9457): each with its request's id and, for input, the fields at fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import Response

from btcwatcher_api import logs

MEDIA_TYPE: Final = "application/problem+json"
_log = logs.get("btcwatcher_api.problems")


@dataclass(slots=True)
class Problem(Exception):  # noqa: N818 - the RFC's word
    """An answer that is an error. `detail` says what to do; `errors` are pairs of field and message."""

    status: int
    detail: str
    errors: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, request_id: str) -> bytes:
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": _title(self.status),
            "status": self.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.errors:
            document["errors"] = [{"field": name, "message": message} for name, message in self.errors]
        return msgspec.json.encode(document)


class ProblemField(BaseModel):
    """One field of the input and what is wrong with it."""

    field: str
    message: str


class ProblemDocument(BaseModel):
    """An error, after RFC 9457."""

    type: str = "about:blank"
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["amount: must be a decimal number"])
    request_id: str
    errors: list[ProblemField] = Field(default_factory=list)


def responses(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a FastAPI route for these errors."""
    return {
        code: {
            "description": _title(code),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
        }
        for code in codes
    }


def install(app: FastAPI) -> None:
    """Make every error of the app a problem document."""

    async def on_problem(request: Request, error: Exception) -> Response:
        return _respond(request, error) if isinstance(error, Problem) else await on_error(request, error)

    async def on_http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            return await on_error(request, error)
        detail = _GENERIC.get(error.status_code) if error.detail == _title(error.status_code) else None
        return _respond(request, Problem(error.status_code, detail or error.detail, headers=error.headers or {}))

    async def on_validation(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            return await on_error(request, error)
        return _respond(request, not_valid(error))

    async def on_database(request: Request, error: Exception) -> Response:
        if isinstance(error, DataError):
            return _respond(request, Problem(422, "a value holds what the database cannot look for, such as a NUL"))
        if isinstance(error, DBAPIError) and not (
            error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
        ):
            return await on_error(request, error)
        _log.warning("database away", error=type(error).__name__, request_id=request_id(request.scope))
        return _respond(request, unavailable("the database does not answer"))

    async def on_error(request: Request, error: Exception) -> Response:
        _log.error("unexpected error", request_id=request_id(request.scope), exc_info=error)
        return _respond(request, Problem(500, "an unexpected error; the log has it under this request id"))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    for kind in (DBAPIError, PoolTimeout):
        app.add_exception_handler(kind, on_database)
    app.add_exception_handler(Exception, on_error)


def not_valid(error: RequestValidationError | ValidationError) -> Problem:
    """The 422 that names each field."""
    errors = [_found(one) for one in error.errors()]
    return Problem(422, "; ".join(f"{name}: {message}" for name, message in errors), errors)


def unavailable(detail: str, retry_after: int = 1) -> Problem:
    """503 with Retry-After, seconds."""
    return Problem(503, f"{detail}: try again", headers={"Retry-After": str(retry_after)})


def request_id(scope: Mapping[str, Any]) -> str:
    return str(scope.get("btcwatcher.request_id", ""))


_GENERIC: Final = {
    404: "nothing is at this path; see /docs",
    405: "this path does not take this method; see /docs",
}


def _respond(request: Request, problem: Problem) -> Response:
    return Response(
        problem.body(request_id(request.scope)),
        status_code=problem.status,
        headers=dict(problem.headers),
        media_type=MEDIA_TYPE,
    )


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def _found(error: Mapping[str, Any]) -> tuple[str, str]:
    """The field and what is wrong with it, of one of pydantic's errors."""
    if error["type"] == "json_invalid":
        # Its location is the character at fault, which is no field.
        return "body", f"is not JSON: {error['ctx']['error']}"
    _, *path = error["loc"] if len(error["loc"]) > 1 else ("", *error["loc"])
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    # What pydantic says of the length of a SecretStr.
    return name, str(error["msg"]).replace("items after validation", "characters")
