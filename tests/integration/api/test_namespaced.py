"""An API that looks after some namespaces needs rights in these alone, and has them by the chart."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from support.chart import NAMESPACE
from support.desk import NAMESPACED, STRATEGIES, Desk, desk

pytestmark = pytest.mark.integration

PROXIES = "/apis/btcwatcher.io/v1alpha1/namespaces/{}/proxies"


@pytest.fixture
async def trading_only(postgres_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(postgres_url, tmp_path, namespaces="trading", pod_namespace=NAMESPACE) as made:
        yield made


def proxy(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "btcwatcher.io/v1alpha1",
        "kind": "Proxy",
        "metadata": {"name": name},
        "spec": {"urlSecretRef": {"name": name}},
    }


async def as_the_api(desk: Desk, path: str) -> httpx.Response:
    """What Kubernetes answers the API's own ServiceAccount."""
    token = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())["users"][0]["user"]["token"]
    return await desk.kubernetes.get(path, headers={"Authorization": f"Bearer {token}"})


async def test_it_works_in_its_namespace_and_asks_for_no_other(trading_only: Desk) -> None:
    kubernetes = trading_only.kubernetes
    await kubernetes.post("/api/v1/namespaces", json={"metadata": {"name": "private"}})
    for namespace in ("trading", "private"):
        answer = await kubernetes.post(PROXIES.format(namespace), json=proxy(f"of-{namespace}"))
        assert answer.status_code == 201, answer.text
    assert trading_only.served.registry.synced, "it knows its Strategies though it may list no others"

    assert (await trading_only.create()).status_code == 201
    await trading_only.listed(1)
    assert (await trading_only.ask("POST", f"{STRATEGIES}/trading.ema-cross/stop")).status_code == 200
    uploaded = await trading_only.ask(
        "POST",
        f"{STRATEGIES}/files",
        data={"namespace": "trading", "name": "f"},
        files={"file": ("a.py", b"class A: pass")},
    )
    assert uploaded.status_code != 502, uploaded.text
    page = (await trading_only.ask("GET", "/api/v1/proxies/")).json()
    assert [item["name"] for item in page["items"]] == ["of-trading"]
    elsewhere = await trading_only.ask("GET", "/api/v1/proxies/", params={"namespace": "private"})
    assert elsewhere.json()["items"] == []
    assert (await trading_only.ask("GET", f"{STRATEGIES}/private.ema-cross")).status_code == 404
    # How full the cluster is it may not see, and says so.
    assert (await trading_only.ask("GET", "/api/v1/system/capacity")).status_code == 200


async def test_kubernetes_would_refuse_it_what_it_does_not_need(trading_only: Desk) -> None:
    assert (await as_the_api(trading_only, f"{NAMESPACED}/strategies")).status_code == 200
    for path in (
        "/apis/btcwatcher.io/v1alpha1/strategies",
        "/apis/btcwatcher.io/v1alpha1/namespaces/private/strategies",
        "/api/v1/namespaces/trading/secrets/binance-main",
        f"/api/v1/namespaces/{NAMESPACE}/secrets/btcwatcher-keys",
        "/api/v1/nodes",
        "/api/v1/namespaces/trading/pods",
    ):
        assert (await as_the_api(trading_only, path)).status_code == 403, path
