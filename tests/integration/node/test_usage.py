"""What containers use, as a kubelet serves it to Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.localcluster import ready

if TYPE_CHECKING:
    from support.localcluster import LocalCluster

pytestmark = pytest.mark.integration

MEBIBYTE = 2**20


async def figures(node: LocalCluster) -> dict[tuple[str, str], float]:
    """By metric and pod, of the containers called `main`."""
    status, text = await node.ask_node("/metrics/cadvisor", node.client.connection.token or "")
    assert status == 200
    return {
        (sample.name, sample.labels["pod"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if (sample.labels["namespace"], sample.labels["container"]) == (node.namespace, "main")
    }


async def test_a_containers_processes_are_counted_together(node: LocalCluster) -> None:
    busy = "while [ ! -f done ]; do n=$((n + 1)); [ $n -ge 100000 ] && touch done; done"
    await node.create_pod(
        "busy",
        f"({busy}); sleep 60 & while :; do sleep 0.1; done",
        resources={"limits": {"memory": "64Mi"}},
        readinessProbe={"exec": {"command": ["test", "-f", "done"]}, "periodSeconds": 1},
    )
    await node.create_pod("idle", "sleep 60")
    await node.until("busy", ready, seconds=60)
    found = await figures(node)
    cpu, memory, limit = (
        "container_cpu_usage_seconds_total", "container_memory_working_set_bytes", "container_spec_memory_limit_bytes",
    )  # fmt: skip
    assert found[cpu, "busy"] > found[cpu, "idle"], "what a child used is told when it has ended"
    assert MEBIBYTE < found[memory, "busy"] < 100 * MEBIBYTE
    assert (found[limit, "busy"], found[limit, "idle"]) == (64 * MEBIBYTE, 0)


async def test_what_has_ended_has_no_figures_and_nobody_else_is_told(node: LocalCluster) -> None:
    await node.create_pod("brief", "exit 0", restartPolicy="Never")
    await node.until("brief", lambda pod: (pod.get("status") or {}).get("phase") == "Succeeded")
    assert not [pod for _, pod in await figures(node) if pod == "brief"]
    assert (await node.ask_node("/metrics/cadvisor", "wrong"))[0] == 401
