"""The volume claim for the trade database. Made here and not by the StatefulSet, so that it can be resized."""

from btcwatcher_crds import names
from btcwatcher_crds.strategy import RetentionPolicy, Strategy
from btcwatcher_operator.children.metadata import Object, metadata


def as_it_was_made(child: Object, live: Object | None) -> Object:
    """A claim with the access modes that it has: they cannot be changed. Anything else as it is."""
    if child["kind"] != "PersistentVolumeClaim" or live is None or "spec" not in live:
        return child
    return {**child, "spec": {**child["spec"], "accessModes": live["spec"]["accessModes"]}}


def volume_claim(strategy: Strategy, access_mode: str) -> Object:
    storage = strategy.spec.storage
    spec: Object = {
        "accessModes": [access_mode],
        "resources": {"requests": {"storage": storage.size}},
    }
    if storage.storage_class_name:
        spec["storageClassName"] = storage.storage_class_name
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        # A retained claim has no owner: it is known again by its name and label when the Strategy comes back.
        "metadata": metadata(
            strategy,
            names.volume_claim(strategy.metadata.name),
            owned=storage.retention_policy is RetentionPolicy.DELETE,
        ),
        "spec": spec,
    }
