"""From a full cluster to a person's phone and back: the operator's figures, a real Prometheus with our rules, a real
Alertmanager, the API and its worker; and what `kubectl get` and the API say meanwhile."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from btcwatcher_crds.pod_requests import requests
from support import alerts, monitoring
from support.kubectl import Kubectl, until
from support.manifests import channel, namespace, secret, strategy
from support.nodes import node
from support.stack import RunningStack

pytestmark = [
    pytest.mark.e2e,
    # A stack and a Prometheus of its own, for which `make test` has no minutes left.
    pytest.mark.full,
    pytest.mark.skipif(monitoring.binary() is None, reason=monitoring.MISSING),
    pytest.mark.skipif(monitoring.no_alertmanager(), reason=monitoring.NO_ALERTMANAGER),
]
POOLS = ("23000-23049", "23050-23099")
ALERT = "BTCWatcherCapacityFilling"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def told(running: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The stack with Prometheus and Alertmanager, and a channel of those who buy machines."""
    folder = tmp_path_factory.mktemp("alerts")
    config = alerts.documented("route:")
    config["route"] |= {"group_wait": "1s", "group_interval": "1s"}
    (hook,) = config["receivers"][0]["webhook_configs"]
    hook["url"] = f"{running.api_url}/api/v1/notifications/alertmanager"
    key = folder / "btcwatcher.key"
    key.write_text(_key(running.api_url))
    hook["http_config"]["authorization"]["credentials_file"] = str(key)
    with monitoring.alerting(folder / "am", config) as alertmanager:
        more = alerts.documented("rule_files:")
        more["rule_files"] = [str(alerts.quick(folder, ALERT))]
        more["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager.removeprefix("http://")]
        with monitoring.scraping(folder / "prom", monitoring.jobs_of(running), **more):
            hook_url = running.catcher_url.replace("http://", "json://") + "/hooks/buyers"
            running.kubectl.apply(
                namespace("fleet"),
                secret("buyers", "fleet", url=hook_url),
                channel("buyers", "fleet", "Apprise", strategies={"namespaces": ["*"]}, grouping={"groupWait": "0s"}),
            )
            yield running


def _key(api: str) -> str:
    with httpx.Client(base_url=f"{api}/api/v1/auth", timeout=30) as client:
        client.post("/register", json={"username": "ada", "password": PASSWORD}).raise_for_status()
        token = client.post("/token", data={"username": "ada", "password": PASSWORD}).json()["access_token"]
        answer = client.post(
            "/keys", json={"name": "am", "role": "trader"}, headers={"Authorization": f"Bearer {token}"}
        )
        return str(answer.raise_for_status().json()["key"])


def _status(running: RunningStack) -> dict[str, Any]:
    found: dict[str, Any] = (running.kubectl.get("fleetcapacity", "fleet", "default") or {}).get("status", {})
    return found


def test_a_full_cluster_is_told_of_and_a_new_node_ends_it(told: RunningStack) -> None:
    kubectl = told.kubectl
    (here,) = kubectl.list("nodes", "default")
    cores = int(here["status"]["allocatable"]["cpu"])
    # Two of them are all that fits beside the platform. That their image is not to be had is nothing to the scheduler.
    each = (cores * 1000 - _taken(kubectl)) // 2 - 10
    half = {"cpu": f"{each}m", "memory": "64Mi"}
    big = [
        strategy(name, "fleet", image="nobody.invalid/bot:1", resources={"requests": half}) for name in ("one", "two")
    ]
    kubectl.apply(*big)
    full = until(lambda: _with(told, used=2, free=0), "two bots fill the node", 120)
    assert (full["binding"], full["slots"].get("freeWithLargestNodeLost")) == ("cpu", None)
    assert full["summary"].startswith("2 bots placed, 0 more fit; cpu runs out first")
    assert "cpu" in kubectl("get", "fleetcap", "fleet", "-o", "wide")

    first = until(lambda: _caught(told, 1), "the alert", 120)
    assert [ALERT in one["text"] for one in first] == [True]
    assert "100%" in first[0]["text"]
    assert "cpu runs out first" in first[0]["text"]

    new = node("new", cpu=f"{2 * each}m")
    kubectl.apply(new)
    kubectl.patch("node", "new", "default", {"status": new["status"]}, "--subresource=status")
    roomy = until(lambda: _with(told, used=2, free=2), "a new node has places", 120)
    assert roomy["slots"]["freeWithLargestNodeLost"] == 0
    both = until(lambda: _caught(told, 2), "its end", 120)
    assert [one["title"].startswith("Resolved") for one in both] == [False, True]


def _taken(kubectl: Kubectl) -> int:
    """Millicores that the pods which are there ask for."""
    pods = json.loads(kubectl("get", "pods", "-A", "-o", "json"))["items"]
    return sum(requests(pod).get("cpu", 0) for pod in pods)


def _with(running: RunningStack, **slots: int) -> dict[str, Any]:
    """The FleetCapacity's status once it has these slots."""
    status = _status(running)
    return status if slots.items() <= status.get("slots", {}).items() else {}


def _caught(running: RunningStack, count: int) -> list[dict[str, Any]]:
    found = running.caught("/hooks/buyers")
    return found if len(found) >= count else []
