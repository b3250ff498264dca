"""A bot that has stopped trading: its pod is not ready, and the kubelet's Events say why."""

from datetime import UTC, datetime
from typing import Any

import pytest

from btcwatcher_crds import names
from support.kubectl import Kubectl, until
from support.operated import RUNNING, condition, container, ended, pod, report, settled
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

SILENT = {
    "phase": "Running",
    "initContainerStatuses": [container(names.CONTAINER_PREFLIGHT, ended(0), ready=True)],
    "containerStatuses": [{**container(names.CONTAINER_BOT, {"running": {}}), "started": True}],
}


def probe_says(kubectl: Kubectl, namespace: str, output: str) -> None:
    """The kubelet's Event of a readiness probe that failed with this output."""
    about = kubectl.get("pod", "ema-0", namespace) or {}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"ema-0.{abs(hash(output)):x}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": "ema-0",
                "namespace": namespace,
                "uid": about["metadata"]["uid"],
            },
            "type": "Warning",
            "reason": "Unhealthy",
            "message": f"Readiness probe failed: {output}",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": "kubelet"},
        }
    )


def is_told(kubectl: Kubectl, namespace: str, reason: str) -> None:
    until(lambda: condition(kubectl, namespace).get("reason") == reason, f"Ready says {reason}", 60)


def test_a_stopped_bot_is_told_from_a_hanging_one(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    pod(kubectl, namespace)
    report(kubectl, namespace, RUNNING)
    is_told(kubectl, namespace, "Running")

    report(kubectl, namespace, SILENT)
    is_told(kubectl, namespace, "Hanging")
    probe_says(kubectl, namespace, "BotStopped: StrategyRaises: KeyError: close")
    # No event of a watched object follows: the operator looks again by itself.
    is_told(kubectl, namespace, "BotStopped")
    assert condition(kubectl, namespace)["status"] == "False"
    assert condition(kubectl, namespace)["message"].endswith("why: StrategyRaises: KeyError: close")
    assert condition(kubectl, namespace, "Stalled")["status"] == "True"
    told = [(one["type"], one["reason"]) for one in kubectl.list("events", namespace)]
    assert ("Warning", "BotStopped") in told

    # The Event ends before the state does, and a new process does not know better.
    kubectl("-n", namespace, "delete", "events", "--field-selector", "reason=Unhealthy")
    operator.kill()
    operator.start()
    kubectl.patch("strategy", "ema", namespace, {"spec": {"expose": {"enabled": False}}})
    until(lambda: kubectl.get("ingress", "ema", namespace) is None, "the operator has looked", 60)
    assert condition(kubectl, namespace)["reason"] == "BotStopped"

    report(kubectl, namespace, RUNNING)
    is_told(kubectl, namespace, "Running")
    assert condition(kubectl, namespace, "Stalled") == {}
