"""Assessing 1,000 nodes with 10,000 Strategies: all placed, and all waiting before full nodes.

In seconds of CPU, for others may use the machine; beside them what json.loads takes for the same lists, once.
"""

import json
import random
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeVar

import pytest

from btcwatcher_crds.pod_requests import amounts
from btcwatcher_operator.capacity import observed
from btcwatcher_operator.capacity.advice import NodeType
from btcwatcher_operator.capacity.assess import Past, Platform, assess
from btcwatcher_operator.store import Key
from support.nodes import node, pod, strategy

Object = dict[str, Any]
T = TypeVar("T")

NODES: Final = 1000
STRATEGIES: Final = 10_000
CLASSES: Final = 200
DAEMONS: Final = 4
GOAL_SECONDS: Final = 1.0
_PLATFORM: Final = Platform(
    ports=2 * STRATEGIES,
    ports_used=STRATEGIES,
    bot=amounts({"cpu": "100m", "memory": "256Mi"}),
    exchange_budget={"exchange0": 6000, "exchange1": 6000},
    catalogue=[
        NodeType(name=f"type{size}", cpu=str(size), memory=f"{4 * size}Gi", price=Decimal(size))
        for size in range(2, 22)
    ],
)


def fleet(*, placed: bool) -> tuple[list[Object], list[Object], list[Object]]:
    """Nodes, pods and Strategies as the API server lists them."""
    chance = random.Random(1)  # noqa: S311
    nodes = [
        node(
            f"n{index}",
            cpu=chance.choice(["8", "16"]),
            memory=chance.choice(["16Gi", "32Gi"]) if placed else "4Gi",
            pods=chance.choice([29, 110]),
            labels={"disk": chance.choice(["ssd", "hdd"]), "zone": f"z{index % 3}"},
            unschedulable=index % 50 == 0,
            taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}] if index % 20 == 0 else None,
        )
        for index in range(NODES)
    ]
    pods = [
        pod(f"agent{daemon}-{index}", f"n{index}", cpu="50m", memory="100Mi", daemon=f"d{daemon}", namespace="system")
        for index in range(NODES)
        for daemon in range(DAEMONS)
    ]
    if not placed:
        pods += [pod(f"other{index}", f"n{index}", memory="3600Mi", namespace="system") for index in range(NODES)]
    strategies = []
    for index in range(STRATEGIES):
        kind = index % CLASSES
        cpu, memory = f"{100 + index % 7 * 10}m", f"{256 + index % 11 * 16}Mi"
        template: Object = {"nodeSelector": {"disk": "ssd"}} if kind % 10 == 0 else {}
        if kind % 10 == 1:
            template = {"tolerations": [{"key": "gpu", "operator": "Exists"}]}
        name = f"b{index}"
        exchange = f"exchange{index % 3}"
        strategies.append(strategy(name, cls=f"Class{kind}", exchange=exchange, cpu=cpu, memory=memory, **template))
        on = f"n{index % NODES}" if placed else None
        pods.append(pod(f"{name}-0", on, bot=name, cpu=cpu, memory=memory, **template))
    return nodes, pods, strategies


def spent(prepare: Callable[[], T], work: Callable[[T], object]) -> float:
    """Seconds of CPU that the work takes, the least of three times, each with what was made for it."""
    took = []
    for _ in range(3):
        made = prepare()
        begin = time.process_time()
        work(made)
        took.append(time.process_time() - begin)
    return min(took)


@pytest.mark.parametrize("placed", [True, False], ids=["all placed", "all wait before full nodes"])
def test_a_fleet_is_assessed_within_a_second(placed: bool) -> None:
    listed = fleet(placed=placed)
    texts = [json.dumps(one) for one in listed]
    decoding = spent(lambda: texts, lambda some: [json.loads(one) for one in some])
    chance = random.Random(2)  # noqa: S311
    past = Past(
        {
            Key("trading", f"b{index}"): (chance.uniform(0.02, 0.3), chance.uniform(1e8, 5e8))
            for index in range(STRATEGIES)
        },
        [(hour * 3600.0, STRATEGIES - 336 + hour + chance.random()) for hour in range(336)],
    )

    def seen() -> tuple[list[observed.Node], list[observed.Pod], list[observed.Wanted]]:
        nodes, pods, strategies = listed
        every = [found for one in pods if (found := observed.pod(one)) is not None]
        wanted = [want for one in strategies if (want := observed.wanted(one)) is not None]
        return observed.nodes(nodes, [], every), [one for one in every if one.node is None], wanted

    looking = spent(lambda: None, lambda _: seen())
    # With nodes made anew each time: the assessment changes them.
    assessing = spent(seen, lambda found: assess(*found, _PLATFORM, past))
    status = assess(*seen(), _PLATFORM, past)
    assert status.slots is not None
    assert (status.slots.used, status.pending) == ((STRATEGIES, 0) if placed else (0, STRATEGIES))
    print(
        f"\n{NODES} nodes, {len(listed[1])} pods, {STRATEGIES} Strategies: assessed in {assessing:.2f} s of CPU"
        f" ({assessing / decoding:.1f} of decoding the lists from JSON, {decoding:.2f} s);"
        f" making nodes, pods and Strategies of the lists {looking:.2f} s. {status.summary}"
    )
    assert assessing < GOAL_SECONDS
