"""The FleetCapacity in a sentence or two, for `kubectl get fleetcap -o wide`."""

from collections.abc import Sequence
from typing import Final

from btcwatcher_crds.fleet_capacity import Advice, Dimension, Forecast, Slots

_NO_NODE_HELPS: Final = {
    "ports": "no node helps: widen BTCWATCHER_PORT_RANGE",
    "exchange": "no node helps: the exchange limits by source address, give some Strategies a Proxy",
    "pods": "bigger nodes do not help unless they take more pods",
    "nodes": "no node that is ready takes such a pod: look at its nodeSelector, tolerations and affinity",
}


def sentence(
    slots: Slots,
    binding: Dimension,
    pending: int,
    too_large: int,
    coming: Forecast | None,
    offers: Sequence[Advice],
    days: int,
) -> str:
    parts = [f"{_bots(slots.used)} placed, {slots.free} more fit{_lost(slots)}; {binding} runs out first"]
    if pending:
        parts.append(f"{_bots(pending)} without a node{f', {too_large} too large for any' if too_large else ''}")
    if coming is not None and coming.days_until_full is not None:
        parts.append(f"full in {coming.days_until_full} days at {coming.growth_per_day} a day")
    if binding in _NO_NODE_HELPS:
        parts.append(_NO_NODE_HELPS[binding])
    best = next((one for one in offers if one.nodes), None)
    if best is not None and binding not in ("ports", "exchange"):
        price = f", {best.cost_per_bot} a bot" if best.cost_per_bot is not None else ""
        parts.append(f"for what waits and the next {days} days: {best.nodes} x {best.node_type}{price}")
    return "; ".join(parts)[:1024]


def _bots(count: int) -> str:
    return f"{count} bot{'' if count == 1 else 's'}"


def _lost(slots: Slots) -> str:
    left = slots.free_with_largest_node_lost
    if left is None:
        return ""
    if left < 0:
        return f" (if {slots.largest_node} is lost {-left} of its pods find no place)"
    return f" ({left} if {slots.largest_node} is lost)"
