"""The fleet screen with a real bot behind it and a real Chromium before it: by the page of the tests, which does what
FreqUI does, and, where BTCWATCHER_FREQUI_DIR leads to one, by FreqUI itself."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from playwright.async_api import Page, async_playwright

from btcwatcher_api.accounts.roles import Role
from btcwatcher_api.migrate import migrate
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_crds.derive import bot_api_credentials
from btcwatcher_local.postgres import EmbeddedPostgres
from support.bots import BOT_KEY
from support.browser import SECONDS, launch_options
from support.collectors import with_port
from support.freqtrade_bots import FREQTRADE, STRATEGIES, Bot, PaperExchange, lay_out
from support.localcluster import eventually
from support.screens import FREQUI, PASSWORD, Browser, add_user, showing

# `make test` has the screen on the whole stack, in tests/e2e/test_ways.py.
pytestmark = [pytest.mark.integration, pytest.mark.full]

NAME = "mine.pulse"
REAL_FREQUI = os.environ.get("BTCWATCHER_FREQUI_DIR", "")


@pytest.fixture(scope="module")
def bot(paper_exchange: PaperExchange, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bot]:
    """A real one that holds what it buys, with the credentials that are derived from the bot key."""
    if not FREQTRADE.exists():
        pytest.skip(f"no freqtrade environment at {FREQTRADE}")

    def hold(config: dict[str, Any]) -> None:
        config["exchange"]["pair_whitelist"] = ["BTC/USDT", "ETH/USDT"]
        config["minimal_roi"] = {"0": 10}

    bot = lay_out(tmp_path_factory.mktemp("screen") / "bot", paper_exchange, STRATEGIES / "pulse.py", "Pulse", hold)
    credentials = bot_api_credentials(BOT_KEY, *NAME.split("."))
    access = {
        "username": credentials.username,
        "password": credentials.password,
        "jwt_secret_key": credentials.jwt_secret,
        "ws_token": credentials.ws_token,
    }
    (bot.folder / "access/api-server.json").write_text(json.dumps({"api_server": access}))
    bot.start_trading()
    yield bot
    bot.end()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("BTCWATCHER_DATABASE_URL", raising=False)
        server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
        try:
            server.start()
            migrate(server.url, 1)
            yield server.url
        finally:
            server.remove()


@asynccontextmanager
async def screen_of(database: str, folder: Path, bot: Bot, **settings: Any) -> AsyncIterator[Browser]:
    """The bot's screen, on which a second Strategy is suspended; ada may trade, eve looks."""
    with psycopg.connect(database) as connection:
        connection.execute("TRUNCATE users, refresh_tokens, audit_log")
    known = Registry(None)
    known.replace([with_port(NAME, bot.port), with_port("mine.asleep", 8082, state="Suspended")])
    ada = await add_user(database, "ada", Role.TRADER)
    async with showing(database, folder, "http://127.0.0.1:{port}", known, **settings) as browser:
        await browser.enter(database, ada)
        yield browser


async def trades(browser: Browser) -> list[dict[str, Any]]:
    answer = await browser.ask("GET", NAME, "status")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_a_real_bot_obeys_a_trader_and_all_is_written_down(database: str, tmp_path: Path, bot: Bot) -> None:
    async with screen_of(database, tmp_path, bot) as browser:
        assert (await browser.ask("GET", NAME, "ping")).json() == {"status": "pong"}
        assert (await browser.ask("GET", NAME, "show_config")).json()["strategy"] == "Pulse"

        async def bought() -> bool:
            return bool(await trades(browser))

        await eventually(bought, 60)
        await browser.ask("POST", NAME, "stopentry")
        sold = (await trades(browser))[0]["trade_id"]
        answer = await browser.ask("POST", NAME, "forceexit", json={"tradeid": str(sold), "ordertype": "market"})
        assert answer.status_code == 200, answer.text

        async def gone() -> bool:
            return sold not in {trade["trade_id"] for trade in await trades(browser)}

        await eventually(gone, 60)
        refused = await browser.ask("POST", NAME, "forceexit", json={"tradeid": "4711"})
        assert refused.status_code == 502
        assert "invalid" in refused.json()["error"].lower(), "freqtrade's own words"
        await browser.ask("POST", NAME, "start")
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "SELECT detail->>'endpoint', detail->>'status' FROM audit_log WHERE action = 'bot.answer' ORDER BY id"
        ).fetchall()
    assert rows == [("stopentry", "200"), ("forceexit", "200"), ("forceexit", "502"), ("start", "200")]


