from pathlib import Path

import pytest

from btcwatcher_bot.proxies.upstream import Upstream, UrlError, parse, read


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://proxy:3128", ("http", "proxy", 3128, "", "")),
        ("  socks5://proxy:1080\n", ("socks5", "proxy", 1080, "", "")),
        ("socks5h://proxy", ("socks5", "proxy", 1080, "", "")),
        ("http://[2001:db8::1]:8080/", ("http", "2001:db8::1", 8080, "", "")),
        ("socks5://me:p%40ss%3Aword@proxy:1", ("socks5", "proxy", 1, "me", "p@ss:word")),
    ],
)
def test_urls(url: str, expected: tuple[str, str, int, str, str]) -> None:
    found = parse("tokyo", url)
    assert (found.kind, found.host, found.port, found.username, found.password) == expected


@pytest.mark.parametrize(
    "url",
    ["", "proxy:3128", "ftp://hunter2@proxy", "http://hunter2@", "http://me:hunter2@proxy:port", "http://[hunter2"],
)
def test_what_is_no_proxys_url_is_refused_without_its_words(url: str) -> None:
    with pytest.raises(UrlError) as refused:
        parse("tokyo", url)
    assert "hunter2" not in str(refused.value)


def test_a_proxy_that_is_printed_shows_its_name_only() -> None:
    shown = repr(parse("tokyo", "http://me:hunter2@proxy:3128"))
    assert shown == "Upstream(name='tokyo', kind='http')"


def test_read_keeps_the_order_and_says_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("http://one:1")
    (tmp_path / "a").write_text("socks5://two:2")
    (tmp_path / "broken").write_text("hunter2")
    found, wrong = read(tmp_path, ["b", "missing", "a", "broken"])
    assert [proxy.name for proxy in found] == ["b", "a"]
    assert wrong == {
        "missing": "its Secret or key is not there",
        "broken": "its URL does not begin with http:// or socks5://",
    }


def test_a_changed_url_is_another_proxy() -> None:
    assert parse("a", "http://one:1") == Upstream("a", "http", "one", 1, "", "")
    assert parse("a", "http://one:1") != parse("a", "http://u:p@one:1")
