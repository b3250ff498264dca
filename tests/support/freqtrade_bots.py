"""A folder laid out like a bot's container, a real freqtrade in it, and a paper exchange to trade against."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from btcwatcher_local.exchange.defaults import exchange_defaults
from btcwatcher_local.loopback import free_port

ROOT = Path(__file__).parents[2]
STRATEGIES = ROOT / "tests/data/strategies"
IMAGE = ROOT / "images/freqtrade"
FREQTRADE = Path(os.environ.get("BTCWATCHER_FREQTRADE_PYTHON", ROOT / ".tools/freqtrade/bin/python"))
Config = dict[str, Any]
Change = Callable[[Config], None]


def wait_for(what: str, condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


@dataclass
class PaperExchange:
    """A running paper exchange."""

    url: str

    def post(self, path: str, body: Config) -> None:
        self._call("POST", path, json.dumps(body).encode())

    def delete(self, path: str) -> None:
        self._call("DELETE", path, None)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 - loopback
            return json.load(answer)

    def _call(self, method: str, path: str, body: bytes | None) -> None:
        request = urllib.request.Request(self.url + path, body, method=method)  # noqa: S310 - loopback
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - loopback
            pass


@dataclass
class Bot:
    """One bot's folder and its process, if it runs."""

    folder: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self, mode: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{mode}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(FREQTRADE), "-m", "btcwatcher_bot", mode],
                cwd=self.folder,
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self.process

    def run(self, mode: str, seconds: float = 60.0) -> int:
        return self.start(mode).wait(seconds)

    def start_trading(self) -> None:
        self.start("trade")
        self.wait_ready()

    def wait_ready(self) -> None:
        wait_for("run/ready", lambda: self.there("run/ready") or self._ended())
        assert self.there("run/ready"), self.log("trade")

    def end(self, seconds: float = 20.0) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """At once, if it runs at all."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def there(self, name: str) -> bool:
        return (self.folder / name).exists()

    def log(self, mode: str) -> str:
        return (self.folder / f"{mode}.log").read_text(errors="replace")

    @property
    def termination(self) -> Config | None:
        path = self.folder / "termination"
        text = path.read_text() if path.exists() else ""
        return json.loads(text) if text else None

    def trades(self) -> list[tuple[int, str, bool]]:
        """(id, pair, open) of every trade in the bot's database."""
        path = self.folder / "data/trades.dryrun.sqlite"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            try:
                rows = connection.execute("SELECT id, pair, is_open FROM trades ORDER BY id").fetchall()
            except sqlite3.OperationalError:
                return []
        return [(int(number), str(pair), bool(is_open)) for number, pair, is_open in rows]

    def _ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.folder),
            "PYTHONPATH": str(IMAGE),
            "PYTHONUNBUFFERED": "1",
            "MALLOC_ARENA_MAX": "2",
            "TMPDIR": "run",
            "NETRC": "access/netrc",
            "BTCWATCHER_TERMINATION_LOG": "termination",
            **self.environment,
        }


@contextlib.contextmanager
def running_exchange() -> Iterator[PaperExchange]:
    """A paper exchange on a free port."""
    port = free_port()
    command = [sys.executable, "-m", "btcwatcher_local.exchange", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "local")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    exchange = PaperExchange(f"http://127.0.0.1:{port}")

    def answers() -> bool:
        with contextlib.suppress(OSError):
            return bool(exchange.get("/api/v3/ping") == {})
        return False

    try:
        wait_for("the paper exchange", answers)
        yield exchange
    finally:
        process.terminate()
        process.wait(60)


def lay_out(folder: Path, exchange: PaperExchange, source: Path, strategy: str, change: Change | None = None) -> Bot:
    """A bot's folder; `change` edits the rendered config."""
    bot = Bot(folder, free_port())
    for name in ("revision", "access", "data", "run"):
        (bot.folder / name).mkdir(parents=True)
    config = rendered_config(exchange.url, strategy, bot.port)
    if change is not None:
        change(config)
    (bot.folder / "revision/config.json").write_text(json.dumps(config))
    (bot.folder / "revision/strategy.py").write_bytes(source.read_bytes())
    access = {"username": "tester", "password": "p" * 20, "jwt_secret_key": "j" * 40, "ws_token": "w" * 20}
    (bot.folder / "access/api-server.json").write_text(json.dumps({"api_server": access}))
    return bot


def rendered_config(exchange_url: str, strategy: str, port: int) -> Config:
    """The example config, for this exchange and port, without a receiver for webhooks."""
    config: Config = deepcopy(json.loads((IMAGE / "config.example.json").read_text()))
    defaults: Config = exchange_defaults(exchange_url)
    config |= {name: value for name, value in defaults.items() if name != "exchange"}
    config["exchange"] |= defaults["exchange"]
    config["strategy"] = strategy
    config["api_server"]["listen_port"] = port
    config["internals"] = {"process_throttle_secs": 1, "heartbeat_interval": 1}
    config["webhook"]["enabled"] = False
    return config
