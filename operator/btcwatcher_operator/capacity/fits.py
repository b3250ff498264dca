"""Whether a node admits a pod, whatever room it has: the scheduler's filters for taints, selectors and affinity."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Object = Mapping[str, Any]
Toleration = tuple[str, str, str, str]
"""Key, operator, value and effect."""
Expression = tuple[str, str, tuple[str, ...]]
"""Key, operator and values."""
Term = tuple[tuple[Expression, ...], tuple[Expression, ...]]
"""Of a node affinity: what is said of labels, and of fields. All of it must hold."""

_UNSCHEDULABLE: Final = ("node.kubernetes.io/unschedulable", "", "NoSchedule")
_REPELLING: Final = ("NoSchedule", "NoExecute")
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
"""As Go reads one: Python would also read 1_000, which is a label's value like any other."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What a pod says of nodes. Equal for pods that go to the same nodes."""

    selector: tuple[tuple[str, str], ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    terms: tuple[Term, ...] | None = None
    """Of the required node affinity, of which one must hold; None: there is none."""


@dataclass(frozen=True, slots=True)
class Taint:
    key: str
    value: str
    effect: str


@dataclass(frozen=True, slots=True)
class Door:
    """What a node says of pods."""

    name: str
    ready: bool
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    """Those that keep pods out, with the one that a cordoned node amounts to."""


def placement(spec: Object) -> Placement:
    """Of a pod's spec, or of what a Strategy says of its pod."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return Placement(
        selector=tuple(sorted((spec.get("nodeSelector") or {}).items())),
        tolerations=tuple(
            sorted(
                (
                    one.get("key") or "",
                    one.get("operator") or "Equal",
                    one.get("value") or "",
                    one.get("effect") or "",
                )
                for one in spec.get("tolerations") or ()
            )
        ),
        terms=None
        if required is None
        else tuple(
            (_expressions(term.get("matchExpressions")), _expressions(term.get("matchFields")))
            for term in required.get("nodeSelectorTerms") or ()
        ),
    )


def door(node: Object) -> Door:
    metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
    taints = [
        Taint(one.get("key") or "", one.get("value") or "", one.get("effect") or "")
        for one in spec.get("taints") or ()
        if one.get("effect") in _REPELLING
    ]
    if spec.get("unschedulable"):
        taints.append(Taint(*_UNSCHEDULABLE))
    conditions = {one.get("type"): one.get("status") for one in status.get("conditions") or ()}
    return Door(metadata["name"], conditions.get("Ready") == "True", metadata.get("labels") or {}, tuple(taints))


def admits(node: Door, wanted: Placement) -> bool:
    """A node that is not ready admits nothing: it is tainted a moment later."""
    return (
        node.ready
        and all(any(_tolerates(one, taint) for one in wanted.tolerations) for taint in node.taints)
        and all(node.labels.get(key) == value for key, value in wanted.selector)
        and (wanted.terms is None or any(_holds(term, node) for term in wanted.terms))
    )


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    key, operator, value, effect = toleration
    if effect and effect != taint.effect:
        return False
    if not key:
        return operator == "Exists"
    return key == taint.key and (operator == "Exists" or (operator == "Equal" and value == taint.value))


def _holds(term: Term, node: Door) -> bool:
    labels, fields = term
    if not labels and not fields:
        return False
    return all(_matches(one, node.labels) for one in labels) and all(
        _matches(one, {"metadata.name": node.name}) for one in fields
    )


def _matches(expression: Expression, found: Mapping[str, str]) -> bool:
    key, operator, values = expression
    value = found.get(key)
    match operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return _compares(operator, value, values)
    return False


def _compares(operator: str, value: str | None, values: Sequence[str]) -> bool:
    numbers = (value or "", *values)
    if len(numbers) != 2 or not all(_INTEGER.fullmatch(one) for one in numbers):
        return False
    one, other = map(int, numbers)
    return one > other if operator == "Gt" else one < other


def _expressions(said: Sequence[Object] | None) -> tuple[Expression, ...]:
    return tuple((one["key"], one["operator"], tuple(one.get("values") or ())) for one in said or ())
