"""Strategies by REST on the embedded API server: one truth with kubectl, readable refusals, every change audited."""

import os
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_crds.names import API_VERSION
from support.desk import PATH, SPEC, STRATEGIES, Desk

pytestmark = pytest.mark.integration

EMA = f"{STRATEGIES}/trading.ema-cross"


async def test_what_rest_makes_kubectl_sees_and_the_other_way_round(desk: Desk) -> None:
    made = await desk.create()
    assert made.status_code == 201, made.text
    assert made.headers["location"] == EMA
    seen = await desk.seen_by_kubectl()
    assert seen["spec"]["exchange"]["pairs"] == ["BTC/USDT", "ETH/USDT"]
    assert made.headers["etag"] == f'"{seen["metadata"]["resourceVersion"]}"'
    manifest = {"apiVersion": API_VERSION, "kind": "Strategy", "metadata": {"name": "other"}, "spec": SPEC}
    assert (await desk.kubernetes.post(PATH, json=manifest)).status_code == 201
    page = await desk.listed(2)
    assert [line["id"] for line in page["items"]] == ["trading.ema-cross", "trading.other"]
    assert page["items"][0]["pairs"] == 2
    got = (await desk.ask("GET", f"{STRATEGIES}/trading.other")).json()
    assert got["spec"]["mode"] == "DryRun"
    assert (got["ready"], got["reason"], got["message"]) == (False, None, "the operator has not looked at it yet")


async def test_start_stop_restart(desk: Desk) -> None:
    await desk.create()
    for action, state in (("stop", "Suspended"), ("start", "Running")):
        answer = await desk.ask("POST", f"{EMA}/{action}")
        assert (answer.status_code, answer.json()["state"]) == (200, state)
        assert (await desk.seen_by_kubectl())["spec"]["state"] == state
    generation = (await desk.seen_by_kubectl())["metadata"]["generation"]
    moments = set()
    for _ in range(2):
        assert (await desk.ask("POST", f"{EMA}/restart")).status_code == 200
        moments.add((await desk.seen_by_kubectl())["metadata"]["annotations"]["btcwatcher.io/restartedAt"])
    assert len(moments) == 2
    # A restart changes nothing of what is wanted.
    assert (await desk.seen_by_kubectl())["metadata"]["generation"] == generation


async def test_an_update_needs_the_version_it_was_made_from(desk: Desk) -> None:
    etag = (await desk.create()).headers["etag"]
    body = {"spec": {**SPEC, "timeframe": "1h"}, "labels": {"desk": "one"}}
    assert (await desk.ask("PUT", EMA, json=body)).status_code == 428
    assert (await desk.ask("PUT", EMA, json=body, headers={"If-Match": "4711"})).status_code == 422
    updated = await desk.ask("PUT", EMA, json=body, headers={"If-Match": etag})
    assert updated.status_code == 200, updated.text
    assert (updated.json()["timeframe"], updated.json()["labels"]) == ("1h", {"desk": "one"})
    stale = await desk.ask("PUT", EMA, json=body, headers={"If-Match": etag})
    assert stale.status_code == 412
    assert "read it again" in stale.json()["detail"]
    # Without labels in the body those that are there stay.
    anyhow = await desk.ask("PUT", EMA, json={"spec": SPEC}, headers={"If-Match": "*"})
    assert (anyhow.json()["timeframe"], anyhow.json()["labels"]) == ("5m", {"desk": "one"})


async def test_a_delete_can_be_bound_to_a_version(desk: Desk) -> None:
    etag = (await desk.create()).headers["etag"]
    await desk.ask("POST", f"{EMA}/stop")
    assert (await desk.ask("DELETE", EMA, headers={"If-Match": etag})).status_code == 412
    assert (await desk.ask("DELETE", EMA)).status_code == 204
    assert (await desk.ask("GET", EMA)).status_code == 404
    assert (await desk.ask("DELETE", EMA)).status_code == 404
    await desk.listed(0)


@pytest.mark.parametrize(
    ("spec", "field", "said"),
    [
        ({"mode": "Live"}, "spec", "mode Live needs spec.exchange.credentialsRef"),
        ({"timeframe": "5x"}, "spec.timeframe", "must be a number and a unit"),
        ({"config": {"dry_run": False}}, "spec.config", "dry_run is spec.mode"),
    ],
)
async def test_refusals_are_readable(desk: Desk, spec: dict[str, Any], field: str, said: str) -> None:
    answer = await desk.create(**spec)
    assert answer.status_code == 422
    document = answer.json()
    assert document["detail"].startswith("Kubernetes refuses: ")
    assert any(error["field"] == field and said in error["message"] for error in document["errors"]), document
    assert desk.audit() == []


