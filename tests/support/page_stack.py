"""The page with what it needs, and without bots: `serve` as a process, a Postgres, the embedded API server."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import yaml

from btcwatcher_local.loopback import free_port
from support import api, apiservers
from support.postgres import migrated

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from support.apiservers import ApiServer

PASSWORD = "correct horse battery"
_CRDS = Path(__file__).parents[2] / "crds"
_STRATEGIES = "/apis/btcwatcher.io/v1alpha1/namespaces/{}/strategies"
_APPLY = "application/apply-patch+yaml"


@dataclass
class PageStack:
    """What a browser test acts on beside the page."""

    url: str
    cluster: ApiServer
    database_url: str
    http: httpx.Client
    log: Path

    def strategy(self, name: str, namespace: str = "trading", *, ready: str | None = "Running", message: str = "",
                 port: int | None = None, **spec: Any) -> None:  # fmt: skip
        """A Strategy as its user and the operator have it."""
        path = f"{_STRATEGIES.format(namespace)}/{name}"
        manifest = {
            "apiVersion": "btcwatcher.io/v1alpha1",
            "kind": "Strategy",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "strategyName": "Any",
                "timeframe": "5m",
                "exchange": {"name": "binance", "pairs": ["BTC/USDT", "ETH/USDT"]},
                "source": {"inline": "# nothing"},
                **spec,
            },
        }
        made = self.cluster.ok("PATCH", f"{path}?fieldManager=test&force=true", manifest, content_type=_APPLY)
        if ready is None:
            return
        fine = ready in ("Running", "Paused", "Suspended")
        condition = {
            "type": "Ready",
            "status": "True" if fine else "False",
            "reason": ready,
            "message": message or ("the bot's API answers and its trading loop comes round" if fine else "not yet"),
            "observedGeneration": made["metadata"]["generation"],
            "lastTransitionTime": "2026-11-27T20:00:00Z",
        }
        status = {"observedGeneration": made["metadata"]["generation"], "conditions": [condition]}
        if port is not None:
            status["port"] = port
        self.cluster.ok("PATCH", f"{path}/status", {"status": status}, content_type="application/merge-patch+json")

    def state_of(self, name: str, namespace: str = "trading") -> str:
        found = self.cluster.ok("GET", f"{_STRATEGIES.format(namespace)}/{name}")
        return str(found["spec"]["state"])

    def signal(self, name: str, namespace: str = "trading", **body: Any) -> None:
        """One signal by the webhook, as a bot sends it."""
        identifier = f"{namespace}.{name}"
        sent = {"action": "entry", "direction": "long", "pair": "BTC/USDT", "price": "67012.5", **body}
        answer = self.http.post(api.webhook(identifier), json=sent, auth=(identifier, api.token(identifier)))
        assert answer.status_code == 202, answer.text

    def account(self, name: str, role: str) -> None:
        """A user with this role, whose password is PASSWORD."""
        answer = self.http.post("/api/v1/auth/register", json={"username": name, "password": PASSWORD})
        assert answer.status_code in (201, 409), answer.text
        with psycopg.connect(self.database_url) as connection:
            connection.execute("UPDATE users SET role = %s WHERE username = %s", (role, name))

    def audited(self) -> list[tuple[str, str, str]]:
        """Actor, action and subject, the newest first."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute("SELECT actor, action, subject FROM audit_log ORDER BY id DESC").fetchall()


@contextlib.contextmanager
def running(factory: pytest.TempPathFactory, **settings: str) -> Iterator[PageStack]:
    folder = factory.mktemp("page")
    postgres = migrated(folder / "postgres", factory)
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(apiservers.embedded(folder))
        for kind in ("strategies", "notificationchannels", "fleetcapacities", "proxies"):
            definition = yaml.safe_load((_CRDS / f"btcwatcher.io_{kind}.yaml").read_text())
            cluster.ok("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        for namespace in ("trading", "desk"):
            cluster.ok("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        stack.callback(postgres.remove)
        postgres.start()
        url = f"http://127.0.0.1:{free_port()}"
        log = folder / "serve.log"
        environment = {
            **os.environ,
            "KUBECONFIG": str(cluster.kubeconfig),
            "BTCWATCHER_DATABASE_URL": postgres.url,
            "BTCWATCHER_PORT": url.rpartition(":")[2],
            "BTCWATCHER_REGISTRATION": "open",
            **{f"BTCWATCHER_{name.upper()}": str(path) for name, path in api.key_files(folder).items()},
            **{f"BTCWATCHER_{name.upper()}": str(path) for name, path in api.signing_key(folder).items()},
            **settings,
        }
        output = stack.enter_context(log.open("ab"))
        process = subprocess.Popen(
            [sys.executable, "-m", "btcwatcher_api.main", "serve"], env=environment, stdout=output, stderr=output
        )
        stack.callback(process.wait, 30)
        stack.callback(process.terminate)
        http = stack.enter_context(httpx.Client(base_url=url, timeout=30))
        deadline = time.monotonic() + 120
        while not _ready(http):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield PageStack(url, cluster, postgres.url, http, log)


def _ready(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False
