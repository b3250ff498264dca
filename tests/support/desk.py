"""The API on the embedded API server, with a trader's token: what REST does and what kubectl sees of it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import yaml

from btcwatcher_api.accounts.roles import Role
from btcwatcher_crds.names import GROUP, STRATEGY_PLURAL, VERSION
from btcwatcher_local.apiserver import Serving, serve
from support import api, rights
from support.api import Api
from support.kubectl import REPOSITORY

STRATEGIES = "/api/v1/strategies"
SPEC: dict[str, Any] = {
    "strategyName": "EmaCross",
    "timeframe": "5m",
    "exchange": {"name": "binance", "pairs": ["BTC/USDT", "ETH/USDT"]},
}
NAMESPACED = f"/apis/{GROUP}/{VERSION}/namespaces/trading"
PATH = f"{NAMESPACED}/{STRATEGY_PLURAL}"


class Desk:
    """The API, a trader's token for it, and the cluster behind it as kubectl sees it."""

    def __init__(self, served: Api, serving: Serving, kubernetes: httpx.AsyncClient, database: str) -> None:
        self.served = served
        self.serving = serving
        self.kubernetes = kubernetes
        self.database = database
        assert served.app is not None
        self.token = served.app.state.signer.access_token(uuid4(), "tess", Role.TRADER)

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request of the trader."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return await self.served.http.request(method, path, headers=headers, **options)

    async def create(self, name: str = "ema-cross", **spec: Any) -> httpx.Response:
        body = {"namespace": "trading", "name": name, "spec": {**SPEC, **spec}}
        return await self.ask("POST", f"{STRATEGIES}/", json=body)

    async def seen_by_kubectl(self, name: str = "ema-cross") -> dict[str, Any]:
        answer = await self.kubernetes.get(f"{PATH}/{name}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def listed(self, count: int, **filters: Any) -> dict[str, Any]:
        """The list, once the watch knows so many."""
        for _ in range(100):
            answer = await self.ask("GET", f"{STRATEGIES}/", params=filters)
            assert answer.status_code == 200, answer.text
            page: dict[str, Any] = answer.json()
            if page["total"] == count:
                return page
            await asyncio.sleep(0.05)
        raise AssertionError(page)

    def audit(self) -> list[tuple[str, str, str]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute("SELECT actor, action, subject FROM audit_log ORDER BY id").fetchall()


@contextlib.asynccontextmanager
async def desk(postgres_url: str, folder: Path, **settings: Any) -> AsyncIterator[Desk]:
    """With the namespace `trading`, and the audit log empty. Sets KUBECONFIG.

    The API has the rights that the chart gives it: in the whole cluster, or with `namespaces` in that one alone.
    """
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE users, refresh_tokens, audit_log")
    kubeconfig = folder / "kubeconfig"
    before = os.environ.get("KUBECONFIG")
    try:
        async with serve("127.0.0.1", 0, "cluster-token", tls=False) as serving:
            serving.write_kubeconfig(kubeconfig)
            headers = {"Authorization": "Bearer cluster-token"}
            async with httpx.AsyncClient(base_url=serving.url, headers=headers) as kubernetes:
                for file in sorted((REPOSITORY / "crds").glob("*.yaml")):
                    definition = yaml.safe_load(file.read_text())
                    answer = await kubernetes.post(
                        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=definition
                    )
                    assert answer.status_code == 201, answer.text
                namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "trading"}}
                await kubernetes.post("/api/v1/namespaces", json=namespace)
                # In a thread: it waits for the server, which is this loop's.
                own = await asyncio.to_thread(rights.kubeconfig, kubeconfig, "api", settings.get("namespaces", ""))
                os.environ["KUBECONFIG"] = str(own)
                wished = {**api.signing_key(folder), **settings}
                async with api.running(postgres_url, folder, watch=True, **wished) as served:
                    made = Desk(served, serving, kubernetes, postgres_url)
                    for _ in range(200):
                        if served.registry.synced:
                            break
                        await asyncio.sleep(0.05)
                    yield made
    finally:
        if before is None:
            os.environ.pop("KUBECONFIG", None)
        else:
            os.environ["KUBECONFIG"] = before
