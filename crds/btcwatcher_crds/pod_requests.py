"""What a pod asks of a node, as the scheduler counts it. Pure; operator and API must not count differently."""

from collections.abc import Mapping
from typing import Any

from btcwatcher_crds.quantity import thousandths, whole

Requests = dict[str, int]
"""By resource: `cpu` in thousandths of a core, memory and disk in bytes, `pods` 1, others as counts."""


def requests(pod: Mapping[str, Any]) -> Requests:
    """The containers together with sidecars, or the largest init container beside the sidecars before it; what the pod
    itself asks for all of them instead; and the overhead. (KEP-753, KEP-2837, `k8s.io/component-helpers/resource`.)"""
    spec = pod.get("spec") or {}
    sidecars: Requests = {}
    peak: Requests = {}
    for container in spec.get("initContainers") or ():
        asked = amounts((container.get("resources") or {}).get("requests"))
        if container.get("restartPolicy") == "Always":
            sidecars = plus(sidecars, asked)
            asked = {}
        peak = most(peak, plus(sidecars, asked))
    running = sidecars
    for container in spec.get("containers") or ():
        running = plus(running, amounts((container.get("resources") or {}).get("requests")))
    said = amounts((spec.get("resources") or {}).get("requests"))
    return plus({**most(peak, running), **said}, {**amounts(spec.get("overhead")), "pods": 1})


def amounts(quantities: Mapping[str, Any] | None) -> Requests:
    """A ResourceList as integers."""
    return {
        name: thousandths(quantity) if name == "cpu" else whole(quantity)
        for name, quantity in (quantities or {}).items()
    }


def plus(one: Mapping[str, int], other: Mapping[str, int]) -> Requests:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def most(one: Mapping[str, int], other: Mapping[str, int]) -> Requests:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