@asynccontextmanager
async def chromium(url: str) -> AsyncIterator[Page]:
    """A window."""
    options = await asyncio.to_thread(launch_options)
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(**options)
        page = await browser.new_page(base_url=url, locale="en-US", viewport={"width": 1440, "height": 900})
        page.set_default_timeout(SECONDS * 1000)
        yield page
        await browser.close()


async def sign_in(page: Page, name: str) -> None:
    await page.goto("/dashboard")
    await page.get_by_label("User name").fill(name)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/dashboard")


async def test_every_bot_is_there_after_signing_in(database: str, tmp_path: Path, bot: Bot) -> None:
    async with (
        screen_of(database, tmp_path, bot, frequi_dir=FREQUI) as browser,
        chromium(f"http://127.0.0.1:{browser.screen.port}") as page,
    ):
        await page.clock.install()
        await sign_in(page, "ada")
        await page.wait_for_selector("body[data-done='2']")
        pulse, asleep = page.locator(f"[id='{NAME}']"), page.locator("[id='mine.asleep']")
        assert await pulse.inner_text() == "mine/pulse"
        assert await pulse.get_attribute("data-ping") == "pong", "though its token was stale"
        assert await pulse.get_attribute("data-status") == "200"
        assert "suspended" in (await asleep.get_attribute("data-ping") or "")
        await page.wait_for_selector(f"[id='{NAME}'][data-message='whitelist']")
        assert "screen." not in await page.evaluate("JSON.stringify(localStorage) + document.cookie")
        browser.screen.registry.put(with_port("mine.new", 8083, state="Suspended"))
        await page.clock.fast_forward(20_000)
        await page.get_by_role("button", name="The bots have changed (1): reload").click()
        await page.wait_for_selector("[id='mine.new']")
        await page.get_by_role("button", name="Sign out").click()
        await page.wait_for_url("**/sign-in")
        assert await page.evaluate("localStorage.getItem('ftAuthLoginInfo')") is None
        await page.goto("/trade")
        await page.wait_for_url("**/sign-in?next=/trade")


@pytest.mark.skipif(not REAL_FREQUI, reason="BTCWATCHER_FREQUI_DIR names no built FreqUI")
async def test_frequi_itself(database: str, tmp_path: Path, bot: Bot) -> None:
    async with (
        screen_of(database, tmp_path, bot, frequi_dir=Path(REAL_FREQUI)) as browser,
        chromium(f"http://127.0.0.1:{browser.screen.port}") as page,
    ):
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        await sign_in(page, "ada")
        await page.get_by_text("mine/pulse").first.wait_for()
        await page.get_by_text("mine/asleep").first.wait_for()
        await page.get_by_text("BTC/USDT").first.wait_for()
        shots = os.environ.get("BTCWATCHER_SCREENSHOTS")
        if shots:
            await page.screenshot(path=f"{shots}/dashboard.png")
        await page.goto("/trade")
        await page.get_by_text("BTC/USDT").first.wait_for()
        if shots:
            await page.wait_for_timeout(5000)
            await page.screenshot(path=f"{shots}/trade.png")
        shown = await page.locator("#btcwatcher-bar").inner_text()
        assert "ada" in shown
        assert not [text for text in said if "Content Security Policy" in text]
