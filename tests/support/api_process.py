"""The API as a process of its own with one Strategy put in by hand, and a load of that Strategy's signals."""

import base64
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from btcwatcher_api import logs
from btcwatcher_api.app import create_app
from btcwatcher_api.garbage import collect_rarely
from btcwatcher_api.settings import Settings, load
from btcwatcher_api.signals.fastlane import WebhookProtocol
from btcwatcher_api.strategies.registry import Registry
from btcwatcher_local.loopback import free_port
from support import api

CONNECTIONS = 32
_TESTS = str(Path(__file__).parents[1])


@dataclass(frozen=True, slots=True)
class Server:
    """What is measured: a process of its own."""

    port: int
    pid: int


@contextlib.contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, *arguments, str(port)],
        env={**os.environ, "PYTHONPATH": _TESTS},
    )
    try:
        server = Server(port, process.pid)
        load_of(server, 1.5)
        yield server
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def serving_api(database_url: str, folder: Path) -> Iterator[Server]:
    """`folder` takes its keys."""
    with serving("-m", "support.api_process", database_url, str(folder)) as server:
        yield server


def load_of(server: Server, seconds: float, rate: float = 0) -> dict[str, Any]:
    """Signals for so long, at `rate` a second or (0) as many as go; what came of it."""
    credentials = base64.b64encode(f"{api.STRATEGY}:{api.token()}".encode()).decode()
    arguments = [str(server.port), api.webhook(), f"Basic {credentials}", str(CONNECTIONS), str(seconds), str(rate)]
    for _ in range(100):
        result = subprocess.run(
            [sys.executable, "-m", "support.load", *arguments],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": _TESTS},
        )
        if result.returncode == 0:
            figures: dict[str, Any] = json.loads(result.stdout)
            return figures
        assert "ConnectionRefused" in result.stderr, result.stderr
        time.sleep(0.2)
    raise AssertionError(result.stderr)


def _serve(database_url: str, folder: str, port: str) -> None:
    logs.configure()
    registry = Registry(api.KEY)
    registry.replace([api.strategy(notify={"minLevel": "Weak", "channels": ["desk"]})])
    settings = load(
        Settings,
        database_url=database_url,
        accounts=False,
        **api.FOREVER,
        **api.key_files(Path(folder)),
    )
    app = create_app(settings, registry)
    config = uvicorn.Config(
        app,
        port=int(port),
        http=WebhookProtocol,
        loop="uvloop",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )
    collect_rarely()
    uvicorn.Server(config).run()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
