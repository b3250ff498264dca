"""The page in a real Chromium: signing in, what happens without a reload, roles, languages, themes, a phone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from support import browser
from support.kubectl import until
from support.page_stack import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from support.browser import Window
    from support.page_stack import PageStack

pytestmark = [pytest.mark.integration]

PHONE = {"viewport": {"width": 360, "height": 740}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
PAGES = ("/", "/signals", "/charts", "/capacity", "/notifications", "/settings")


expect.set_options(timeout=browser.SECONDS * 1000)


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/sign-in")
    page.get_by_label(re.compile("User name|用户名")).fill(name)
    page.get_by_label(re.compile("Password|密码")).fill(password)
    page.locator("button.main").first.click()


def signed_in(stack: PageStack, chromium: Browser, role: str, **options: object) -> Iterator[Window]:
    stack.account(role, role)
    with browser.window(chromium, stack.url, **options) as opened:
        sign_in(opened.page, role)
        expect(opened.page.locator("table.strategies")).to_be_visible()
        yield opened


@pytest.fixture
def trader(stack: PageStack, chromium: Browser) -> Iterator[Window]:
    yield from signed_in(stack, chromium, "trader")


@pytest.fixture
def viewer(stack: PageStack, chromium: Browser) -> Iterator[Window]:
    yield from signed_in(stack, chromium, "viewer")


def test_the_first_account_and_a_page_that_follows(stack: PageStack, chromium: Browser) -> None:
    """The whole way, as somebody goes it who has just installed it."""
    with browser.window(chromium, stack.url) as opened:
        page = opened.page
        page.goto("/")
        expect(page.get_by_role("heading", name="Make the first account")).to_be_visible()
        sign_in(page, "ada")
        expect(page.get_by_text("There is no Strategy yet")).to_be_visible()
        page.evaluate("window.sameDocument = true")

        stack.strategy("ema-cross", ready="Starting", message="the bot is starting")
        row = page.locator("tr[data-id='trading.ema-cross']")
        expect(row).to_contain_text("the bot is starting")
        stack.strategy("ema-cross", port=8081)
        expect(row).to_contain_text("8081")
        expect(row.locator(".tag")).to_have_text("Running")

        stack.signal("ema-cross", pair="BTC/USDT", signal_strength="0.9")
        arrived = page.locator("#signals tr").first
        expect(arrived).to_contain_text("BTC/USDT")
        expect(arrived).to_contain_text("Strong")
        expect(row.locator("[data-last]")).to_contain_text("entry BTC/USDT")
        expect(page.locator("[data-count]")).to_have_text("1")
        expect(page.locator("[data-counts=ready]")).to_have_text("1")

        row.get_by_role("button", name="Suspend").click()
        asking = page.get_by_role("dialog")
        expect(asking).to_contain_text("open trades are not looked after")
        asking.get_by_role("button", name="Cancel").click()
        assert stack.state_of("ema-cross") == "Running"
        row.get_by_role("button", name="Suspend").click()
        asking.get_by_role("button", name="Suspend").click()
        expect(row.locator("td.state")).to_have_text("Suspended")
        expect(row.locator("[data-last]")).to_contain_text("entry BTC/USDT")
        assert stack.state_of("ema-cross") == "Suspended"
        # A row is written once Kubernetes has the change, which the page may show before.
        until(lambda: ("ada", "strategy.stop", "trading.ema-cross") in stack.audited(), "the row of the audit log")

        row.get_by_role("button", name="Resume").click()
        expect(row.locator("td.state")).to_have_text("Running")
        row.get_by_role("button", name="Pause").click()
        asking.get_by_role("button", name="Pause").click()
        expect(row.locator("td.state")).to_have_text("Paused")
        until(lambda: ("ada", "strategy.pause", "trading.ema-cross") in stack.audited(), "the row of the audit log")
        assert page.evaluate("window.sameDocument")

        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        page.goto("/")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_viewer_sees_all_and_changes_nothing(stack: PageStack, viewer: Window) -> None:
    stack.strategy("look-only", port=8090)
    row = viewer.page.locator("tr[data-id='trading.look-only']")
    expect(row).to_contain_text("8090")
    expect(row.get_by_role("button")).to_have_count(0)
    refused = viewer.page.evaluate(
        "fetch('/strategies/trading.look-only/suspend', {method: 'POST', headers: {Accept: 'text/plain'}})"
        ".then(async (answer) => [answer.status, await answer.text()])"
    )
    assert refused == [403, "this needs the role trader; viewer has viewer"]
    assert stack.state_of("look-only") == "Running"


def test_a_chart_without_a_bot_says_so_and_shows_who_signalled(stack: PageStack, trader: Window) -> None:
    exchange = {"name": "kraken", "pairs": ["XMR/EUR"]}
    stack.strategy("charted", ready="Starting", message="the bot is starting", exchange=exchange)
    stack.signal("charted", pair="XMR/EUR", price="140.5")
    trader.page.goto("/charts?exchange=kraken&pair=XMR/EUR")
    expect(trader.page.locator("#chart-problem")).to_contain_text("BTCWATCHER_COLLECTOR_URL")
    expect(trader.page.locator("#chart canvas").first).to_be_visible()
    expect(trader.page.locator("#legend")).to_contain_text("trading.charted")
    expect(trader.page.locator("#signals")).to_contain_text("140.5")


def test_what_kubernetes_refuses_is_said(stack: PageStack, trader: Window) -> None:
    stack.strategy("soon-gone")
    row = trader.page.locator("tr[data-id='trading.soon-gone']")
    expect(row).to_be_visible()
    trader.page.evaluate(
        "document.querySelector('form[action*=\"soon-gone/pause\"]').action = '/strategies/trading.no/pause'"
    )
    row.get_by_role("button", name="Pause").click()
    trader.page.get_by_role("dialog").get_by_role("button", name="Pause").click()
    expect(trader.page.get_by_role("alert")).to_contain_text('strategies.btcwatcher.io "no" not found')
    stack.cluster.ok("DELETE", "/apis/btcwatcher.io/v1alpha1/namespaces/trading/strategies/soon-gone")
    expect(row).to_have_count(0)


def test_languages(stack: PageStack, chromium: Browser) -> None:
    stack.account("viewer", "viewer")
    with browser.window(chromium, stack.url, locale="zh-CN") as opened:
        page = opened.page
        page.goto("/")
        expect(page.get_by_role("heading", name="登录")).to_be_visible()
        sign_in(page, "viewer")
        expect(page.get_by_role("heading", name="策略").first).to_be_attached()
        assert page.locator("html").get_attribute("lang") == "zh-CN"
        page.get_by_role("button", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        page.reload()
        expect(page.get_by_role("link", name="Strategies")).to_be_visible()


def test_themes(viewer: Window) -> None:
    page = viewer.page
    page.emulate_media(color_scheme="dark")
    dark = viewer.rgb("body", "backgroundColor")
    page.emulate_media(color_scheme="light")
    light = viewer.rgb("body", "backgroundColor")
    assert dark != light
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert viewer.rgb("body", "backgroundColor") == dark
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="Light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    assert viewer.rgb("body", "backgroundColor") == light


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_phone_scrolls_no_page_sideways(stack: PageStack, chromium: Browser, locale: str) -> None:
    stack.strategy(
        "a-strategy-with-a-name-as-long-as-names-can-be-here", "desk", ready="CrashLooping", message="e" * 300
    )
    stack.signal(
        "a-strategy-with-a-name-as-long-as-names-can-be-here", "desk", pair="1000000MOG/USDT:USDT", message="m" * 300
    )
    for opened in signed_in(stack, chromium, "trader", locale=locale, **PHONE):
        for path in PAGES:
            opened.page.goto(path)
            assert not opened.overflows(), path
