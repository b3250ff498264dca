"""One page with its servers, and one browser, for each module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import browser, page_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from support.page_stack import PageStack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageStack]:
    with page_stack.running(tmp_path_factory) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.chromium() as running:
        yield running
