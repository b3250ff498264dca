"""Nodes and pods become figures: quantities, effective requests, what is the fullest."""

from typing import Any

import pytest

from btcwatcher_api.cluster.capacity import Amounts, picture, requests
from btcwatcher_api.system.capacity import alert, figures, port_pool
from btcwatcher_crds.quantity import number


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        ("250m", 0.25),
        ("2", 2),
        (2, 2),
        ("1Gi", 2**30),
        ("128974848", 128974848),
        ("129e6", 129e6),
        ("1E", 1e18),
        ("1E3", 1000),
        ("100k", 100_000),
        ("-1", -1),
        ("1500u", 0.0015),
        ("", 0),
        ("much", 0),
        ("1 Gi", 0),
        (None, 0),
    ],
)
def test_quantities(quantity: object, value: float) -> None:
    assert number(quantity) == pytest.approx(value)


def container(cpu: str, memory: str = "0", **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [container("1"), container("500m")]}, 1.5),
        ({"containers": [container("1")], "initContainers": [container("3"), container("2")]}, 3),
        ({"containers": [container("1")], "initContainers": [container("2", restartPolicy="Always")]}, 3),
        (
            {
                "containers": [container("1")],
                "initContainers": [container("1", restartPolicy="Always"), container("4")],
            },
            5,
        ),
        ({"containers": [container("1")], "overhead": {"cpu": "250m"}}, 1.25),
        ({"containers": [container("1"), container("1")], "resources": {"requests": {"cpu": "3"}}}, 3),
        ({"containers": [{}]}, 0),
        ({}, 0),
    ],
)
def test_what_the_scheduler_counts(spec: dict[str, Any], cpu: float) -> None:
    assert requests({"spec": spec}) == Amounts(cpu, 0, 1)


def node(name: str, cpu: str = "4", *, ready: bool = True, **spec: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "Unknown"}]
    return {
        "metadata": {"name": name},
        "spec": spec,
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "110"}, "conditions": conditions},
    }


def pod(name: str, on: str | None, cpu: str = "1", phase: str = "Running", **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "trading", "labels": labels},
        "spec": {"nodeName": on, "containers": [container(cpu, "1Gi")]},
        "status": {"phase": phase, "containerStatuses": [{"restartCount": 2}]},
    }


BOT = {"btcwatcher.io/strategy": "ema", "app.kubernetes.io/component": "bot"}
TRIAL = {"btcwatcher.io/strategy": "ema", "app.kubernetes.io/component": "preflight"}


def test_a_picture_of_the_cluster() -> None:
    seen = picture(
        [node("b"), node("a"), node("down", ready=False), node("cordoned", unschedulable=True)],
        [
            pod("ema-0", "a", **BOT),
            pod("ema-trial", "a", **TRIAL),
            pod("over", "a", phase="Succeeded"),
            pod("waits", None, phase="Pending"),
            pod("there", "down"),
            pod("elsewhere", "not-listed"),
        ],
    )
    assert [one.name for one in seen.nodes] == ["a", "b", "cordoned", "down"]
    assert seen.allocatable == Amounts(8, 2 * 8 * 2**30, 220)
    assert seen.requested == Amounts(2, 2 * 2**30, 2)
    assert (seen.nodes[0].bots, seen.pending) == (1, 1)
    assert [(bot.strategy, bot.node, bot.restarts) for bot in seen.bots] == [(("trading", "ema"), "a", 2)]


def strategy(name: str, port: int | None = None, reason: str = "Running") -> dict[str, Any]:
    status: dict[str, Any] = {"conditions": [{"type": "Ready", "status": "False", "reason": reason}]}
    return {
        "metadata": {"namespace": "trading", "name": name},
        "status": status | ({"port": port} if port is not None else {}),
    }


def test_the_pool_is_what_status_says() -> None:
    pool = port_pool(
        8081,
        8084,
        [strategy("b", 8082), strategy("a", 8081), strategy("old", 7000), strategy("w", reason="PortPoolExhausted")],
    )
    assert (pool.size, pool.used, pool.free, pool.waiting) == (4, 2, 2, ["trading.w"])
    assert [(one.port, one.strategy_id) for one in pool.ports] == [
        (7000, "trading.old"),
        (8081, "trading.a"),
        (8082, "trading.b"),
    ]


def test_what_is_the_fullest_binds() -> None:
    pool = port_pool(8081, 8084, [strategy("a", 8081)])
    resources = figures(Amounts(10, 100, 110), Amounts(3, 90, 20))
    assert resources.memory.free == 10
    told = alert(85, pool, resources)
    assert (told.binding, told.utilization_percent, told.reached) == ("memory", 90.0, True)
    assert alert(91, pool, resources).reached is False
    without = alert(25, pool, None)
    assert (without.binding, without.utilization_percent, without.reached) == ("ports", 25.0, True)
    empty = figures(Amounts(), Amounts(1, 1, 1))
    assert (empty.cpu.ratio, alert(80, pool, empty).binding) == (None, "ports")
