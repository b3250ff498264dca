"""The forwarder between a client like ccxt's and real proxies, with TLS and without."""

import contextlib
import http.client
import http.server
import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import trustme
from aiohttp import web

from btcwatcher_bot.proxies.forwarder import Forwarder
from btcwatcher_bot.proxies.upstream import read
from support.proxies import Mode, Proxies, TestProxy, proxies

pytestmark = pytest.mark.integration
PASSWORD = "p@ss:word/hunter2"


class Exchange(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) * 2))
        self.end_headers()
        self.wfile.write(body * 2)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None) -> Iterator[int]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Exchange)
    if context is not None:
        # Not in accept: one client that never speaks would keep out all others.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls_exchange(authority: trustme.CA) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with serving(context) as port:
        yield port


@pytest.fixture(scope="module")
def plain_exchange() -> Iterator[int]:
    with serving(None) as port:
        yield port


@pytest.fixture
def make_proxy() -> Iterator[Proxies]:
    with proxies() as make:
        yield make


class Bot:
    """The folder of the Proxies' URLs, the forwarder over it, and a client."""

    def __init__(self, folder: Path, authority: trustme.CA, ports: tuple[int, int]) -> None:
        self.folder = folder
        self.names: list[str] = []
        self._tls_port, self._plain_port = ports
        self._context = ssl.create_default_context()
        authority.configure_trust(self._context)
        self.address = Forwarder(lambda: read(folder, self.names)).start()
        self._address = urlsplit(self.address)

    def use(self, **named: TestProxy) -> None:
        self.names = list(named)
        for name, proxy in named.items():
            (self.folder / name).write_text(proxy.url)

    def trades(self, body: bytes = b"order", timeout: float = 30) -> bytes:
        """Over TLS."""
        assert self._address.hostname
        connection = http.client.HTTPSConnection(
            self._address.hostname, self._address.port, timeout=timeout, context=self._context
        )
        connection.set_tunnel("localhost", self._tls_port)
        return self._post(connection, "/order", body)

    def trades_plainly(self, body: bytes = b"order") -> bytes:
        assert self._address.hostname
        connection = http.client.HTTPConnection(self._address.hostname, self._address.port, timeout=30)
        return self._post(connection, f"http://127.0.0.1:{self._plain_port}/order", body)

    @staticmethod
    def _post(connection: http.client.HTTPConnection, url: str, body: bytes) -> bytes:
        with contextlib.closing(connection):
            connection.request("POST", url, body)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, (answer.status, answer.reason)
            return text


@pytest.fixture
def bot(tmp_path: Path, authority: trustme.CA, tls_exchange: int, plain_exchange: int) -> Bot:
    return Bot(tmp_path, authority, (tls_exchange, plain_exchange))


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("login", [("", ""), ("me", PASSWORD)])
def test_through_a_proxy(bot: Bot, make_proxy: Any, kind: Any, login: tuple[str, str], tls_exchange: int) -> None:
    proxy = make_proxy(kind, *login)
    bot.use(tokyo=proxy)
    big = bytes(range(256)) * 8192
    assert bot.trades(big) == big * 2
    assert bot.trades_plainly(b"order") == b"orderorder"
    # The name itself reaches the proxy: nobody was asked for its address here.
    assert proxy.asked[0] == ("localhost", tls_exchange)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (Mode.HANGS, "does not answer in time"),
        (Mode.CANNOT_REACH, "says that it cannot reach the exchange"),
        (Mode.NONSENSE, "does not speak its protocol"),
        (Mode.BREAKS_OFF, "breaks connections off"),
    ],
)
@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_the_next_one_takes_over_within_the_same_request(
    bot: Bot, make_proxy: Any, kind: Any, broken: Mode, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = make_proxy(kind), make_proxy("socks5")
    bot.use(tokyo=first, osaka=second)
    first.mode = broken
    assert bot.trades() == b"orderorder"
    assert bot.trades() == b"orderorder"
    assert len(second.asked) == 2
    assert f"proxy tokyo {said}" in caplog.text
    assert caplog.text.count("proxy tokyo") == 1, "said once"


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("tls", [False, True])
async def test_websockets_as_ccxt_opens_them(
    bot: Bot, make_proxy: Any, authority: trustme.CA, kind: Any, tls: bool
) -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{request.path_qs} {message.data}")
        return socket

    app = web.Application()
    app.router.add_get("/ws", echo)
    served, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(served)
    authority.configure_trust(trusting)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=served if tls else None)
    await site.start()
    port = runner.addresses[0][1]
    proxy = make_proxy(kind, "me", PASSWORD)
    bot.use(tokyo=proxy)
    try:
        url = f"{'wss' if tls else 'ws'}://localhost:{port}/ws?streams=a@depth"
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, proxy=bot.address, ssl=trusting if tls else True, compress=15) as socket,
        ):
            for text in ("subscribe", "x" * 200_000):
                await socket.send_str(text)
                assert await socket.receive_str(timeout=30) == f"/ws?streams=a@depth {text}"
    finally:
        await runner.cleanup()
    assert proxy.asked == [("localhost", port)]


