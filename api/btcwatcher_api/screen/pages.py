"""What the browser is shown: the sign-in page, FreqUI with the bots in it, and FreqUI's files."""

from importlib.resources import files as resources
from typing import Final
from urllib.parse import quote

from aiohttp import web
from jinja2 import Environment, PackageLoader, select_autoescape

from btcwatcher_api.addresses import TrustedProxies
from btcwatcher_api.problems import Problem, unavailable
from btcwatcher_api.screen.files import Files
from btcwatcher_api.screen.fleet import fleet_of
from btcwatcher_api.screen.origins import local_path
from btcwatcher_api.screen.requests import COOKIE, client_address, found_session, request_id, session_of
from btcwatcher_api.screen.sessions import Session, Sessions
from btcwatcher_api.screen.words import WORDS, language_of
from btcwatcher_api.strategies.registry import Registry

_ASSETS: Final = "btcwatcher_api.screen.assets"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
"""Of files whose name has their content's hash in it, as all under /assets/ have."""
_ASK_FIRST: Final = "no-cache"
_MOST_NAME: Final = 256
_MOST_PASSWORD: Final = 1024


class Pages:
    """Handlers; they raise Problem."""

    def __init__(
        self,
        files: Files,
        sessions: Sessions,
        registry: Registry,
        proxies: TrustedProxies,
        *,
        secure: bool,
        hours: float,
    ) -> None:
        self._files = files
        self._sessions = sessions
        self._registry = registry
        self._proxies = proxies
        self._secure = secure
        self._seconds = int(hours * 3600)
        templates = Environment(loader=PackageLoader("btcwatcher_api.screen", "assets"), autoescape=select_autoescape())
        self._sign_in = templates.get_template("sign-in.html")
        self._own = {
            name: resources(_ASSETS).joinpath(name).read_text() for name in ("fleet.js", "sign-in.js", "sign-in.css")
        }

    async def any(self, request: web.Request) -> web.StreamResponse:
        """A file of FreqUI's, or its page: FreqUI knows its own paths."""
        found = self._files.find(request.path)
        if found is not None:
            caching = _FOR_EVER if request.path.startswith("/assets/") else _ASK_FIRST
            return web.FileResponse(found, headers={"Cache-Control": caching})
        if "text/html" not in request.headers.get("Accept", ""):
            raise Problem(404, "nothing is at this path")
        session = await found_session(request, self._sessions)
        if session is None:
            raise web.HTTPSeeOther(f"/sign-in?next={quote(request.path_qs)}")
        return web.Response(text=self._files.page(self._fleet(session)), content_type="text/html")

    async def fleet(self, request: web.Request) -> web.Response:
        """What the page was given, as it is now."""
        return web.json_response(self._fleet(await session_of(request, self._sessions)))

    async def version(self, _: web.Request) -> web.Response:
        """Which FreqUI this is, where freqtrade's own server says it."""
        return web.json_response({"version": self._files.version})

    async def own(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        text = self._own.get(name)
        if text is None:
            raise Problem(404, "nothing is at this path")
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        return web.Response(text=text, content_type=kind, headers={"Cache-Control": _ASK_FIRST})

    async def sign_in_page(self, request: web.Request) -> web.Response:
        return self._page(request, local_path(request.query.get("next", "/")))

    async def sign_in(self, request: web.Request) -> web.Response:
        """The form. Who is let in gets the cookie; who is not, the page again with the reason."""
        form = await request.post()
        name, password, wanted = (str(form.get(field, "")) for field in ("username", "password", "next"))
        wanted = local_path(wanted)
        if not (0 < len(name) <= _MOST_NAME and 0 < len(password) <= _MOST_PASSWORD):
            return self._page(request, wanted, Problem(422, "give a user name and a password"))
        try:
            session = await self._sessions.begin(
                name, password, client_address(request, self._proxies), request_id(request)
            )
        except Problem as problem:
            return self._page(request, wanted, problem, name)
        response = web.Response(status=303, headers={"Location": wanted})
        response.set_cookie(
            request.app[COOKIE],
            session.secret,
            max_age=self._seconds,
            path="/",
            httponly=True,
            secure=self._secure,
            samesite="Strict",
        )
        return response

    async def sign_out(self, request: web.Request) -> web.Response:
        session = await found_session(request, self._sessions)
        if session is not None:
            await self._sessions.end(session, request_id(request))
        response = web.Response(status=303, headers={"Location": "/sign-in"})
        response.del_cookie(request.app[COOKIE], path="/", secure=self._secure, httponly=True, samesite="Strict")
        return response

    def _fleet(self, session: Session) -> dict[str, object]:
        if not self._registry.synced:
            raise unavailable("the Strategies are not known yet")
        return fleet_of(self._registry.strategies(), session.user, session.token)

    def _page(self, request: web.Request, wanted: str, problem: Problem | None = None, name: str = "") -> web.Response:
        language = language_of(request.headers.get("Accept-Language", ""))
        text = self._sign_in.render(words=WORDS[language], language=language, next=wanted, problem=problem, name=name)
        response = web.Response(text=text, content_type="text/html", status=problem.status if problem else 200)
        if problem is not None and "Retry-After" in problem.headers:
            response.headers["Retry-After"] = problem.headers["Retry-After"]
        return response
