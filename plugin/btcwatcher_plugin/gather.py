"""Reads a Strategy and the objects around it."""

from collections.abc import Sequence

from btcwatcher_crds import names
from btcwatcher_plugin import targets
from btcwatcher_plugin.kubectl import PROXIES, STRATEGIES, Asked, Kubectl, Object, ask
from btcwatcher_plugin.story import Around

_CHILDREN = "pods,statefulsets.apps,persistentvolumeclaims"


def one(kubectl: Kubectl, name: str) -> Around:
    """One Strategy with all around it. Raises PluginError when it cannot be read; what else cannot is noted."""
    children = (_CHILDREN, f"--selector={names.LABEL_STRATEGY}={name}")
    about = (name, names.pod(name), names.volume_claim(name))
    events = [("events", f"--field-selector=involvedObject.name={subject}") for subject in about]
    strategy, found, proxies, *told = ask(kubectl, (STRATEGIES, name), children, (PROXIES,), *events)
    if strategy.error:
        raise strategy.error
    wants_proxies = bool(strategy.items[0]["spec"]["exchange"].get("proxyRefs"))
    unreadable = [
        *_unreadable("pods, StatefulSet and volume", found),
        *(_unreadable("Proxies", proxies) if wants_proxies else ()),
        *_unreadable("Events", *told),
    ]
    around = _around(strategy.items[0], found.items, [item for asked in told for item in asked.items])
    return Around(
        around.strategy,
        around.pods,
        around.stateful_set,
        around.volume_claim,
        proxies.items,
        around.events,
        unreadable,
    )


def many(kubectl: Kubectl, scope: Sequence[str]) -> list[Around]:
    """A scope of Strategies with their StatefulSets, without Events. Raises PluginError."""
    where = [word for word in scope if word == "--all-namespaces"]
    owned = ("statefulsets.apps", *where, f"--selector={names.LABEL_STRATEGY}")
    strategies, sets = ask(kubectl, (STRATEGIES, *scope), owned)
    if strategies.error:
        raise strategies.error
    by_key = {targets.key(item): item for item in sets.items}
    found = sorted(strategies.items, key=targets.key)
    return [Around(strategy, stateful_set=by_key.get(targets.key(strategy))) for strategy in found]


def _around(strategy: Object, children: Sequence[Object], events: Sequence[Object]) -> Around:
    name = strategy["metadata"]["name"]
    by_key = {(item["kind"], item["metadata"]["name"]): item for item in children}
    return Around(
        strategy,
        [item for item in children if item["kind"] == "Pod"],
        by_key.get(("StatefulSet", names.stateful_set(name))),
        by_key.get(("PersistentVolumeClaim", names.volume_claim(name))),
        events=events,
    )


def _unreadable(what: str, *asked: Asked) -> list[str]:
    failed = [one.error for one in asked if one.error]
    return [f"{what}: {str(failed[0]).splitlines()[0]}"] if failed else []
