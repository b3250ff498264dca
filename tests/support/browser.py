"""A real Chromium, driven by Playwright, which never downloads one of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

_PREPARE = Path(__file__).parents[1] / "browser" / "prepare.sh"
_NO_BROWSER = 77
SECONDS = 60.0
"""How long something on a page is waited for, on a busy machine."""


def launch_options() -> dict[str, Any]:
    """Of the machine's own Chromium; the test is skipped where there is none."""
    found = subprocess.run([str(_PREPARE)], check=False, capture_output=True, text=True)
    if found.returncode == _NO_BROWSER:
        pytest.skip(found.stderr.strip().splitlines()[-1])
    assert found.returncode == 0, found.stderr
    # As root, Chromium's own sandbox does not start; it loads nothing but our own page here.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {
        "executable_path": found.stdout.strip(),
        "args": [*sandbox, "--disable-dev-shm-usage"],
        "timeout": 120_000,
    }


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    options = launch_options()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**options)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Window:
    """One visitor's window. What went wrong in it is collected, and makes the test fail that opened it."""

    page: Page
    wrong: list[str] = field(default_factory=list)

    def overflows(self) -> bool:
        """Whether the page can be scrolled sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))

    def rgb(self, selector: str, name: str) -> str:
        """A computed style."""
        return str(
            self.page.locator(selector).first.evaluate("(element, name) => getComputedStyle(element)[name]", name)
        )


@contextlib.contextmanager
def window(browser: Browser, url: str, **options: Any) -> Iterator[Window]:
    """A window without cookies, at `url`; a script's error, or what the page's policy refuses, is a failure."""
    context = browser.new_context(
        base_url=url, **{"locale": "en-US", "viewport": {"width": 1440, "height": 900}, **options}
    )
    context.set_default_timeout(SECONDS * 1000)
    opened = Window(context.new_page())
    opened.page.on("pageerror", lambda error: opened.wrong.append(str(error)))
    opened.page.on(
        "console",
        lambda message: opened.wrong.append(message.text) if "Content Security Policy" in message.text else None,
    )
    opened.page.on(
        "response",
        lambda answer: (
            opened.wrong.append(f"{answer.status} {answer.url}")
            if answer.status >= 400 and "/assets/" in answer.url
            else None
        ),
    )
    try:
        yield opened
    finally:
        context.close()
    assert opened.wrong == [], opened.wrong
