"""A real freqtrade whose exchange traffic goes through proxies, and never past them."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_bot.proxies.settings import proxied
from support.freqtrade_bots import wait_for
from support.proxies import Proxies, TestProxy, proxies

pytestmark = pytest.mark.integration
Config = dict[str, Any]
PASSWORD = "hunter2hunter2"


@pytest.fixture
def make_proxy() -> Iterator[Proxies]:
    with proxies() as make:
        yield make


def use(bot: Any, **named: TestProxy) -> None:
    (bot.folder / "proxies").mkdir(exist_ok=True)
    for name, proxy in named.items():
        (bot.folder / "proxies" / name).write_text(proxy.url)
    bot.environment["BTCWATCHER_PROXIES"] = ",".join(named)


def _hold(config: Config) -> None:
    config["exchange"]["pair_whitelist"] = ["BTC/USDT", "ETH/USDT"]
    # Out again at once, at any price: the next thing it does must not wait for the market.
    config["minimal_roi"] = {"0": -1}


def _leaks(bot: Any) -> list[str]:
    """The files of the bot, but for the proxies' own, that hold a password."""
    files = [path for path in bot.folder.rglob("*") if path.is_file() and path.parent.name != "proxies"]
    return [str(path) for path in files if PASSWORD.encode() in path.read_bytes()]


def test_trades_through_its_proxies_and_on_when_the_first_one_is_gone(make_bot: Any, make_proxy: Any) -> None:
    tokyo, osaka = make_proxy("socks5", "me", PASSWORD), make_proxy("http", "you", PASSWORD)
    bot = make_bot("pulse.py", "Pulse", _hold)
    use(bot, tokyo=tokyo, osaka=osaka)
    assert bot.run("preflight") == 0, bot.log("preflight")
    assert tokyo.asked, "the preflight asks the exchange through the proxies too"

    bot.start_trading()
    wait_for("an entry", bot.trades)
    assert not osaka.asked
    tokyo.stop()
    before, pid = bot.trades(), bot.process.pid
    wait_for("traffic through the second one", lambda: osaka.asked)
    wait_for("an exit or the next entry", lambda: bot.trades() != before, 150)
    asked = len(tokyo.asked)
    tokyo.start()
    wait_for("traffic through the first one again", lambda: len(tokyo.asked) > asked)
    assert bot.process.pid == pid
    assert bot.process.poll() is None

    assert bot.end() == 0, bot.log("trade")
    log = bot.log("trade")
    # Or it breaks off the one connection that was just being made, or that had just been asked something.
    ways = "cannot be reached|breaks connections off|takes connections and passes nothing on"
    assert re.search(f"proxy tokyo ({ways}); the others come first", log), log
    assert "proxy tokyo works again" in log
    assert _leaks(bot) == []


def test_without_a_proxy_that_works_the_exchange_hears_nothing(make_bot: Any, make_proxy: Any, exchange: Any) -> None:
    gone = make_proxy("http", "me", PASSWORD)
    gone.stop()
    bot = make_bot("pulse.py", "Pulse", _hold)
    use(bot, tokyo=gone)
    exchange.delete("/_stats")
    assert bot.run("preflight") == 0, "an exchange that is away is never held against a Strategy"
    assert bot.run("trade") not in (0, None)
    assert exchange.get("/_stats")["totalCalls"] == 0
    assert bot.termination["reason"] == "ExchangeUnreachable"
    assert bot.termination["message"].startswith("no proxy leads to 127.0.0.1: tokyo cannot be reached\n")
    assert _leaks(bot) == []


def test_a_way_of_its_own_in_the_config_is_refused(make_bot: Any, make_proxy: Any) -> None:
    def another_way(config: Config) -> None:
        config["exchange"]["ccxt_config"]["httpsProxy"] = f"http://me:{PASSWORD}@elsewhere"

    bot = make_bot("pulse.py", "Pulse", another_way)
    use(bot, tokyo=make_proxy("http"))
    for mode in ("preflight", "trade"):
        assert bot.run(mode) == 1
        assert bot.termination["reason"] == "ConfigInvalid"
        assert "exchange.ccxt_config.httpsProxy and spec.exchange.proxyRefs" in bot.termination["message"]
        assert PASSWORD not in bot.log(mode)


def test_every_client_of_ccxt_goes_through_the_forwarder(freqtrade_python: Path, tmp_path: Path) -> None:
    """What freqtrade hands to ccxt, in each of its three clients: plain, asynchronous and websocket."""
    fragment: Any = proxied("http://127.0.0.1:9")
    script = tmp_path / "clients.py"
    script.write_text(_CLIENTS)
    done = subprocess.run(
        [str(freqtrade_python), str(script)],
        input=json.dumps(fragment["exchange"]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "sync http": "127.0.0.1:9",
        "sync https": "127.0.0.1:9",
        "async http": "127.0.0.1:9",
        "async https": "127.0.0.1:9",
        "ws": "127.0.0.1:9",
        "wss": "127.0.0.1:9",
    }


_CLIENTS = """
import asyncio, json, socket, sys
import ccxt, ccxt.pro

opened = []

def look_up(host, port, *args, **kwargs):
    if host != "127.0.0.1":
        opened.append(f"look-up of {host}")
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

def connect(self, address):
    opened.append("%s:%s" % address[:2])
    raise ConnectionRefusedError

socket.getaddrinfo, socket.socket.connect = look_up, connect
settings = json.load(sys.stdin)
seen = {}

def note(what):
    seen[what] = ", ".join(sorted(set(opened)))
    opened.clear()

sync = ccxt.binance(settings["ccxt_sync_config"])
for scheme in ("http", "https"):
    try:
        sync.fetch(f"{scheme}://exchange.invalid/time")
    except ccxt.NetworkError:
        note(f"sync {scheme}")

async def asynchronous():
    client = ccxt.pro.binance(settings["ccxt_async_config"])
    for scheme in ("http", "https"):
        try:
            await client.fetch(f"{scheme}://exchange.invalid/time")
        except ccxt.NetworkError:
            note(f"async {scheme}")
    for scheme in ("ws", "wss"):
        try:
            await client.watch(f"{scheme}://exchange.invalid/ws", "trades", {}, "trades")
        except ccxt.NetworkError:
            note(scheme)
    await client.close()

asyncio.run(asynchronous())
print(json.dumps(seen))
"""
