"""The fleet screen on a real Postgres: who is let in, what reaches a bot and what comes back, what the audit log has of
it. The bots are servers of the test's, which tell what reached them; a real bot is asked in tests/integration/bot."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import psycopg
import pytest
from aiohttp import encode_basic_auth, web

from btcwatcher_api.accounts.roles import Role
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_crds.derive import bot_api_credentials
from btcwatcher_local.postgres import EmbeddedPostgres
from support import api
from support.bots import BOT_KEY
from support.collectors import with_port
from support.localcluster import eventually
from support.screens import PASSWORD, Browser, add_user, browsing, deactivate, showing

pytestmark = pytest.mark.integration

BOT = "mine.steps"
OTHER = "yours.steps"


class TellingBots:
    """A server that is every bot: it tells what reached it, or does what it was told."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.port = 0
        self.hang = asyncio.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/{{namespace}}/{{service}}/{{port}}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        _, namespace, name, _, _, _, endpoint = request.path.split("/", 6)
        credentials = bot_api_credentials(BOT_KEY, namespace, name)
        if endpoint == "message/ws":
            return await self._messages(request, credentials.ws_token)
        if request.headers.get("Authorization") != encode_basic_auth(credentials.username, credentials.password):
            return web.json_response({"detail": "Unauthorized"}, status=401)
        self.seen.append(
            {
                "method": request.method,
                "path": request.raw_path,
                "headers": dict(request.headers),
                "body": (await request.read()).decode(),
            }
        )
        if endpoint == "hang":
            await self.hang.wait()
        if endpoint == "break":
            return await self._break_off(request)
        if endpoint == "elsewhere":
            raise web.HTTPFound("http://169.254.169.254/")
        if endpoint == "forceenter":
            return web.json_response({"error": "Error querying /api/v1/forcebuy: no"}, status=502)
        return web.json_response({"status": "pong"}, headers={"Set-Cookie": "bot=1", "X-Bot": "1"})

    async def _messages(self, request: web.Request, token: str) -> web.StreamResponse:
        if request.query.get("token") != token:
            raise web.HTTPForbidden
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"heard {message.data}")
        return socket

    async def _break_off(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = 1000
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response


@pytest.fixture
async def bots() -> AsyncIterator[TellingBots]:
    telling = TellingBots()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", telling.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    telling.port = runner.addresses[0][1]
    yield telling
    telling.hang.set()
    await runner.cleanup()


@pytest.fixture
def registry() -> Registry:
    known = Registry(None)
    known.replace([with_port(BOT), with_port(OTHER, 8082), with_port("mine.asleep", 8083, state="Suspended")])
    return known


@pytest.fixture
def users(postgres_url: str) -> str:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE users, refresh_tokens, api_keys, audit_log")
    return postgres_url


@pytest.fixture
async def browser(users: str, tmp_path: Path, bots: TellingBots, registry: Registry) -> AsyncIterator[Browser]:
    """Signed in as a trader."""
    ada = await add_user(users, "ada", Role.TRADER)
    async with showing(users, tmp_path, bots.address, registry, screen_timeout_seconds=2) as browser:
        await browser.enter(users, ada)
        yield browser


def audit(url: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT actor, action, subject, detail FROM audit_log ORDER BY id").fetchall()


async def test_the_bot_gets_its_own_credentials_and_nothing_of_the_browsers(
    browser: Browser, bots: TellingBots
) -> None:
    headers = {"X-Forwarded-For": "1.2.3.4", "Connection": "X-Secret", "X-Secret": "1", "Accept-Language": "de"}
    answer = await browser.ask("GET", BOT, "pair_candles?pair=BTC/USDT&timeframe=5m", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"status": "pong"})
    (seen,) = bots.seen
    assert seen["path"] == "/mine/steps/8081/api/v1/pair_candles?pair=BTC/USDT&timeframe=5m"
    assert {name.lower() for name in seen["headers"]} <= {
        "host", "accept", "accept-encoding", "authorization", "user-agent", "content-type"
    }  # fmt: skip
    assert browser.token not in json.dumps(seen)
    assert "set-cookie" not in answer.headers
    assert "x-bot" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


async def test_the_page_holds_every_bot_and_the_browser_no_credential(browser: Browser) -> None:
    page = await browser.http.get("/trade", headers={"Accept": "text/html"})
    fleet = json.loads(page.text.split('id="btcwatcher-fleet">')[1].split("</script>")[0])
    assert [bot["id"] for bot in fleet["bots"]] == [BOT, OTHER, "mine.asleep"], "FreqUI opens with the first"
    assert fleet["bots"][0] == {"id": BOT, "name": "mine/steps", "path": "/bots/mine/steps"}
    assert (fleet["user"], fleet["role"]) == ("ada", "trader")
    credentials = bot_api_credentials(BOT_KEY, "mine", "steps")
    for secret in (credentials.password, credentials.jwt_secret, credentials.ws_token, *browser.http.cookies.values()):
        assert secret not in page.text
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert f"ws://127.0.0.1:{browser.screen.port}" in policy


async def test_the_cookie_is_for_this_host_and_no_script(browser: Browser, users: str, tmp_path: Path) -> None:
    signed_in = await browser.sign_in("ada", next="/trade")
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/trade")
    assert [row[:3] for row in audit(users)] == [("ada", "user.sign_in", "ada")]
    cookie = signed_in.headers["set-cookie"]
    assert cookie.startswith("btcwatcher-screen=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    async with showing(
        users, tmp_path, "http://bot:{port}", browser.screen.registry, screen_url="https://x.test"
    ) as tls:
        form = {"username": "ada", "password": PASSWORD}
        cookie = (await tls.http.post("/sign-in", data=form)).headers["set-cookie"]
        assert cookie.startswith("__Host-btcwatcher-screen=")
        assert {"HttpOnly", "SameSite=Strict", "Path=/", "Secure"} <= set(cookie.split("; "))


async def test_without_a_session_there_is_the_sign_in_page_and_nothing_else(
    browser: Browser, bots: TellingBots
) -> None:
    async with browsing(browser.screen) as stranger:
        answer = await stranger.http.get("/trade?x=1", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/trade?x%3D1")
        assert "<form" in (await stranger.http.get("/sign-in")).text
        stranger.token = browser.token
        assert (await stranger.ask("GET", BOT, "status")).status_code == 401, "the token alone is worth nothing"
        assert (await stranger.ask("POST", BOT, "token/refresh")).status_code == 401
        assert (await stranger.http.get("/btcwatcher/fleet")).status_code == 401
        assert (await stranger.sign_in("ada", "wrong")).status_code == 401
        assert (await stranger.sign_in("nobody", "wrong")).status_code == 401
    browser.token = "other"
    assert (await browser.ask("GET", BOT, "status")).status_code == 401, "and neither is the cookie"
    assert bots.seen == []


async def test_frequi_renews_its_token_as_long_as_the_session_lasts(browser: Browser) -> None:
    renewed = await browser.ask("POST", BOT, "token/refresh", headers={"Authorization": "Bearer stale"})
    assert renewed.json() == {"access_token": browser.token, "refresh_token": browser.token}
    await browser.http.post("/sign-out")
    assert (await browser.ask("POST", BOT, "token/refresh")).status_code == 401


async def test_signing_out_ends_the_session_also_for_who_kept_the_cookie(browser: Browser, users: str) -> None:
    async with browsing(browser.screen) as thief:
        thief.as_of(browser)
        assert (await thief.ask("GET", BOT, "status")).status_code == 200
        answer = await browser.http.post("/sign-out")
        assert answer.status_code == 303
        assert (await thief.ask("GET", BOT, "status")).status_code == 401
    assert [row[:3] for row in audit(users)] == [("ada", "user.sign_out", "ada")]


async def test_a_user_who_is_shut_out_is_signed_out(browser: Browser, users: str) -> None:
    user = await add_user(users, "bob", Role.TRADER)
    async with browsing(browser.screen) as other:
        await other.enter(users, user)
        assert (await other.ask("GET", BOT, "status")).status_code == 200
        await deactivate(users, user)

        async def refused() -> bool:
            return (await other.ask("GET", BOT, "status")).status_code == 401

        await eventually(refused, 10)


async def test_a_session_is_good_for_the_screen_only_and_a_refresh_token_for_the_api(
    browser: Browser, users: str, tmp_path: Path
) -> None:
    async with api.running(users, tmp_path, **api.signing_key(tmp_path)) as served:
        (cookie,) = browser.http.cookies.values()
        grant = {"grant_type": "refresh_token", "refresh_token": cookie}
        assert (await served.http.post("/api/v1/auth/token", json=grant)).status_code == 401
        signed_in = await served.http.post("/api/v1/auth/token", json={"username": "ada", "password": PASSWORD})
        async with browsing(browser.screen) as other:
            other.http.cookies.set("btcwatcher-screen", signed_in.json()["refresh_token"])
            assert (await other.http.get("/btcwatcher/fleet")).status_code == 401
    assert (await browser.http.get("/btcwatcher/fleet")).status_code == 200


async def test_a_viewer_reads_and_gives_no_commands(browser: Browser, users: str, bots: TellingBots) -> None:
    eve = await add_user(users, "eve", Role.VIEWER)
    async with browsing(browser.screen) as viewer:
        await viewer.enter(users, eve)
        assert (await viewer.ask("GET", BOT, "status")).status_code == 200
        assert (await viewer.ask("POST", BOT, "pair_candles", json={"pair": "BTC/USDT"})).status_code == 200
        for method, endpoint in (("POST", "forceexit"), ("POST", "stop"), ("DELETE", "trades/1")):
            answer = await viewer.ask(method, BOT, endpoint)
            assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
            assert answer.json()["error"] == "this needs the role trader; eve has viewer"
    assert [seen["method"] for seen in bots.seen] == ["GET", "POST"]
    assert not any(row[1] == "bot.command" for row in audit(users))


async def test_a_command_is_written_down_before_and_after(browser: Browser, users: str, bots: TellingBots) -> None:
    body = {"tradeid": "7", "ordertype": "market"}
    answer = await browser.ask("POST", BOT, "forceexit", json=body)
    assert answer.status_code == 200
    assert json.loads(bots.seen[0]["body"]) == body
    refused = await browser.ask("POST", BOT, "forceenter", json={"pair": "BTC/USDT"})
    assert (refused.status_code, refused.json()["error"]) == (502, "Error querying /api/v1/forcebuy: no")
    await browser.ask("DELETE", BOT, "blacklist?pairs_to_delete=BTC/USDT")
    # The last row is written once the browser has its answer.
    await eventually(lambda: len(audit(users)) == 6, 10)
    rows = audit(users)
    assert {(row[0], row[2]) for row in rows} == {("ada", BOT)}
    assert [(row[1], row[3]) for row in rows] == [
        (
            "bot.command",
            {"method": "POST", "endpoint": "forceexit", "body": json.dumps(body, separators=(",", ":"))},
        ),
        ("bot.answer", {"endpoint": "forceexit", "status": 200}),
        ("bot.command", {"method": "POST", "endpoint": "forceenter", "body": '{"pair":"BTC/USDT"}'}),
        ("bot.answer", {"endpoint": "forceenter", "status": 502}),
        ("bot.command", {"method": "DELETE", "endpoint": "blacklist", "query": "pairs_to_delete=BTC/USDT"}),
        ("bot.answer", {"endpoint": "blacklist", "status": 200}),
    ]


async def test_what_nobody_could_write_down_is_not_sent(
    own: EmbeddedPostgres, tmp_path: Path, bots: TellingBots, registry: Registry
) -> None:
    ada = await add_user(own.url, "ada", Role.TRADER)
    async with showing(own.url, tmp_path, bots.address, registry) as browser:
        await browser.enter(own.url, ada)
        with psycopg.connect(own.url, autocommit=True) as connection:
            connection.execute("ALTER TABLE audit_log RENAME TO gone")
        answer = await browser.ask("POST", BOT, "stop")
        assert answer.status_code == 503
        await asyncio.to_thread(own.stop)

        async def away() -> bool:
            return (await browser.ask("GET", BOT, "status")).status_code == 503

        await eventually(away, 20)
    assert [seen["method"] for seen in bots.seen if seen["method"] != "GET"] == []


@pytest.mark.parametrize(
    ("bot", "endpoint", "status", "said"),
    [
        ("mine.nobody", "status", 404, "there is no Strategy mine.nobody"),
        ("mine.asleep", "status", 503, "Strategy mine.asleep is suspended: it has no bot"),
        (BOT, "hang", 504, "the bot of mine.steps does not answer in time"),
        (BOT, "elsewhere", 502, "the bot of mine.steps wants to send us elsewhere, which no bot does"),
        (BOT, "..%2f..%2fother", 404, "this is no path of a bot's API"),
        (BOT, "%2e%2e/%2e%2e/other", 404, "this is no path of a bot's API"),
    ],
)
async def test_what_cannot_be_answered_says_why_where_frequi_looks(
    browser: Browser, bot: str, endpoint: str, status: int, said: str
) -> None:
    answer = await browser.ask("GET", bot, endpoint)
    assert answer.status_code == status
    assert answer.json()["error"] == answer.json()["detail"] == said
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_a_bot_that_is_not_there(browser: Browser, users: str, tmp_path: Path) -> None:
    async with showing(users, tmp_path, "http://127.0.0.1:1/{port}", browser.screen.registry) as other:
        other.as_of(browser)
        answer = await other.ask("GET", BOT, "status")
        assert (answer.status_code, answer.json()["error"][:16]) == (502, "the bot of mine.")
        assert (await other.ask("POST", BOT, "stop")).status_code == 502
    await eventually(lambda: audit(users)[-1][3] == {"endpoint": "stop", "status": 502}, 10)


async def test_a_bot_that_refuses_us_does_not_sign_the_user_out(
    browser: Browser, users: str, tmp_path: Path, bots: TellingBots
) -> None:
    # As if its key were another one: the credentials are derived from the names.
    address = bots.address.replace("{namespace}", "other")
    async with showing(users, tmp_path, address, browser.screen.registry) as refused:
        refused.as_of(browser)
        answer = await refused.ask("GET", BOT, "status")
        assert answer.status_code == 502
        assert "credentials" in answer.json()["error"]


async def test_an_answer_that_breaks_off_does_not_look_complete(browser: Browser) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await browser.ask("GET", BOT, "break")
    assert (await browser.ask("GET", BOT, "status")).status_code == 200


async def test_a_browser_that_does_not_wait_is_no_error(
    browser: Browser, bots: TellingBots, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await browser.ask("GET", BOT, "hang", timeout=0.5)
    bots.hang.set()
    await asyncio.sleep(0)
    assert (await browser.ask("GET", BOT, "status")).status_code == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_other_sites_pages_change_nothing(browser: Browser, bots: TellingBots) -> None:
    for headers in ({"Sec-Fetch-Site": "same-site"}, {"Origin": "http://steps.mine.bots.localhost:8080"}):
        assert (await browser.ask("POST", BOT, "forceexit", headers=headers)).status_code == 403
        assert (await browser.http.post("/sign-out", headers=headers)).status_code == 403
        form = {"username": "ada", "password": PASSWORD}
        assert (await browser.http.post("/sign-in", data=form, headers=headers)).status_code == 403
    assert (await browser.ask("OPTIONS", BOT, "status")).status_code == 405, "there is no CORS"
    assert bots.seen == []


async def test_bodies_have_a_limit(browser: Browser, bots: TellingBots) -> None:
    answer = await browser.ask("POST", BOT, "forceexit", content=b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413
    assert bots.seen == []


@asynccontextmanager
async def listening(browser: Browser, **headers: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    (name, value), *_ = browser.http.cookies.items()
    url = f"http://127.0.0.1:{browser.screen.port}{browser.path(BOT, 'message/ws')}?token={browser.token}"
    async with (
        aiohttp.ClientSession(headers={"Cookie": f"{name}={value}", **headers}) as session,
        session.ws_connect(url) as socket,
    ):
        yield socket


async def test_messages_go_both_ways_until_the_session_ends(browser: Browser, bots: TellingBots) -> None:
    async with listening(browser, Origin=f"http://127.0.0.1:{browser.screen.port}") as socket:
        await socket.send_str("whitelist")
        assert await socket.receive_str(timeout=10) == "heard whitelist"
        await browser.http.post("/sign-out")
        assert (await socket.receive(timeout=20)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 4401


async def test_other_sites_pages_hear_no_messages(browser: Browser) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
        async with listening(browser, Origin="http://evil.example"):
            pass
    browser.token = "guessed"
    with pytest.raises(aiohttp.WSServerHandshakeError, match="401"):
        async with listening(browser):
            pass


async def test_files_are_found_by_name_and_nothing_beside_them(browser: Browser) -> None:
    script = await browser.http.get("/assets/frequi.js")
    assert script.status_code == 200
    assert script.headers["content-type"].endswith("/javascript")
    assert "immutable" in script.headers["cache-control"]
    assert (await browser.http.get("/btcwatcher/fleet.js")).status_code == 200
    for path in ("/assets/%2e%2e/index.html", "/../bot.key", "/btcwatcher/__init__.py", "/metrics", "/assets/none.js"):
        assert (await browser.http.get(path)).status_code == 404, path


async def test_machines_ask_at_a_port_of_their_own(browser: Browser, registry: Registry) -> None:
    await browser.ask("GET", BOT, "status")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{browser.screen.metrics_port}") as machine:
        assert (await machine.get("/healthz")).status_code == 200
        assert (await machine.get("/readyz")).status_code == 200
        figures = (await machine.get("/metrics")).text
    assert 'btcwatcher_screen_request_seconds_count{code="200",kind="read"} 1.0' in figures
