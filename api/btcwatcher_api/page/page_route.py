"""A route of the page: what goes wrong is said in HTML, or as plain text to the page's own scripts."""

from collections.abc import Callable, Coroutine
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, RedirectResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from btcwatcher_api import logs
from btcwatcher_api.page import render, session
from btcwatcher_api.problems import Problem, not_valid, request_id

_log = logs.get("btcwatcher_api.page")
_RETRIED: Final = 503
_KNOWN: Final = frozenset({400, 401, 403, 404, 422, 429, 502, 503})


class PageRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                response = await handle(request)
            except Exception as error:
                return _said(request, _problem(request, error))
            renewed = getattr(request.state, "renewed", None)
            if renewed:
                session.keep(request, response, renewed)
            return response

        return answered


def _problem(request: Request, error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return not_valid(error)
    if isinstance(error, HTTPException):
        return Problem(error.status_code, error.detail)
    if isinstance(error, DataError):
        return Problem(422, "a value holds what the database cannot look for")
    if isinstance(error, PoolTimeout | OperationalError | InterfaceError | OSError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    ):
        return Problem(503, "the database does not answer")
    _log.error("unexpected error", request_id=request_id(request.scope), exc_info=error)
    return Problem(500, "the log has it under this request's id")


def _said(request: Request, problem: Problem) -> Response:
    if request.headers.get("accept") == "text/plain":
        return PlainTextResponse(problem.detail, status_code=problem.status, headers=dict(problem.headers))
    if problem.status == 401:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        onward = f"?next={quote(wanted)}" if request.method == "GET" and wanted != "/" else ""
        return RedirectResponse(f"{render.root(request)}/sign-in{onward}", status_code=303)
    title = f"error.{problem.status if problem.status in _KNOWN else 500}"
    return render.page(
        request,
        "error.html",
        status=problem.status,
        title=title,
        detail=problem.detail,
        again=problem.status == _RETRIED and request.method == "GET",
        request_id=request_id(request.scope),
    )
