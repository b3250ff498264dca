"""The model against a real kube-scheduler: it must place as many bots as the model has places for, and not one more."""

import random
from collections.abc import Iterator
from typing import Any, Final

import pytest

from support import apiservers, realscheduler
from support.nodes import node, pod, strategy
from support.scheduled import DRIVER, RUNTIME_CLASS, Desk, Fleet, Outcome, runtime_class

Object = dict[str, Any]

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(realscheduler.binary() is None, reason=realscheduler.MISSING),
]


def required(*terms: Object) -> Object:
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}


def said(key: str, operator: str, *values: str) -> Object:
    return {"key": key, "operator": operator, **({"values": list(values)} if values else {})}


def csi(name: str, **limits: int | None) -> Object:
    drivers = [
        {"name": driver, "nodeID": name, **({"allocatable": {"count": count}} if count is not None else {})}
        for driver, count in limits.items()
    ]
    return {"metadata": {"name": name}, "spec": {"drivers": drivers}}


def containers(*cpus: str) -> list[Object]:
    return [
        {"name": f"c{index}", "image": "i", "resources": {"requests": {"cpu": cpu}}} for index, cpu in enumerate(cpus)
    ]


def mixed(seed: int) -> Fleet:
    """Any cluster."""
    chance = random.Random(seed)  # noqa: S311
    names = [f"n{index}" for index in range(6)]
    nodes = [
        node(
            name,
            cpu=f"{chance.randrange(5, 31)}00m",
            memory=f"{chance.randrange(512, 4096)}Mi",
            pods=chance.choice([4, 8, 110]),
            labels={"disk": chance.choice(["ssd", "hdd"])},
            unschedulable=chance.random() < 0.1,
            taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}] if chance.random() < 0.2 else [],
        )
        for name in names
    ]
    pods = [
        pod(
            f"p{index}",
            chance.choice(names),
            cpu=f"{chance.randrange(0, 700)}m",
            memory=f"{chance.randrange(0, 600)}Mi",
            daemon=f"d{index}" if chance.random() < 0.5 else None,
        )
        for index in range(12)
    ]
    template: Object = {}
    if chance.random() < 0.3:
        template["nodeSelector"] = {"disk": "ssd"}
    if chance.random() < 0.3:
        template["tolerations"] = [{"key": "gpu", "operator": "Exists"}]
    cpu, memory = f"{chance.randrange(150, 500)}m", f"{chance.randrange(150, 500)}Mi"
    bot = strategy("bot", cpu=cpu, memory=memory, **template)
    return Fleet(nodes, bot, pods)


def asking(resources: Object) -> Object:
    bot = strategy("bot")
    bot["spec"]["resources"] = resources
    return bot


GPU: Final = "example.com/gpu"

