"""`top`: what bots ask for, use and earn."""

import argparse
from typing import Any, Final

from btcwatcher_crds import names
from btcwatcher_plugin import kubectl, targets
from btcwatcher_plugin.kubectl import STRATEGIES, Asked, ask
from btcwatcher_plugin.output import say, table, warn
from btcwatcher_plugin.usage import BotUsage, Key, Trading, heads, rows, usages

_METRICS: Final = "pods.metrics.k8s.io"
_BOTS: Final = f"{names.LABEL_STRATEGY},{names.LABEL_COMPONENT}={names.COMPONENT_BOT}"


def run(parsed: argparse.Namespace) -> int:
    client = kubectl.find(parsed.kubectl_flags)
    scope = targets.scope(parsed)
    where = [word for word in scope if word == "--all-namespaces"]
    bots = (*where, f"--selector={_BOTS}")
    strategies, pods, measured = ask(client, (STRATEGIES, *scope), ("pods", *bots), (_METRICS, *bots))
    for asked in (strategies, pods):
        if asked.error:
            raise asked.error
    if not strategies.items:
        warn("there are no Strategies here; of all namespaces: kubectl btcwatcher top -A")
        return 0
    found = usages(sorted(strategies.items, key=targets.key), pods.items, measured.items)
    trading = _trading(parsed, client, found)
    if parsed.sort_by:
        found.sort(key=lambda one: getattr(one, parsed.sort_by) or 0, reverse=True)
    shown = rows(found, trading, namespaces=parsed.all_namespaces)
    say(table(heads(namespaces=parsed.all_namespaces, trading=trading is not None), shown))
    _say_what_is_missing(measured)
    return 0


def _trading(parsed: argparse.Namespace, client: kubectl.Kubectl, found: list[BotUsage]) -> dict[Key, Trading] | None:
    """From the API; None where nobody says that it should be asked."""
    from btcwatcher_plugin import api  # brings httpx, which most calls do not need

    if not (parsed.trading or api.known(parsed)):
        return None
    namespaces = {one.key[0] for one in found}
    query: dict[str, Any] = {"limit": 1000, "namespace": namespaces.pop() if len(namespaces) == 1 else None}
    trading: dict[Key, Trading] = {}
    with api.connected(parsed, client) as there:
        after = None
        while True:
            page = there.get("/api/v1/monitoring/strategies", after=after, **query)
            for item in page["items"]:
                namespace, _, name = item["id"].partition(".")
                trading[namespace, name] = Trading.of(item)
            after = page["next"]
            if after is None:
                break
    for source in page["sources"]:
        if source["state"] != "ok":
            warn(f"trading figures: {source['name']} {source['state']}")
    return trading


def _say_what_is_missing(measured: Asked) -> None:
    if measured.error:
        missing = "doesn't have a resource type" in measured.error.words
        why = "the cluster has no metrics server" if missing else measured.error.words
        warn(f"what is used is not known: {why}")
