"""How full a desk's cluster is: its nodes, bots on them, and what the operator says of it in the FleetCapacity."""

from typing import Any

from btcwatcher_crds.names import FLEET_CAPACITY_NAME, FLEET_CAPACITY_PLURAL, GROUP, VERSION
from support.desk import PATH, Desk

NODES = "/api/v1/nodes"
FLEETS = f"/apis/{GROUP}/{VERSION}/{FLEET_CAPACITY_PLURAL}"
FLEET = f"{FLEETS}/{FLEET_CAPACITY_NAME}"
STATUS: dict[str, Any] = {
    "slots": {"used": 1, "free": 3, "freeWithLargestNodeLost": -1, "largestNode": "node-1"},
    "binding": "memory",
    "bot": {"cpu": "500m", "memory": "1Gi"},
    "pending": 2,
    "tooLarge": 0,
    "dimensions": [{"dimension": "memory", "free": 3}, {"dimension": "ports", "free": 9}],
    "stranded": {"cpu": "0", "memory": "512Mi"},
    "nodes": [{"name": "node-1", "used": 1, "free": 3, "binding": "memory"}],
    "classes": [
        {
            "name": "EmaCross",
            "exchange": "binance",
            "strategies": 1,
            "need": {"cpu": "500m", "memory": "1Gi"},
            "source": "Requests",
            "free": 3,
        }
    ],
    "exchanges": [
        {
            "name": "binance",
            "budgetPerAddress": 3,
            "addresses": 1,
            "used": 1,
            "free": 2,
            "over": 0,
            "weightPerMinute": 4500,
            "weightAsked": 20,
        }
    ],
    "forecast": {"growthPerDay": "0.50", "daysUntilFull": 6},
    "advice": [
        {
            "nodeType": "small",
            "nodes": 1,
            "botsPerNode": 3,
            "cost": "24",
            "costPerBot": "8",
            "utilizationPercent": 75,
            "unplaced": 0,
        }
    ],
    "summary": "3 more bots fit; memory runs out first.",
}
"""As the operator writes it, without its condition."""


def measured(status: str = "True", reason: str = "Measured", message: str = "nodes and pods were read") -> Any:
    """The condition."""
    return {
        "type": "Measured",
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 0,
        "lastTransitionTime": "2026-11-23T00:00:00Z",
    }


async def fleet(desk: Desk, condition: Any, **status: Any) -> None:
    """The FleetCapacity as it is now: STATUS but for what is given."""
    manifest = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "FleetCapacity",
        "metadata": {"name": FLEET_CAPACITY_NAME},
        "spec": {},
    }
    made = await desk.kubernetes.post(FLEETS, json=manifest)
    assert made.status_code in (201, 409), made.text
    seen = (await desk.kubernetes.get(FLEET)).json()
    put = await desk.kubernetes.put(
        f"{FLEET}/status", json={**seen, "status": {**STATUS, **status, "conditions": [condition]}}
    )
    assert put.status_code == 200, put.text


async def node(desk: Desk, name: str = "node-1", *, ready: bool = True) -> None:
    made = await desk.kubernetes.post(NODES, json={"metadata": {"name": name}})
    assert made.status_code == 201, made.text
    status = {
        "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "10"},
        "capacity": {"cpu": "2", "memory": "4Gi", "pods": "10"},
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "addresses": [{"type": "InternalIP", "address": "10.0.0.7"}],
    }
    put = await desk.kubernetes.put(f"{NODES}/{name}/status", json={**made.json(), "status": status})
    assert put.status_code == 200, put.text


async def bot(desk: Desk, name: str = "ema-cross", port: int = 8081) -> None:
    """A Strategy with a port and a pod on the node."""
    assert (await desk.create(name)).status_code == 201
    seen = await desk.seen_by_kubectl(name)
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Running",
        "message": "trading",
        "observedGeneration": 1,
        "lastTransitionTime": "2026-11-23T00:00:00Z",
    }
    seen["status"] = {"observedGeneration": 1, "port": port, "conditions": [ready]}
    assert (await desk.kubernetes.put(f"{PATH}/{name}/status", json=seen)).status_code == 200
    resources = {"requests": {"cpu": "500m", "memory": "1Gi"}}
    pod = {
        "metadata": {
            "name": f"{name}-0",
            "labels": {"btcwatcher.io/strategy": name, "app.kubernetes.io/component": "bot"},
        },
        "spec": {
            "nodeName": "node-1",
            "containers": [{"name": "freqtrade", "image": "freqtrade", "resources": resources}],
        },
    }
    made = await desk.kubernetes.post("/api/v1/namespaces/trading/pods", json=pod)
    assert made.status_code == 201, made.text