ROOM: Final = {
    "sizes": Fleet(
        [
            node("cpu", cpu="2", memory="64Gi"),
            node("memory", cpu="64", memory="1Gi"),
            node("pods", pods=3),
            node("short", cpu="249m"),
            node("exact", cpu="250m", memory="300Mi", pods=1),
        ],
        strategy("bot", cpu="250m", memory="300Mi"),
    ),
    "others": Fleet(
        [node("a", cpu="4"), node("b", cpu="3"), node("over", cpu="1")],
        strategy("bot", cpu="300m", memory="64Mi"),
        [
            pod("agent", "a", cpu="250m", daemon="d"),
            pod("heavy", "a", runtimeClassName=RUNTIME_CLASS, cpu="100m"),
            pod("sidecar", "a", initContainers=[{**containers("150m")[0], "name": "s", "restartPolicy": "Always"}]),
            pod("init", "b", initContainers=[{**containers("900m")[0], "name": "i"}]),
            pod("two", "b", containers=containers("300m", "50m")),
            pod("whole", "b", containers=containers("50m"), resources={"requests": {"cpu": "500m"}}),
            pod("job", "b", cpu="1"),
            pod("ends", "b", cpu="250m"),
            pod("huge", "over", cpu="1500m"),
        ],
        finished=["job"],
        ending=["ends"],
    ),
    "doors": Fleet(
        [
            node("open", cpu="500m"),
            node("cordoned", unschedulable=True),
            node("not-ready", ready=False),
            node("tainted", taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}], cpu="700m"),
            node("evicting", taints=[{"key": "gpu", "value": "yes", "effect": "NoExecute"}]),
            node("other", taints=[{"key": "gpu", "value": "no", "effect": "NoSchedule"}]),
            node("soft", taints=[{"key": "x", "value": "y", "effect": "PreferNoSchedule"}], cpu="300m"),
        ],
        strategy("bot", tolerations=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]),
    ),
    "tolerant": Fleet(
        [
            node("cordoned", unschedulable=True, cpu="300m"),
            node("tainted", taints=[{"key": "x", "effect": "NoExecute"}], cpu="200m"),
        ],
        strategy("bot", tolerations=[{"operator": "Exists"}]),
        tolerates_all=True,
    ),
    "selected": Fleet(
        [
            node("ssd", labels={"disk": "ssd", "zone": "a"}, cpu="400m"),
            node("elsewhere", labels={"disk": "ssd", "zone": "b"}),
            node("hdd", labels={"disk": "hdd", "zone": "a"}),
            node("plain"),
        ],
        strategy("bot", nodeSelector={"disk": "ssd", "zone": "a"}),
    ),
    "affinity": Fleet(
        [
            node("new", labels={"generation": "12"}, cpu="200m"),
            node("old", labels={"generation": "3"}),
            node("odd", labels={"generation": "1_2"}),
            node("named", cpu="300m"),
            node("free", labels={"tier": "low"}, cpu="400m"),
            node("tier", labels={"tier": "high", "generation": "12"}),
        ],
        strategy(
            "bot",
            affinity=required(
                {"matchExpressions": [said("generation", "Gt", "10"), said("tier", "NotIn", "high", "top")]},
                {"matchFields": [said("metadata.name", "In", "affinity-named")]},
                {"matchExpressions": [said("generation", "DoesNotExist"), said("tier", "Exists")]},
                {},
            ),
        ),
    ),
    "both": Fleet(
        [
            node("yes", labels={"disk": "ssd", "generation": "3"}, cpu="200m"),
            node("no", labels={"disk": "ssd", "generation": "5"}),
            node("neither", labels={"generation": "3"}),
        ],
        strategy(
            "bot",
            nodeSelector={"disk": "ssd"},
            affinity=required({"matchExpressions": [said("generation", "Lt", "5")]}),
        ),
    ),
    "extended": Fleet(
        [node("two", resources={GPU: "2"}), node("none"), node("taken", resources={GPU: "3"})],
        asking({"requests": {"cpu": "100m", GPU: "1"}, "limits": {GPU: "1"}}),
        [pod("user", "taken", containers=[{"name": "c", "image": "i", "resources": {"limits": {GPU: "2"}}}])],
    ),
    "disk": Fleet(
        [node("small", disk="2500Mi"), node("none", disk="0"), node("large", disk="5Gi")],
        asking({"requests": {"cpu": "100m", "ephemeral-storage": "1Gi"}}),
    ),
    "limits": Fleet([node("a", cpu="2")], asking({"limits": {"cpu": "600m", "memory": "1Gi"}})),
    "nothing": Fleet([node("a", cpu="100m", pods=7)], asking({}), [pod("full", "a", cpu="100m")]),
    "volumes": Fleet(
        [node("three"), node("used"), node("other"), node("none", cpu="200m")],
        strategy("bot"),
        [pod("writer", "used", volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "writers"}}])],
        csi_nodes=[
            csi("three", **{DRIVER: 3}),
            csi("used", **{DRIVER: 2, "shared.example.com": None}),
            csi("other", **{DRIVER: 1}),
        ],
    ),
    **{f"mixed{seed}": mixed(seed) for seed in range(4)},
}


LOSS: Final = {
    "spare": Fleet(
        [node("a", cpu="2"), node("b", cpu="1"), node("c", cpu="1"), node("closed", unschedulable=True)],
        strategy("bot", cpu="200m"),
        [
            pod("agent-a", "a", cpu="300m", daemon="d"),
            pod("agent-b", "b", cpu="300m", daemon="d"),
            pod("service", "a", cpu="200m"),
        ],
        bots=["a", "a", "b"],
        loses_a_node=True,
    ),
    "tight": Fleet(
        [node("a", cpu="1"), node("b", cpu="500m"), node("c", cpu="500m", labels={"disk": "ssd"})],
        strategy("bot"),
        bots=["a"] * 8 + ["b"] * 3 + ["c"] * 4,
        loses_a_node=True,
    ),
    "picky": Fleet(
        [node("a", cpu="1", labels={"disk": "ssd"}), node("b", cpu="500m", labels={"disk": "ssd"}), node("c")],
        strategy("bot", nodeSelector={"disk": "ssd"}),
        bots=["a"] * 6 + ["b"] * 2,
        loses_a_node=True,
    ),
    "stuck": Fleet(
        [node("a", cpu="2"), node("b", cpu="700m")],
        strategy("bot"),
        [pod("large", "a", cpu="1100m")],
        bots=["a"],
        loses_a_node=True,
    ),
}


@pytest.fixture(scope="module")
def desk() -> Iterator[dict[str, Outcome]]:
    with apiservers.real() as server:
        server.ok("POST", "/apis/node.k8s.io/v1/runtimeclasses", runtime_class())
        filled = Desk(server, ROOM | LOSS)
        filled.fill()
        yield filled.outcomes


@pytest.mark.parametrize("fleet", ROOM)
def test_as_many_bots_find_a_place_as_there_are_free(desk: dict[str, Outcome], fleet: str) -> None:
    found = desk[fleet]
    assert found.said.slots is not None
    assert found.placed == found.said.slots.free


@pytest.mark.parametrize("fleet", LOSS)
def test_the_largest_node_lost_leaves_as_many_places_or_so_many_pods_without_one(
    desk: dict[str, Outcome], fleet: str
) -> None:
    found = desk[fleet]
    assert found.said.slots is not None
    left = found.said.slots.free_with_largest_node_lost
    assert left is not None
    assert found.homeless == max(0, -left)
    if left >= 0:
        assert found.placed == left
