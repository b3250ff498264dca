"""The pure parts of the page: whose a request is, where to go on, which language, and words for everything."""

import re
from pathlib import Path

import pytest

from btcwatcher_api.page import render
from btcwatcher_api.page.language import Language, Theme, preferences
from btcwatcher_api.page.origin import is_own, is_secure, local_path
from btcwatcher_api.page.texts import TEXTS
from btcwatcher_api.signals.types import SignalType
from btcwatcher_crds.strategy import Mode, SignalLevel, State

_PAGE = Path(render.__file__).parent
_ASKED = re.compile(r"\bt\(\s*\"([a-z0-9_.]+)\"\s*[,)]|text\(\"([a-z0-9_.]+)\"")
_CHINESE = re.compile(r"[一-鿿]")
_SAME_IN_BOTH = {"product", "nav.api", "resource.cpu"}


@pytest.mark.parametrize(
    ("headers", "own"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-site", "origin": "https://bot.example.com", "host": "example.com"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "http://Host:8000", "host": "host:8000"}, True),
        ({"origin": "http://host:8001", "host": "host:8000"}, False),
        ({"origin": "null", "host": "host:8000"}, False),
        ({"host": "host:8000"}, False),
        ({}, False),
    ],
)
def test_whose_page_asks(headers: dict[str, str], own: bool) -> None:
    assert is_own(headers) is own


@pytest.mark.parametrize(
    ("scheme", "headers", "public_url", "secure"),
    [
        ("http", {"host": "a"}, "", False),
        ("https", {"host": "a"}, "", True),
        ("http", {"host": "a", "x-forwarded-proto": "https, http"}, "", True),
        ("http", {"host": "a"}, "https://a/x", True),
        ("http", {"host": "127.0.0.1:8000"}, "https://a", False),
        ("http", {"host": "a", "x-forwarded-proto": "http"}, "https://a", False),
    ],
)
def test_whether_cookies_are_kept_to_https(scheme: str, headers: dict[str, str], public_url: str, secure: bool) -> None:
    assert is_secure(scheme, headers, public_url) is secure


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("/signals?level=Strong", "/signals?level=Strong"),
        (None, "/"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\r\nSet-Cookie: b", "/"),
    ],
)
def test_where_to_go_on(asked: str | None, path: str) -> None:
    assert local_path(asked) == path


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        (None, "de,zh-TW;q=0.3,en;q=0.8", "en"),
        (None, "zh;q=0,en;q=0.1", "en"),
        (None, "fr;q=x", "en"),
        ("en", "zh-CN", "en"),
        ("klingon", "zh-CN", "zh-CN"),
    ],
)
def test_which_language(cookie: str | None, accepted: str, language: str) -> None:
    found = preferences({"btcwatcher_language": cookie} if cookie else {}, accepted)
    assert found.language == language
    assert found.theme is Theme.SYSTEM


def test_every_text_is_there_in_both_languages() -> None:
    wrong = [
        key
        for key, (english, chinese) in TEXTS.items()
        if not english.strip()
        or _CHINESE.search(english)
        or not (_CHINESE.search(chinese) or key in _SAME_IN_BOTH)
        or set(re.findall(r"\{\w+\}", english)) != set(re.findall(r"\{\w+\}", chinese))
    ]
    assert wrong == []


def test_the_templates_ask_for_what_is_there() -> None:
    sources = "".join(path.read_text() for kind in ("*.html", "*.py") for path in _PAGE.rglob(kind))
    asked = {first or second for first, second in _ASKED.findall(sources)}
    assert asked - TEXTS.keys() == set()
    groups = {key.partition(".")[0] for key in TEXTS if "." in key}
    unused = {key for key in TEXTS.keys() - asked if f'"{key}"' not in sources and key.partition(".")[0] not in groups}
    assert unused == set()


def test_words_of_closed_sets() -> None:
    wanted = preferences({}, "zh")
    assert wanted.language is Language.CHINESE
    for group, members in (("state", State), ("mode", Mode), ("level", SignalLevel), ("type", SignalType)):
        for member in members:
            assert wanted.word(group, member.value) != member.value
    assert wanted.word("type", "of_a_newer_freqtrade") == "of_a_newer_freqtrade"


def test_no_script_and_no_style_stands_in_a_template() -> None:
    """The page's policy would refuse it."""
    for path in _PAGE.rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style", text), path.name
        # A link may lead elsewhere; nothing may come from there.
        assert not re.search(r"(?<!href=\")https?://", text), path.name


@pytest.mark.parametrize(
    ("value", "written"),
    [(None, ""), ("67012.50", "67012.5"), ("0.00002345", "0.00002345"), ("100", "100"), ("1E+3", "1000"), ("0", "0")],
)
def test_how_a_price_is_written(value: str | None, written: str) -> None:
    assert render.number(value) == written


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        ("0", "+0.00"),
        ("12.3456", "+12.35"),
        ("-1003.7", "-1003.70"),
        ("0.5", "+0.5000"),
        ("-0.0000125", "-0.00001250"),
    ],
)
def test_a_profit_has_its_sign_and_as_many_digits_as_say_something(value: str | None, shown: str) -> None:
    assert render.money(value) == shown