async def test_a_misspelt_field_is_refused_not_dropped(desk: Desk) -> None:
    answer = await desk.create(tineframe="5m")
    assert answer.status_code == 400
    assert "tineframe" in answer.json()["detail"]


async def test_taken_names_and_odd_ones(desk: Desk) -> None:
    await desk.create()
    assert (await desk.create()).status_code == 409
    assert (await desk.create("Not_A_Name")).status_code == 422
    for identifier in ("ema-cross", "trading.", "trading.unknown", "trading.a%2F..%2Fb", "%2e%2e.x"):
        answer = await desk.ask("GET", f"{STRATEGIES}/{identifier}")
        assert answer.status_code == 404, identifier
        assert answer.headers["content-type"] == "application/problem+json"
    body = {"namespace": "nowhere", "name": "ema-cross", "spec": SPEC}
    assert (await desk.ask("POST", f"{STRATEGIES}/", json=body)).status_code == 404


async def test_health_and_overview_are_the_conditions(desk: Desk) -> None:
    await desk.create()
    await desk.create("second", state="Suspended")
    seen = await desk.seen_by_kubectl()
    seen["status"] = {
        "observedGeneration": 1,
        "port": 8081,
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Running",
                "message": "trading",
                "observedGeneration": 1,
                "lastTransitionTime": "2026-11-23T00:00:00Z",
            }
        ],
    }
    assert (await desk.kubernetes.put(f"{PATH}/ema-cross/status", json=seen)).status_code == 200
    health = (await desk.ask("GET", f"{EMA}/health")).json()
    assert (health["ready"], health["reason"], health["current"]) == (True, "Running", True)
    assert health["conditions"][0]["last_transition_time"] == "2026-11-23T00:00:00Z"
    assert [line["port"] for line in (await desk.listed(1, ready=True))["items"]] == [8081]
    overview = (await desk.ask("GET", f"{STRATEGIES}/overview")).json()
    assert (overview["total"], overview["ready"], overview["not_ready"]) == (2, 1, 1)
    assert overview["by_state"] == {"Running": 1, "Suspended": 1}
    assert overview["by_reason"] == {"Running": 1, "Unknown": 1}
    # A spec that the operator has not come to yet.
    await desk.ask("POST", f"{EMA}/stop")
    assert (await desk.ask("GET", f"{EMA}/health")).json()["current"] is False


async def test_pages(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        await desk.create(name)
    page = await desk.listed(3, limit=2)
    assert ([line["name"] for line in page["items"]], page["next"]) == (["a", "b"], "trading.b")
    page = await desk.listed(3, limit=2, after=page["next"])
    assert ([line["name"] for line in page["items"]], page["next"]) == (["c"], None)
    assert (await desk.listed(0, namespace="desk"))["items"] == []


async def test_every_change_is_in_the_audit_log_and_no_attempt(desk: Desk) -> None:
    await desk.create()
    await desk.ask("POST", f"{EMA}/stop")
    await desk.ask("POST", f"{STRATEGIES}/trading.unknown/stop")
    await desk.ask("DELETE", EMA)
    assert desk.audit() == [
        ("tess", "strategy.create", "trading.ema-cross"),
        ("tess", "strategy.stop", "trading.ema-cross"),
        ("tess", "strategy.delete", "trading.ema-cross"),
    ]


async def test_kubernetes_away_is_503_and_its_return_is_noticed(desk: Desk) -> None:
    await desk.create()
    await desk.listed(1)
    assert desk.served.app is not None
    kubeconfig = Path(os.environ["KUBECONFIG"])
    right = kubeconfig.read_text()
    kubeconfig.write_text(right.replace(desk.serving.url, "http://127.0.0.1:9"))
    await desk.served.app.state.cluster.close()
    answer = await desk.ask("POST", f"{EMA}/stop")
    assert answer.status_code == 503
    assert "Kubernetes does not answer" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "1"
    # What was known before keeps serving.
    await desk.listed(1)
    kubeconfig.write_text(right)
    assert (await desk.ask("POST", f"{EMA}/stop")).status_code == 200
