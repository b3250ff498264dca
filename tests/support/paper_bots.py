"""Bots that answer a fleet switch over real HTTP as freqtrade's API does, where a real one would be too dear."""

import contextlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class PaperBot:
    """One bot; what a test may change and look at."""

    state: str = "running"
    open_trades: int = 0
    hangs: bool = False
    away: bool = False
    refuses: str = ""
    """What it answers to /forceexit in place of closing."""
    opens_late: int = 0
    """Trades that the round of the trading loop which is under way still opens."""
    told: list[tuple[str, Any]] = field(default_factory=list)

    def answer(self, endpoint: str, body: Any) -> tuple[int, Any]:
        match endpoint:
            case "show_config":
                return 200, {"state": self.state}
            case "health":
                return 200, {"last_process_ts": int(time.time())}
            case "count" if self.state == "stopped":
                return 502, {"error": "Error querying /api/v1/count: trader is not running"}
            case "count":
                return 200, {"current": self.open_trades, "max": 3, "total_stake": 0.0}
        self.told.append((endpoint, body))
        match endpoint:
            case "pause":
                self.state = "paused"
                self.open_trades, self.opens_late = self.open_trades + self.opens_late, 0
            case "start":
                self.state = "running"
            case "forceexit" if self.refuses:
                return 502, {"error": self.refuses}
            case "forceexit":
                self.open_trades = 0
            case _:
                return 404, {"detail": "Not Found"}
        return 200, {"status": "done"}

    @property
    def orders(self) -> list[str]:
        return [endpoint for endpoint, _ in self.told]


class PaperBots:
    """Bots by namespace and name, made when they are first asked for."""

    def __init__(self) -> None:
        self._bots: dict[tuple[str, str], PaperBot] = {}
        self.address = ""
        """The operator's setting that leads to them."""
        self.ended = threading.Event()

    def __getitem__(self, key: tuple[str, str]) -> PaperBot:
        return self._bots.setdefault(key, PaperBot())


@contextlib.contextmanager
def paper_bots() -> Iterator[PaperBots]:
    bots = PaperBots()

    class Handler(http.server.BaseHTTPRequestHandler):
        def _handle(self) -> None:
            _, namespace, name, _, _, _, endpoint = self.path.split("/")
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            bot = bots[namespace, name]
            if bot.away:
                return
            if bot.hangs:
                bots.ended.wait(60)
                return
            if not (self.headers.get("Authorization") or "").startswith("Basic "):
                status, said = 401, {"detail": "Unauthorized"}
            else:
                status, said = bot.answer(endpoint, body)
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self) -> None:
            self._handle()

        def do_POST(self) -> None:
            self._handle()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    bots.address = f"http://127.0.0.1:{server.server_address[1]}/{{namespace}}/{{service}}/{{port}}"
    try:
        yield bots
    finally:
        bots.ended.set()
        server.shutdown()
        server.server_close()
