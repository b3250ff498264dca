"""Which Strategies a label selector or a fleet switch's selection takes: one reading for operator and API. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from btcwatcher_crds.fleet_switch import ClusterSelection, Selection
from btcwatcher_crds.notification_channel import LabelSelector, SelectorOperator, SelectorRequirement
from btcwatcher_crds.strategy import Mode


@dataclass(frozen=True, slots=True)
class Facts:
    """What a selection looks at in a Strategy."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    mode: str
    exchange: str


def facts_of(strategy: Mapping[str, Any]) -> Facts:
    """Of the object as the API server has it, valid or not."""
    metadata, spec = strategy["metadata"], strategy.get("spec") or {}
    return Facts(
        metadata["namespace"],
        metadata["name"],
        metadata.get("labels") or {},
        spec.get("mode") or Mode.DRY_RUN,
        (spec.get("exchange") or {}).get("name") or "",
    )


def takes(selection: Selection, home: str, facts: Facts) -> bool:
    """Whether a switch with this selection, at home in namespace `home` ("": of the cluster), reaches the Strategy."""
    if home and facts.namespace != home:
        return False
    if isinstance(selection, ClusterSelection) and selection.namespaces and facts.namespace not in selection.namespaces:
        return False
    return (
        (not selection.strategies or facts.name in selection.strategies)
        and (not selection.modes or facts.mode in selection.modes)
        and (not selection.exchanges or facts.exchange in selection.exchanges)
        and selects(selection.selector, facts.labels)
    )


def covers(wide: ClusterSelection, narrow: ClusterSelection) -> bool:
    """Whether every Strategy that `narrow` can ever take is taken by `wide`, as far as that can be told without one."""
    same_labels = wide.selector in (LabelSelector(), narrow.selector)
    return same_labels and all(
        not all_of_it or (bool(part) and set(part) <= set(all_of_it))
        for all_of_it, part in (
            (wide.namespaces, narrow.namespaces),
            (wide.strategies, narrow.strategies),
            (wide.modes, narrow.modes),
            (wide.exchanges, narrow.exchanges),
        )
    )


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """As Kubernetes does: all must hold, and an empty selector selects everything."""
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _holds(requirement, labels) for requirement in selector.match_expressions
    )


def _holds(requirement: SelectorRequirement, labels: Mapping[str, str]) -> bool:
    match requirement.operator:
        case SelectorOperator.IN:
            return labels.get(requirement.key) in requirement.values
        case SelectorOperator.NOT_IN:
            # What lacks the label is not in either.
            return labels.get(requirement.key) not in requirement.values
        case SelectorOperator.EXISTS:
            return requirement.key in labels
        case SelectorOperator.DOES_NOT_EXIST:
            return requirement.key not in labels
