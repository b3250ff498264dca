"""Proxies by REST on the embedded API server: the custom resource, never the URL in its Secret."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from support import desk as desks
from support.desk import NAMESPACED, Desk
from support.localcluster import eventually

pytestmark = pytest.mark.integration

PROXIES = "/api/v1/proxies"
TOKYO = f"{PROXIES}/trading.tokyo"
SPEC: dict[str, Any] = {"urlSecretRef": {"name": "tokyo-proxy"}}


async def create(desk: Desk, name: str = "tokyo", **spec: Any) -> httpx.Response:
    body = {"namespace": "trading", "name": name, "spec": {**SPEC, **spec}}
    return await desk.ask("POST", f"{PROXIES}/", json=body)


async def seen_by_kubectl(desk: Desk, name: str = "tokyo") -> dict[str, Any]:
    answer = await desk.kubernetes.get(f"{NAMESPACED}/proxies/{name}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def write_finding(desk: Desk, moment: str, *, healthy: bool = True) -> None:
    """What whoever tests Proxies writes."""
    seen = await seen_by_kubectl(desk)
    seen["status"] = {
        "observedGeneration": 1,
        "latencyMilliseconds": 42,
        "lastCheck": moment,
        "conditions": [
            {
                "type": "Healthy",
                "status": str(healthy),
                "reason": "TestPassed" if healthy else "LoginRefused",
                "message": "204 after 42 ms",
                "observedGeneration": 1,
                "lastTransitionTime": moment,
            }
        ],
    }
    put = await desk.kubernetes.put(f"{NAMESPACED}/proxies/tokyo/status", json=seen)
    assert put.status_code == 200, put.text


async def test_made_read_changed_and_deleted(desk: Desk) -> None:
    made = await create(desk)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == TOKYO
    said = made.json()
    assert said["spec"]["urlSecretRef"] == {"name": "tokyo-proxy", "key": "url"}
    assert (said["healthy"], said["message"]) == (None, "it has not been tested yet")
    assert (await seen_by_kubectl(desk))["spec"] == said["spec"]
    etag = made.headers["etag"]
    body = {"spec": {**SPEC, "test": {"intervalSeconds": 30}}}
    assert (await desk.ask("PUT", TOKYO, json=body)).status_code == 428
    changed = await desk.ask("PUT", TOKYO, json=body, headers={"If-Match": etag})
    assert changed.json()["spec"]["test"]["intervalSeconds"] == 30
    assert (await desk.ask("PUT", TOKYO, json=body, headers={"If-Match": etag})).status_code == 412
    page = (await desk.ask("GET", f"{PROXIES}/")).json()
    assert ([one["id"] for one in page["items"]], page["total"], page["next"]) == (["trading.tokyo"], 1, None)
    assert (await desk.ask("DELETE", TOKYO, headers={"If-Match": etag})).status_code == 412
    assert (await desk.ask("DELETE", TOKYO)).status_code == 204
    assert (await desk.ask("GET", TOKYO)).status_code == 404
    assert [row[1] for row in desk.audit()] == ["proxy.create", "proxy.update", "proxy.delete"]


async def test_pages_and_namespaces(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        assert (await create(desk, name)).status_code == 201
    page = (await desk.ask("GET", f"{PROXIES}/", params={"limit": 2})).json()
    assert ([one["name"] for one in page["items"]], page["next"], page["total"]) == (["a", "b"], "trading.b", 3)
    page = (await desk.ask("GET", f"{PROXIES}/", params={"limit": 2, "after": page["next"]})).json()
    assert ([one["name"] for one in page["items"]], page["next"]) == (["c"], None)
    assert (await desk.ask("GET", f"{PROXIES}/", params={"namespace": "other"})).json()["total"] == 0
    assert (await desk.ask("GET", f"{PROXIES}/", params={"namespace": "a/b"})).status_code == 422


async def test_one_that_is_in_use_is_not_deleted_by_mistake(desk: Desk) -> None:
    await create(desk)
    exchange = {"name": "binance", "pairs": ["BTC/USDT"], "proxyRefs": [{"name": "tokyo"}]}
    assert (await desk.create(exchange=exchange)).status_code == 201
    await desk.listed(1)
    assert (await desk.ask("GET", TOKYO)).json()["used_by"] == ["trading.ema-cross"]
    refused = await desk.ask("DELETE", TOKYO)
    assert (refused.status_code, "trading.ema-cross" in refused.json()["detail"]) == (409, True)
    assert (await desk.ask("DELETE", TOKYO, params={"force": True})).status_code == 204


@pytest.mark.parametrize(
    ("spec", "field", "said"),
    [
        ({"test": {"url": "http://169.254.169.254/latest"}}, "spec.test.url", "no address of the internet"),
        ({"test": {"url": "http://api.btcwatcher.svc:8000/"}}, "spec.test.url", "of our own network"),
        ({"test": {"url": "ftp://example.com"}}, "spec.test.url", "http://"),
        ({"test": {"timeoutSeconds": 60, "intervalSeconds": 5}}, "spec.test", "timeoutSeconds must not be longer"),
        ({"urlSecretRef": {}}, "spec.urlSecretRef.name", "Required"),
    ],
)
async def test_refusals_are_readable(desk: Desk, spec: dict[str, Any], field: str, said: str) -> None:
    answer = await create(desk, **spec)
    assert answer.status_code == 422, answer.text
    assert any(one["field"] == field and said in one["message"] for one in answer.json()["errors"]), answer.text
    assert desk.audit() == []


async def test_a_private_test_url_where_a_setting_allows_it(postgres_url: str, tmp_path: Path) -> None:
    async with desks.desk(postgres_url, tmp_path, allow_private_urls=True) as desk:
        assert (await create(desk, test={"url": "http://127.0.0.1:9/"})).status_code == 201


async def test_a_url_in_place_of_the_secrets_name_is_refused_and_never_shown(desk: Desk) -> None:
    refused = await create(desk, url="http://user:hunter2@10.0.0.1:3128")
    assert refused.status_code == 400
    assert "hunter2" not in refused.text


async def test_a_test_is_asked_for_and_waited_for(desk: Desk) -> None:
    await create(desk)
    await write_finding(desk, "2026-11-24T00:00:00Z")
    asking = asyncio.create_task(desk.ask("POST", f"{TOKYO}/test"))

    async def asked() -> bool:
        return "btcwatcher.io/testRequestedAt" in ((await seen_by_kubectl(desk))["metadata"].get("annotations") or {})

    await eventually(asked)
    await write_finding(desk, "2026-11-24T00:01:00Z", healthy=False)
    answer = await asking
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["healthy"], found["reason"]) == (False, "LoginRefused")
    assert (found["latency_milliseconds"], found["last_check"]) == (42, "2026-11-24T00:01:00Z")


async def test_a_test_that_nobody_does_is_not_claimed(desk: Desk) -> None:
    await create(desk, test={"timeoutSeconds": 1})
    answer = await desk.ask("POST", f"{TOKYO}/test")
    assert (answer.status_code, answer.json()["healthy"]) == (202, None)
    assert (await desk.ask("POST", f"{PROXIES}/trading.unknown/test")).status_code == 404
