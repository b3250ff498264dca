"""How pods and agents end: gracefully, by force, and with nothing left behind."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from btcwatcher_local import procinfo
from btcwatcher_local.client.resources import LEASES, NODES, PODS
from support.localcluster import IMAGES, container_status, eventually, restarts, running

if TYPE_CHECKING:
    from support.localcluster import LocalCluster

pytestmark = pytest.mark.integration

LOOP = "while :; do sleep 0.1; done"
POLITE = f"trap 'echo bye > kept/said; exit 0' TERM; {LOOP}"
DEAF = f"trap '' TERM; {LOOP}"


def alive(pid: int) -> bool:
    return procinfo.start_time(pid) is not None


def agent_of(cluster: LocalCluster) -> subprocess.Popen[bytes]:
    """A node agent as a program of its own."""
    table = cluster.folder / "images.json"
    table.write_text(json.dumps(IMAGES))
    return subprocess.Popen(
        [
            sys.executable, "-m", "btcwatcher_local.node", "--kubeconfig", str(cluster.kubeconfig),
            "--root", str(cluster.settings.root), "--image-table", str(table), "--shutdown-grace", "3",
            "--node-name", cluster.settings.node_name,
        ]
    )  # fmt: skip


async def test_deletion_lets_a_container_say_goodbye(node: LocalCluster) -> None:
    kept = node.folder / "kept"
    kept.mkdir()
    pod = await node.create_pod(
        "bot",
        POLITE,
        volumeMounts=[{"name": "kept", "mountPath": "/bot/kept"}],
        volumes=[{"name": "kept", "hostPath": {"path": str(kept)}}],
        terminationGracePeriodSeconds=20,
    )
    await node.until("bot", running)
    await asyncio.sleep(0.3)
    pid = node.pid(pod)
    begun = time.monotonic()
    await node.client.delete(PODS, node.namespace, "bot")
    await node.gone("bot")
    assert time.monotonic() - begun < 20, "it went by itself, before its grace was over"
    assert (kept / "said").read_text() == "bye\n"
    assert not alive(pid)
    await eventually(lambda: not node.rootfs(pod).exists())
    await node.until_told("bot", ("Killing", "Stopping container main"))


async def test_deaf_container_is_killed_after_its_grace(node: LocalCluster) -> None:
    pod = await node.create_pod("bot", DEAF, terminationGracePeriodSeconds=2)
    await node.until("bot", running)
    await asyncio.sleep(0.3)
    pid = node.pid(pod)
    begun = time.monotonic()
    await node.client.delete(PODS, node.namespace, "bot")
    await node.gone("bot")
    assert time.monotonic() - begun > 1.9
    assert not alive(pid)


async def test_a_second_deletion_shortens_the_grace(node: LocalCluster) -> None:
    pod = await node.create_pod("bot", DEAF, terminationGracePeriodSeconds=60)
    await node.until("bot", running)
    await asyncio.sleep(0.3)
    pid = node.pid(pod)
    await node.client.delete(PODS, node.namespace, "bot")
    await asyncio.sleep(0.3)
    assert alive(pid)
    await node.client.delete(PODS, node.namespace, "bot", grace_seconds=1)
    await node.gone("bot")
    assert not alive(pid)


async def test_a_new_pod_of_the_name_waits_for_the_old_ones_end(node: LocalCluster) -> None:
    old = await node.create_pod("bot", DEAF, terminationGracePeriodSeconds=2)
    await node.until("bot", running)
    await asyncio.sleep(0.3)
    pid = node.pid(old)
    await node.client.delete(PODS, node.namespace, "bot", grace_seconds=0)
    await node.gone("bot")
    assert alive(pid)
    new = await node.create_pod("bot", LOOP)
    started = asyncio.create_task(node.until("bot", running))
    while alive(pid):
        assert not (node.rootfs(new) / "bot").exists(), "two processes of one pod"
        await asyncio.sleep(0.02)
    await started


async def test_pre_stop_comes_first(node: LocalCluster) -> None:
    kept = node.folder / "kept"
    kept.mkdir()
    await node.create_pod(
        "bot",
        f"trap 'echo term >> kept/said; exit 0' TERM; {LOOP}",
        lifecycle={"preStop": {"exec": {"command": ["sh", "-c", "echo hook >> kept/said"]}}},
        volumeMounts=[{"name": "kept", "mountPath": "/bot/kept"}],
        volumes=[{"name": "kept", "hostPath": {"path": str(kept)}}],
    )
    await node.until("bot", running)
    await asyncio.sleep(0.3)
    await node.client.delete(PODS, node.namespace, "bot")
    await node.gone("bot")
    assert (kept / "said").read_text() == "hook\nterm\n"


async def test_an_agent_that_ends_leaves_no_process_and_the_next_goes_on(node: LocalCluster) -> None:
    pod = await node.create_pod("bot", f"sleep 300 & {LOOP}")
    await node.until("bot", running)
    pid = node.pid(pod)
    await node.stop("node")
    assert not alive(pid)
    assert not procinfo.group_alive(pid)
    machine = await node.client.get(NODES, "", node.settings.node_name)
    conditions = {item["type"]: item["status"] for item in machine["status"]["conditions"]}
    assert conditions["Ready"] == "False"
    await node.start_node()
    held = await node.until("bot", lambda item: restarts(item) == 1 and running(item))
    assert node.pid(held) != pid


async def test_a_killed_agent_leaves_no_process_and_the_next_starts_one(cluster: LocalCluster) -> None:
    agent = agent_of(cluster)
    try:
        pod = await cluster.create_pod("bot", f"sleep 300 & {LOOP}")
        await cluster.until("bot", running)
        first = cluster.pid(pod)
        agent.send_signal(signal.SIGKILL)
        agent.wait()
        await eventually(lambda: not procinfo.group_alive(first))
        agent = agent_of(cluster)
        held = await cluster.until("bot", lambda item: restarts(item) == 1 and running(item))
        ended = container_status(held)["lastState"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (137, "ContainerStatusUnknown")
        second = cluster.pid(held)
        agent.send_signal(signal.SIGINT)
        await asyncio.sleep(0.05)
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(10) == 0
        assert not alive(second)
    finally:
        agent.kill()
        agent.wait()


async def test_node_is_registered_and_beats(node: LocalCluster) -> None:
    machine = await node.client.get(NODES, "", node.settings.node_name)
    status = machine["status"]
    assert {item["type"]: item["status"] for item in status["conditions"]}["Ready"] == "True"
    assert status["capacity"]["pods"] == "110"
    assert status["allocatable"]["memory"].endswith("Ki")
    seen = set()

    async def beaten() -> bool:
        lease = await node.client.get_or_none(LEASES, "kube-node-lease", node.settings.node_name)
        if lease is not None:
            seen.add(lease["spec"]["renewTime"])
        return len(seen) > 1

    await eventually(beaten, seconds=15)
