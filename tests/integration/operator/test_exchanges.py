"""An Exchange comes to bots that run, and goes again, as any change of the platform does: one after the other."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import pytest_asyncio

from btcwatcher_crds import names
from support.bulk import Bulk
from support.fleet import Fleet, revision_of
from support.kubectl import Kubectl, until
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

NAMES = ["a", "b", "c", "d"]
CACHE = "http://market.btcwatcher.svc:8090"
EXCHANGE = {
    "apiVersion": "btcwatcher.io/v1alpha1",
    "kind": "Exchange",
    "metadata": {"name": "binance"},
    "spec": {"upstreams": {"public": "http://127.0.0.1:1/api/v3"}},
}


def reason(strategy: Object, kind: str = "Ready") -> str:
    conditions = strategy.get("status", {}).get("conditions", [])
    return next((one["reason"] for one in conditions if one["type"] == kind), "")


class Bots:
    """Four bots of binance, and one of kraken."""

    def __init__(self, bulk: Bulk, namespace: str) -> None:
        self.fleet = Fleet(bulk, namespace)

    async def until(self, look: Callable[[], Awaitable[object]], what: str) -> None:
        deadline = asyncio.get_running_loop().time() + 60
        while not await look():
            assert asyncio.get_running_loop().time() < deadline, f"still not: {what}"
            await asyncio.sleep(0.1)

    async def ways(self) -> dict[str, str | None]:
        """Where each bot's config leads for public data; None: to the exchange itself."""
        secrets = {secret["metadata"]["name"]: secret for secret in await self.fleet.listed("Secret")}
        found = {}
        for stateful_set in await self.fleet.listed("StatefulSet"):
            name = stateful_set["metadata"]["name"]
            secret = secrets[names.revision_secret(name, revision_of(stateful_set["spec"]["template"]))]
            exchange = json.loads(base64.b64decode(secret["data"][names.CONFIG_FILE]))["exchange"]
            found[name] = exchange.get("ccxt_config", {}).get("urls", {}).get("api", {}).get("public")
        return found

    async def all_run(self, way: str | None) -> bool:
        """Plays on; whether every bot of binance is Ready with it."""
        await self.fleet.step()
        ways = await self.ways()
        strategies = await self.fleet.listed("Strategy")
        return all(reason(one) == "Running" and not reason(one, "ConfigDrift") for one in strategies) and all(
            ways[name] == way for name in NAMES
        )

    async def revisions(self) -> dict[str, str]:
        return {
            one["metadata"]["name"]: revision_of(one["spec"]["template"])
            for one in await self.fleet.listed("StatefulSet")
        }


@pytest_asyncio.fixture
async def bots(kubectl: Kubectl, namespace: str, manifest: Object, tmp_path: Path) -> AsyncIterator[Bots]:
    operator = Operator(kubectl, namespace, tmp_path)
    operator.start(market_url=CACHE)
    async with Bulk(kubectl.kubeconfig) as bulk:
        made = Bots(bulk, namespace)
        try:
            spec = manifest["spec"]
            exchanges = {**dict.fromkeys(NAMES, "binance"), "k": "kraken"}
            await bulk.create(
                {
                    **manifest,
                    "metadata": {"name": name, "namespace": namespace},
                    "spec": {**spec, "exchange": {**spec["exchange"], "name": exchange}},
                }
                for name, exchange in exchanges.items()
            )
            await made.until(lambda: made.all_run(None), "all are Ready without a cache")
            yield made
        finally:
            kubectl("delete", "exchange", "binance", "--ignore-not-found")
            operator.kill()


async def test_it_comes_one_after_the_other_and_goes_the_same_way(kubectl: Kubectl, bots: Bots) -> None:
    before = await bots.revisions()
    kubectl.apply(EXCHANGE)

    async def waiting() -> bool:
        await bots.fleet.look()
        reasons = [reason(one, "ConfigDrift") for one in await bots.fleet.listed("Strategy")]
        return sorted(reasons) == ["", "PreflightRunning", *["RolloutWaiting"] * 3]

    await bots.until(waiting, "one is tried, three wait, and the one of kraken has nothing to do with it")
    assert set((await bots.ways()).values()) == {None}, "none was restarted yet"
    await bots.until(lambda: bots.all_run(f"{CACHE}/binance/public"), "all of binance use the cache")
    assert (await bots.revisions())["k"] == before["k"]

    # What bots do not see restarts none.
    after = await bots.revisions()
    kubectl.apply({**EXCHANGE, "spec": {**EXCHANGE["spec"], "limits": {"weightPerMinute": 5}}})  # type: ignore[dict-item]

    kubectl("delete", "exchange", "binance")
    await bots.until(lambda: bots.all_run(None), "all are back at the exchange itself")
    assert await bots.revisions() == before, "with the very revisions they had"
    assert after != before


class Cache(BaseHTTPRequestHandler):
    """A cache that says of itself what the test wants it to."""

    says: Object | None = None

    def do_GET(self) -> None:
        known = self.path == names.MARKET_STATUS_PATH and Cache.says is not None
        self.send_response(200 if known else 503)
        self.end_headers()
        self.wfile.write(json.dumps(Cache.says).encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def cache() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cache)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def ready(kubectl: Kubectl, name: str) -> tuple[str, str, str]:
    (obj,) = [one for one in kubectl.list("exchanges", "") if one["metadata"]["name"] == name]
    (found,) = obj.get("status", {}).get("conditions", [{"status": "", "reason": "", "message": ""}])
    return found["status"], found["reason"], found["message"]


def test_its_status_says_what_the_cache_says(kubectl: Kubectl, tmp_path: Path, cache: str) -> None:
    Cache.says = {
        "exchanges": {"binance": {"reason": "Banned", "message": "until 12:00"}, "odd": {"reason": "Serving"}}
    }
    operator = Operator(kubectl, "", tmp_path)
    operator.start(market_url=cache)
    try:
        kubectl.apply(EXCHANGE, {**EXCHANGE, "metadata": {"name": "nowhere"}, "spec": {}})
        until(lambda: ready(kubectl, "binance") == ("False", "Banned", "until 12:00"), "what the cache says")
        until(lambda: ready(kubectl, "nowhere")[:2] == ("False", "UpstreamsUnknown"), "what the spec lacks")
        assert "spec.upstreams" in ready(kubectl, "nowhere")[2]
        Cache.says = None
        until(lambda: ready(kubectl, "binance")[:2] == ("False", "CacheAway"), "that it is away")
        assert "bots try again" in ready(kubectl, "binance")[2]
        columns = kubectl("get", "xchg", "binance").splitlines()[1].split()
        assert columns[:4] == ["binance", "False", "CacheAway", "Wait"]
    finally:
        operator.kill()
        kubectl("delete", "exchange", "binance", "nowhere", "--ignore-not-found")
