"""`btcwatcher-api market` as it runs: Exchanges from the cluster, a paper exchange behind it, and what it logs."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from aiohttp.test_utils import TestServer

from btcwatcher_crds.names import API_VERSION, EXCHANGE_KIND, EXCHANGE_PLURAL, GROUP, VERSION
from btcwatcher_local.exchange import create_app
from btcwatcher_local.loopback import free_port
from support.api_cluster import Cluster
from support.kubectl import REPOSITORY
from support.localcluster import eventually

pytestmark = pytest.mark.integration

EXCHANGES = f"/apis/{GROUP}/{VERSION}/{EXCHANGE_PLURAL}"
KLINES = "klines?symbol=BTCUSDT&interval=1h"


@dataclass(slots=True)
class Process:
    http: httpx.AsyncClient
    log: Path
    process: asyncio.subprocess.Process

    async def status(self, path: str, **headers: str) -> int:
        return (await self.http.get(path, headers=headers)).status_code


@contextlib.asynccontextmanager
async def market_process(folder: Path) -> AsyncIterator[Process]:
    log, port = folder / "market.log", free_port()
    environment = {**os.environ, "KUBECONFIG": str(folder / "kubeconfig"), "BTCWATCHER_PORT": str(port)}
    environment |= {"BTCWATCHER_LOG_LEVEL": "DEBUG"}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "btcwatcher_api.main", "market", env=environment, stderr=output
        )
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

            async def answers() -> bool:
                assert process.returncode is None, log.read_text()
                with contextlib.suppress(httpx.TransportError):
                    return (await http.get("/healthz")).status_code == 200
                return False

            await eventually(answers, 120)
            yield Process(http, log, process)
    finally:
        if process.returncode is None:
            process.terminate()
        assert await process.wait() == 0, log.read_text()


async def declare(cluster: Cluster, name: str, upstream: str, **spec: Any) -> None:
    item = {
        "apiVersion": API_VERSION,
        "kind": EXCHANGE_KIND,
        "metadata": {"name": name},
        "spec": {"upstreams": {"public": f"{upstream}/api/v3"}, **spec},
    }
    answer = await cluster.http.post(EXCHANGES, json=item)
    assert answer.status_code == 201, answer.text


async def test_exchanges_come_and_go_with_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    definition = yaml.safe_load((REPOSITORY / "crds" / "btcwatcher.io_exchanges.yaml").read_text())
    answer = await cluster.http.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=definition)
    assert answer.status_code == 201, answer.text
    async with TestServer(create_app()) as exchange, market_process(tmp_path) as market:
        upstream = str(exchange.make_url("")).rstrip("/")
        await eventually(lambda: ready(market), 30)
        assert await market.status(f"/binance/public/{KLINES}") == 404
        await declare(cluster, "binance", upstream)
        await eventually(lambda: serves(market, f"/binance/public/{KLINES}"), 30)

        # An exchange that is not known has no other address for what is signed.
        await declare(cluster, "elsewhere", upstream)
        await eventually(lambda: serves(market, f"/elsewhere/public/{KLINES}"), 30)
        signed = f"{KLINES}&signature=sesame"
        assert await market.status(f"/elsewhere/public/{signed}", **{"X-MBX-APIKEY": "opensesame"}) == 200
        assert await market.status(f"/binance/public/{signed}", **{"X-MBX-APIKEY": "opensesame"}) == 403
        await exchange.close()
        assert await market.status(f"/elsewhere/public/{signed}", **{"X-MBX-APIKEY": "opensesame"}) == 502
        said = market.log.read_text()
        assert "no answer of the exchange" in said
        assert "sesame" not in said
        assert "klines" not in said

        assert (await cluster.http.delete(f"{EXCHANGES}/binance")).status_code == 200
        await eventually(lambda: is_gone(market, f"/binance/public/{KLINES}"), 30)


async def ready(market: Process) -> bool:
    return await market.status("/readyz") == 200


async def serves(market: Process, path: str) -> bool:
    return await market.status(path) == 200


async def is_gone(market: Process, path: str) -> bool:
    return await market.status(path) == 404
