"""Puts the screen together: what the browser reaches, and beside it, on a port of its own, what machines ask."""

import time
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from btcwatcher_api import logs
from btcwatcher_api.problems import Problem, unavailable
from btcwatcher_api.screen.answers import answer
from btcwatcher_api.screen.bot_requests import BotRequests
from btcwatcher_api.screen.metrics import ScreenMetrics
from btcwatcher_api.screen.origins import is_ours
from btcwatcher_api.screen.pages import Pages
from btcwatcher_api.screen.paths import PREFIX
from btcwatcher_api.screen.requests import BEGUN, COOKIE, KIND, REQUEST_ID, cookie_name, new_request_id, request_id
from btcwatcher_api.screen.settings import ScreenSettings
from btcwatcher_api.strategies.registry import Registry

_BODY_LIMIT: Final = 1024 * 1024
_READING: Final = frozenset({"GET", "HEAD"})
_ICONS: Final = " https://api.iconify.design https://api2.iconify.design"
_WEBSOCKET: Final = 101
"""How long one was open is no figure of how fast we are."""
_GONE: Final = 499
"""In figures only, as nginx has it."""
_PAGE: Final = "page"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
    " font-src 'self' data:; connect-src 'self'{elsewhere}; manifest-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
"""FreqUI sets styles by script, and takes icons only from elsewhere. Not every browser counts websockets to 'self'."""
_log = logs.get("btcwatcher_api.screen")


def screen_app(pages: Pages, bots: BotRequests, metrics: ScreenMetrics, settings: ScreenSettings) -> web.Application:
    """What the browser reaches."""
    secure = settings.secure
    app = web.Application(client_max_size=_BODY_LIMIT, middlewares=[_layer(metrics, settings.screen_url)])
    app[COOKIE] = cookie_name(secure=secure)
    app.router.add_route("*", PREFIX + "{path:.*}", bots.answer)
    app.router.add_get("/btcwatcher/fleet", pages.fleet)
    app.router.add_get("/btcwatcher/{name}", pages.own)
    app.router.add_get("/ui_version", pages.version)
    app.router.add_get("/sign-in", pages.sign_in_page)
    app.router.add_post("/sign-in", pages.sign_in)
    app.router.add_post("/sign-out", pages.sign_out)
    app.router.add_get("/{path:.*}", pages.any)

    async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
        elsewhere = _socket(request, secure=secure) + (_ICONS if settings.screen_icons else "")
        _guard(request, response, elsewhere, secure=secure)

    app.on_response_prepare.append(on_prepare)
    return app


def _layer(metrics: ScreenMetrics, origin: str) -> Middleware:
    @web.middleware
    async def layer(request: web.Request, handler: Handler) -> web.StreamResponse:
        """An id for every request, refusal of what other sites' pages send, errors as problems, and figures."""
        request[REQUEST_ID] = new_request_id(request)
        request[KIND] = _PAGE
        begin = time.perf_counter()
        code = 500
        try:
            try:
                # Reading is refused by the browser itself: no page of another site is told what we answer.
                if request.method not in _READING or "Upgrade" in request.headers:
                    _refuse_strangers(request, origin)
                response = await handler(request)
            except ConnectionError:
                response = _gone(request)
            except Exception as error:
                if BEGUN in request:
                    raise
                response = _answer_to(request, error)
            code = response.status
            return response
        finally:
            if code != _WEBSOCKET:
                metrics.requests.labels(request[KIND], str(code)).observe(time.perf_counter() - begin)

    return layer


def _gone(request: web.Request) -> web.StreamResponse:
    """For a browser that does not wait for its answer: nobody is there to be told."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=_GONE)


def _refuse_strangers(request: web.Request, origin: str) -> None:
    """Raises Problem."""
    if not is_ours(request.headers, origin):
        raise Problem(403, "this request was made by a page of another site")


def _answer_to(request: web.Request, error: Exception) -> web.StreamResponse:
    """An error as an answer."""
    identifier = request_id(request)
    if isinstance(error, Problem):
        return answer(error, identifier)
    if isinstance(error, web.HTTPException):
        if error.status < 400:
            return web.Response(status=error.status, headers={"Location": error.headers["Location"]})
        detail = {404: "nothing is at this path", 405: "this path does not take this method"}.get(error.status)
        return answer(Problem(error.status, detail or error.text or error.reason), identifier)
    if isinstance(error, SQLAlchemyError):
        _log.warning("the database does not answer", error=type(error).__name__, request_id=identifier)
        return answer(unavailable("the database does not answer"), identifier)
    _log.error("unexpected error", request_id=identifier, exc_info=error)
    return answer(Problem(500, "an unexpected error; the log has it under this request id"), identifier)


def _guard(request: web.Request, response: web.StreamResponse, elsewhere: str, *, secure: bool) -> None:
    """On every answer."""
    request[BEGUN] = True
    headers = response.headers
    headers["X-Request-ID"] = request_id(request)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["X-Frame-Options"] = "DENY"
    # With no-referrer a form of ours would be sent with `Origin: null`.
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Content-Security-Policy"] = _POLICY.format(elsewhere=elsewhere)
    headers.setdefault("Cache-Control", "no-store")
    if secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    headers.pop("Server", None)


def _socket(request: web.Request, *, secure: bool) -> str:
    host = request.headers.get("Host", "")
    if not host or any(not (letter.isalnum() or letter in ".-:[]") for letter in host):
        return ""
    return f" {'wss' if secure else 'ws'}://{host}"


def machines_app(registry: Registry, metrics: ScreenMetrics) -> web.Application:
    """/metrics, /healthz, and /readyz: 503 with the reasons while there are any."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        problems = [] if registry.synced else ["the Strategies are not known yet"]
        return web.json_response({"ready": not problems, "problems": problems}, status=503 if problems else 200)

    async def figures(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", figures)
    return app
