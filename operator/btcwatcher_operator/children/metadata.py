"""What all children share: labels and the owner reference."""

from typing import Any

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy

Object = dict[str, Any]


def labels(strategy: Strategy) -> dict[str, str]:
    return {
        names.LABEL_NAME: names.APP_NAME,
        names.LABEL_INSTANCE: strategy.metadata.name,
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        **selector(strategy),
    }


def selector(strategy: Strategy) -> dict[str, str]:
    """What tells the Strategy's pod from all others."""
    return {names.LABEL_COMPONENT: names.COMPONENT_BOT, names.LABEL_STRATEGY: strategy.metadata.name}


def owner_reference(strategy: Strategy) -> Object:
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.STRATEGY_KIND,
        "name": strategy.metadata.name,
        "uid": strategy.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def metadata(
    strategy: Strategy, name: str, *, owned: bool = True, extra_labels: dict[str, str] | None = None
) -> Object:
    """Metadata of a child; without an owner it outlives its Strategy."""
    built: Object = {
        "name": name,
        "namespace": strategy.metadata.namespace,
        "labels": {**labels(strategy), **(extra_labels or {})},
    }
    if owned:
        built["ownerReferences"] = [owner_reference(strategy)]
    return built
