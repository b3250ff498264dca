"""The FleetCapacity on an API server: made, kept right, and written only when it says something new."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from btcwatcher_local.loopback import free_port
from support.kubectl import Kubectl, until
from support.nodes import node, pod
from support.operator_process import Operator

pytestmark = pytest.mark.integration

Object = dict[str, Any]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def operator(kubectl: Kubectl, namespace: str, port: int, tmp_path: Path) -> Iterator[Operator]:
    """Of the whole cluster: others do not measure it."""
    process = Operator(kubectl, "", tmp_path, lease=namespace)
    process.start(capacity_seconds="0.5", metrics_port=str(port), exchange_budget='{"binance": 3}')
    yield process
    if process.running:
        process.kill()


@pytest.fixture
def nodes(kubectl: Kubectl) -> Iterator[tuple[str, str]]:
    names = ("n1", "n2")
    for name in names:
        add(kubectl, node(name, cpu="1", memory="8Gi"))
    yield names
    for name in names:
        kubectl("delete", "node", name, "--ignore-not-found")


def add(kubectl: Kubectl, obj: Object) -> None:
    """A node as a kubelet reports it, and a real API server's taint taken away as its controller does."""
    kubectl.apply(obj)
    name = obj["metadata"]["name"]
    kubectl.patch("node", name, "default", {"status": obj["status"]}, "--subresource=status")
    kubectl.patch("node", name, "default", {"spec": {"taints": None}})


def fleet(kubectl: Kubectl) -> Object:
    return kubectl.get("fleetcapacity", "fleet", "default") or {}


def slots(kubectl: Kubectl) -> Object:
    found: Object = fleet(kubectl).get("status", {}).get("slots", {})
    return found


def samples(port: int) -> dict[str, float]:
    """Nothing while nobody serves them."""
    try:
        lines = httpx.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
    except httpx.TransportError:
        return {}
    return {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("btcwatcher_capacity")
    }


def test_it_follows_the_cluster(
    kubectl: Kubectl, operator: Operator, namespace: str, nodes: tuple[str, str], manifest: Object, port: int
) -> None:
    until(lambda: slots(kubectl).get("free") == 40, "two nodes of 20 default bots")
    manifest["spec"]["resources"] = {"requests": {"cpu": "300m", "memory": "64Mi"}}
    kubectl.apply(manifest)
    waiting = {"used": 0, "free": 2}
    until(lambda: waiting.items() <= slots(kubectl).items(), "two beside it, by the exchange's budget")
    status = fleet(kubectl)["status"]
    assert (status["pending"], status["binding"]) == (1, "exchange")
    assert status["bot"] == {"cpu": "300m", "memory": "64Mi"}
    (condition,) = status["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Measured", "True", "Measured")
    kubectl.apply(pod("other-0", "n1", cpu="900m", namespace=namespace))
    until(
        lambda: {one["name"]: one["free"] for one in fleet(kubectl)["status"]["nodes"]} == {"n1": 0, "n2": 3}, "n1 full"
    )

    printed = kubectl("get", "fleetcap", "-o", "wide")
    assert [word in printed for word in ("NODE-LOST", "exchange", "give some Strategies a Proxy")] == [True] * 3
    found = samples(port)
    assert found['btcwatcher_capacity_node_slots{node="n2",state="free"}'] == 3
    assert found['btcwatcher_capacity_binding{dimension="exchange"}'] == 1
    kubectl("delete", "node", "n2")
    until(lambda: _nodes(samples(port)) == {"n1"}, "its series are gone")


def _nodes(found: dict[str, float]) -> set[str]:
    return {name.split('"')[1] for name in found if name.startswith("btcwatcher_capacity_node_slots")}


def test_it_is_written_only_when_it_says_something_new(
    kubectl: Kubectl, operator: Operator, namespace: str, nodes: tuple[str, str], manifest: Object, port: int
) -> None:
    kubectl.apply(manifest)
    until(lambda: slots(kubectl).get("free"), "a first status")

    def measured() -> float:
        return samples(port).get("btcwatcher_capacity_measured_timestamp_seconds", 0)

    def rounds() -> None:
        at = measured()
        until(lambda: measured() > at, "one more reading")
        later = measured()
        until(lambda: measured() > later, "and what came of it is written")

    rounds()
    before = fleet(kubectl)
    rounds()
    assert operator.stop() == 0
    operator.start(capacity_seconds="0.5", metrics_port=str(port), exchange_budget='{"binance": 3}')
    until(lambda: measured() > 0, "the next operator measures")
    rounds()
    assert fleet(kubectl)["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]

    kubectl.patch("fleetcapacity", "fleet", "default", {"status": {"binding": "ports"}}, "--subresource=status")
    until(lambda: fleet(kubectl)["status"] == before["status"], "what a hand wrote is put right")
    kubectl("delete", "fleetcapacity", "fleet")
    until(lambda: slots(kubectl) == before["status"]["slots"], "it is made again")


def test_there_is_only_the_operators_own(kubectl: Kubectl) -> None:
    other = {"apiVersion": "btcwatcher.io/v1alpha1", "kind": "FleetCapacity", "metadata": {"name": "mine"}, "spec": {}}
    assert "there is one FleetCapacity, the operator's own, and its name is fleet" in kubectl.refused(other)


def test_bots_are_looked_after_where_it_cannot_be_kept(
    kubectl: Kubectl, operator: Operator, namespace: str, manifest: Object
) -> None:
    """A cluster that has an older set of CRDs."""
    until(lambda: fleet(kubectl), "it is there")
    crd = "fleetcapacities.btcwatcher.io"
    text = kubectl("get", "crd", crd, "-o", "json")
    kubectl("delete", "crd", crd)
    try:
        until(lambda: "capacity_not_measured" in operator.log.read_text(), "it says so")
        kubectl.apply(manifest)
        until(lambda: kubectl.get("statefulset", "ema", namespace), "a bot is made all the same")
        said = [line for line in operator.log.read_text().splitlines() if "capacity_not_measured" in line]
        assert len(said) == 1, "once"
    finally:
        kept = json.loads(text)
        crd_again = {key: kept[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": crd}}
        kubectl.apply(crd_again)
        kubectl("wait", "--for=condition=Established", f"crd/{crd}", "--timeout=30s")
    until(lambda: fleet(kubectl), "it is made again")