def test_one_that_is_gone_and_comes_back(bot: Bot, make_proxy: Any, caplog: pytest.LogCaptureFixture) -> None:
    first, second = make_proxy("http", "me", PASSWORD), make_proxy("socks5", "you", PASSWORD)
    bot.use(tokyo=first, osaka=second)
    assert bot.trades() == b"orderorder"
    assert (len(first.asked), len(second.asked)) == (1, 0)
    first.stop()
    assert bot.trades() == b"orderorder"
    assert (len(first.asked), len(second.asked)) == (1, 1)
    first.start()
    # Found out by a connection of the forwarder's own, and preferred from then on.
    until(lambda: "proxy tokyo works again" in caplog.text)
    before = len(second.asked)
    assert bot.trades() == b"orderorder"
    assert len(second.asked) == before
    assert "tokyo cannot be reached" in caplog.text
    assert "hunter2" not in caplog.text


def test_one_that_connects_and_passes_nothing_on(bot: Bot, make_proxy: Any, caplog: pytest.LogCaptureFixture) -> None:
    first, second = make_proxy("http"), make_proxy("http")
    bot.use(tokyo=first, osaka=second)
    first.mode = Mode.SWALLOWS
    with pytest.raises(TimeoutError):
        bot.trades(timeout=6)
    until(lambda: "proxy tokyo takes connections and passes nothing on" in caplog.text)
    assert bot.trades() == b"orderorder"


def test_a_refused_login_is_said_and_the_next_one_takes_over(
    bot: Bot, make_proxy: Any, caplog: pytest.LogCaptureFixture
) -> None:
    for kind in ("http", "socks5"):
        refusing, second = make_proxy(kind, "me", "right"), make_proxy("http")
        bot.use(**{kind: refusing, "second": second})
        (bot.folder / kind).write_text(refusing.url.replace("right", "hunter2"))
        assert bot.trades() == b"orderorder"
        assert f"proxy {kind} refuses user and password" in caplog.text
    assert "hunter2" not in caplog.text


def test_never_without_a_proxy(bot: Bot, make_proxy: Any) -> None:
    """Not when none is there, none can be read or none works: better no trade than one that shows the own address."""
    gone = make_proxy("http")
    gone.stop()
    for names, reason in (
        ([], "no proxy leads to localhost"),
        (["absent"], "absent: its Secret or key is not there"),
        (["broken"], "broken: its URL does not begin with http:// or socks5://"),
        (["gone"], "gone cannot be reached"),
    ):
        (bot.folder / "broken").write_text("hunter2")
        (bot.folder / "gone").write_text(gone.url)
        bot.names = names
        with pytest.raises(OSError, match=reason):
            bot.trades()
        with pytest.raises(AssertionError, match=reason.replace("localhost", "127.0.0.1")):
            bot.trades_plainly()


def test_an_exchange_that_is_away_is_not_the_proxies_fault(
    bot: Bot, make_proxy: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first, second = make_proxy("http"), make_proxy("socks5")
    bot.use(tokyo=first, osaka=second)
    first.mode = second.mode = Mode.CANNOT_REACH
    with pytest.raises(OSError, match="osaka says that it cannot reach the exchange"):
        bot.trades()
    assert "btcwatcher_bot.proxies" not in [record.name for record in caplog.records]
    first.mode = Mode.WORKS
    assert bot.trades() == b"orderorder"
    assert len(first.asked) == 2, "still the first one"


def test_a_changed_url_holds_from_the_next_connection_on(bot: Bot, make_proxy: Any) -> None:
    old, new = make_proxy("http", "me", "old"), make_proxy("socks5", "me", "new")
    bot.use(tokyo=old)
    assert bot.trades() == b"orderorder"
    bot.use(tokyo=new)
    assert bot.trades() == b"orderorder"
    assert (len(old.asked), len(new.asked)) == (1, 1)
