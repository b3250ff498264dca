"""Where bots may trade real money: the namespaces whose label says so. Known by a watch of just these."""

from btcwatcher_crds import names
from btcwatcher_operator.resources import Object

SELECTOR = f"{names.LABEL_ALLOW_LIVE}={names.ALLOW_LIVE}"
"""Namespaces are listed and watched by it: the others are never sent."""


class LiveNamespaces:
    def __init__(self) -> None:
        self._names: set[str] = set()
        self.readable = True
        """False while the API server does not let the operator see namespaces: then none allows it."""

    def allow(self, namespace: str) -> bool:
        return namespace in self._names

    def observe(self, event_type: str | None, obj: Object) -> bool:
        """Takes in one watch event; whether it changes anything. One that loses its label is sent as deleted."""
        name = obj["metadata"]["name"]
        before = name in self._names
        if event_type != "DELETED" and allows(obj):
            self._names.add(name)
        else:
            self._names.discard(name)
        return before is not (name in self._names)

    def replace(self, listed: list[Object], *, readable: bool = True) -> set[str]:
        """Takes in a full LIST; the namespaces for which that changes anything."""
        now = {obj["metadata"]["name"] for obj in listed if allows(obj)}
        changed = now ^ self._names
        self._names, self.readable = now, readable
        return changed

    def sentence(self, namespace: str) -> str:
        """What is so where it is not allowed, and what to do."""
        if not self.readable:
            return (
                "the API server does not let the operator list namespaces, so that it cannot see where mode Live is "
                "allowed: no bot is started with it; one that trades already goes on"
            )
        return (
            f"namespace {namespace} has no label {SELECTOR}: no bot is started with mode Live, and none that trades "
            f"already is changed; allow it with: kubectl label namespace {namespace} {SELECTOR}"
        )


def allows(namespace: Object) -> bool:
    labels: dict[str, str] = namespace["metadata"].get("labels") or {}
    return labels.get(names.LABEL_ALLOW_LIVE) == names.ALLOW_LIVE
