"""The forwarder and the market-data cache: never by a Proxy to it, and around it while it is away, where wanted."""

import http.client
import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from btcwatcher_bot.places import settings_of
from btcwatcher_bot.proxies import forwarder
from btcwatcher_bot.proxies.start import listening
from btcwatcher_local.loopback import free_port
from support.proxies import Proxies, proxies

pytestmark = pytest.mark.integration


class Served:
    """A server that says its name and what it was asked, on a port that can be closed and opened."""

    def __init__(self, name: str, context: ssl.SSLContext | None = None) -> None:
        self.name, self.asked, self._context, self.port = name, list[str](), context, free_port()
        self.open()

    def open(self) -> None:
        served = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                served.asked.append(f"{self.headers['Host']} {self.path}")
                body = served.name.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        if self._context is not None:
            self._server.socket = self._context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


Serve = Callable[..., Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    made: list[Served] = []

    def one(name: str, context: ssl.SSLContext | None = None) -> Served:
        made.append(Served(name, context))
        return made[-1]

    yield one
    for server in made:
        server.close()


@pytest.fixture
def make_proxy() -> Iterator[Proxies]:
    with proxies() as make:
        yield make


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What an exchange serves with; the forwarder trusts it."""
    authority = trustme.CA()
    served, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(served)
    authority.configure_trust(trusting)
    monkeypatch.setattr(forwarder, "trust", lambda: trusting)
    return served


def way(folder: Path, cache: Served, direct: str = "{}", *named: str) -> Callable[[str], tuple[int, str]]:
    """A client like ccxt's of a forwarder: asks for a whole URL; status and body."""
    environment = {
        "BTCWATCHER_MARKET": f"http://127.0.0.1:{cache.port}",
        "BTCWATCHER_MARKET_DIRECT": direct,
        "BTCWATCHER_PROXIES": ",".join(named),
    }
    fragment, _ = listening(settings_of(environment), folder)
    address = urlsplit(str(fragment["exchange"]["ccxt_async_config"]["aiohttp_proxy"]))  # type: ignore[index]

    def ask(url: str) -> tuple[int, str]:
        assert address.hostname
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
        try:
            connection.request("GET", url)
            answer = connection.getresponse()
            return answer.status, answer.read().decode() or answer.reason
        finally:
            connection.close()

    return ask


def test_no_proxy_leads_to_the_cache_and_all_else_goes_by_them(
    tmp_path: Path, serve: Serve, make_proxy: Proxies
) -> None:
    cache, exchange, tokyo = serve("cache"), serve("exchange"), make_proxy("http", "me", "secret")
    (tmp_path / "tokyo").write_text(tokyo.url)
    ask = way(tmp_path, cache, "{}", "tokyo")
    assert ask(f"http://127.0.0.1:{cache.port}/binance/public/klines?limit=5") == (200, "cache")
    assert cache.asked == [f"127.0.0.1:{cache.port} /binance/public/klines?limit=5"]
    assert tokyo.asked == []
    assert ask(f"http://127.0.0.1:{exchange.port}/order") == (200, "exchange")
    assert len(tokyo.asked) == 1
    cache.close()
    status, reason = ask(f"http://127.0.0.1:{cache.port}/binance/public/klines")
    assert (status, "the market-data cache at 127.0.0.1 cannot be reached" in reason) == (502, True)
    assert len(tokyo.asked) == 1, "it is waited for"


def test_around_a_cache_that_is_away_and_back_again(
    tmp_path: Path, serve: Serve, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("btcwatcher_bot.proxies.market._AWAY_SECONDS", 0.0)
    cache, exchange = serve("cache"), serve("exchange", tls)
    here = f"http://127.0.0.1:{cache.port}/kraken/public"
    ask = way(tmp_path, cache, f'{{"{here}": "https://localhost:{exchange.port}/base"}}')
    assert ask(f"{here}/0/public/OHLC?pair=XBTUSD") == (200, "cache")
    cache.close()
    assert ask(f"{here}/0/public/OHLC?pair=XBTUSD&since=1") == (200, "exchange")
    assert exchange.asked == [f"localhost:{exchange.port} /base/0/public/OHLC?pair=XBTUSD&since=1"]
    assert ask(f"http://127.0.0.1:{cache.port}/kraken/other")[0] == 502, "of an address that nobody named"
    cache.open()
    assert ask(f"{here}/0/public/OHLC") == (200, "cache")
    assert len(exchange.asked) == 1


def test_around_it_by_the_proxies_where_there_are_any(
    tmp_path: Path, serve: Serve, tls: ssl.SSLContext, make_proxy: Proxies
) -> None:
    cache, exchange, tokyo = serve("cache"), serve("exchange", tls), make_proxy("socks5", "me", "secret")
    (tmp_path / "tokyo").write_text(tokyo.url)
    here = f"http://127.0.0.1:{cache.port}/kraken/public"
    ask = way(tmp_path, cache, f'{{"{here}": "https://localhost:{exchange.port}"}}', "tokyo")
    cache.close()
    assert ask(f"{here}/Time") == (200, "exchange")
    assert len(tokyo.asked) == 1
    tokyo.stop()
    assert ask(f"{here}/Time")[0] == 502, "never without a proxy"
    assert len(exchange.asked) == 1


def test_without_proxies_what_is_signed_goes_straight(tmp_path: Path, serve: Serve) -> None:
    cache, exchange = serve("cache"), serve("exchange")
    here = f"http://127.0.0.1:{cache.port}/kraken/public"
    ask = way(tmp_path, cache, f'{{"{here}": "http://127.0.0.1:{exchange.port}"}}')
    assert ask(f"http://127.0.0.1:{exchange.port}/private?a=b") == (200, "exchange")
    assert cache.asked == []
