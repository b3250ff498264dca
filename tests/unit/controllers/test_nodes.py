"""Taints and conditions that follow a node's heartbeats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from btcwatcher_local.controllers.nodes import lost, taints_wanted, unknown_conditions

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FOREIGN = {"key": "mine", "effect": "NoSchedule"}


def node(ready: str, *taints: dict[str, str]) -> dict[str, Any]:
    beat = "2025-12-31T23:50:00Z"
    condition = {"type": "Ready", "status": ready, "lastHeartbeatTime": beat}
    return {
        "metadata": {"name": "n", "creationTimestamp": "2025-12-01T00:00:00Z"},
        "spec": {"taints": list(taints)},
        "status": {"conditions": [condition]},
    }


@pytest.mark.parametrize(
    ("ready", "key"),
    [("False", "node.kubernetes.io/not-ready"), ("Unknown", "node.kubernetes.io/unreachable")],
)
def test_taint_says_what_is_wrong(ready: str, key: str) -> None:
    assert [taint["key"] for taint in taints_wanted(node(ready, FOREIGN), NOW)] == ["mine", key]


def test_ready_node_loses_our_taints_only() -> None:
    ours = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    assert taints_wanted(node("True", FOREIGN, ours), NOW) == [FOREIGN]


def test_lost_without_a_renewed_lease() -> None:
    fresh = {"spec": {"renewTime": (NOW - timedelta(seconds=10)).isoformat()}}
    stale = {"spec": {"renewTime": (NOW - timedelta(seconds=60)).isoformat()}}
    assert not lost(node("True"), fresh, NOW)
    assert lost(node("True"), stale, NOW)
    assert lost(node("True"), None, NOW)


def test_lost_node_is_unknown() -> None:
    (condition,) = unknown_conditions(node("True"), NOW)
    assert condition["status"] == "Unknown"
    assert condition["message"] == "Kubelet stopped posting node status."
