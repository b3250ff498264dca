"""What bots ask for and use, from their pods and the cluster's metrics. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from btcwatcher_crds import names, quantity
from btcwatcher_plugin.story import condition
from btcwatcher_plugin.words import READY

Object = dict[str, Any]
Key = tuple[str, str]

_MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class BotUsage:
    """CPU in thousandths of a core, memory in bytes; None where it is not known, as of a bot without a pod."""

    key: Key
    reason: str
    node: str
    cpu: int | None
    cpu_request: int | None
    memory: int | None
    memory_request: int | None
    memory_limit: int | None


@dataclass(frozen=True, slots=True)
class Trading:
    """Of one bot, as the API tells."""

    open_trades: str
    open_profit: str
    closed_profit: str
    balance: str

    @classmethod
    def of(cls, item: Object) -> "Trading":
        figures = item.get("trading") or {}
        money = {name: figures.get(name) for name in ("open_profit", "closed_profit", "balance")}
        currency = figures.get("currency") or ""
        shown = {name: "" if value is None else f"{_short(value)} {currency}".rstrip() for name, value in money.items()}
        trades = figures.get("open_trades")
        return cls("" if trades is None else str(trades), **shown)


_NOTHING = Trading("", "", "", "")


def usages(strategies: Sequence[Object], pods: Iterable[Object], measured: Iterable[Object]) -> list[BotUsage]:
    """One for each Strategy, in their order."""
    pod_of = {_key(pod): pod for pod in pods}
    used_by = {_key(one): one for one in measured}
    return [_usage(strategy, pod_of, used_by) for strategy in strategies]


def heads(*, namespaces: bool, trading: bool) -> list[str]:
    own = ["NAME", "REASON", "CPU", "CPU-REQUEST", "MEMORY", "MEMORY-REQUEST", "MEMORY-LIMIT"]
    traded = ["TRADES", "OPEN-PROFIT", "CLOSED-PROFIT", "BALANCE"] if trading else []
    return [*(["NAMESPACE"] if namespaces else []), *own, *traded, "NODE"]


def rows(found: Sequence[BotUsage], trading: dict[Key, Trading] | None, *, namespaces: bool) -> list[list[str]]:
    return [_row(one, trading, namespaces=namespaces) for one in found] + (
        [_total(found, trading, namespaces=namespaces)] if len(found) > 1 else []
    )


def _row(one: BotUsage, trading: dict[Key, Trading] | None, *, namespaces: bool) -> list[str]:
    figures = [
        _cores(one.cpu),
        _cores(one.cpu_request),
        _bytes(one.memory),
        _bytes(one.memory_request),
        _bytes(one.memory_limit),
    ]
    traded: list[str] = []
    if trading is not None:
        told = trading.get(one.key, _NOTHING)
        traded = [told.open_trades, told.open_profit, told.closed_profit, told.balance]
    return [*([one.key[0]] if namespaces else []), one.key[1], one.reason, *figures, *traded, one.node]


def _total(found: Sequence[BotUsage], trading: dict[Key, Trading] | None, *, namespaces: bool) -> list[str]:
    """Money is not added up: it is of several currencies, and some of it is paper."""
    figures = [
        _cores(_sum(one.cpu for one in found)),
        _cores(_sum(one.cpu_request for one in found)),
        _bytes(_sum(one.memory for one in found)),
        _bytes(_sum(one.memory_request for one in found)),
        _bytes(_sum(one.memory_limit for one in found)),
    ]
    traded = [] if trading is None else [""] * 4
    return [*([""] if namespaces else []), f"{len(found)} in all", "", *figures, *traded, ""]


def _usage(strategy: Object, pod_of: dict[Key, Object], used_by: dict[Key, Object]) -> BotUsage:
    namespace, name = strategy["metadata"]["namespace"], strategy["metadata"]["name"]
    place = namespace, names.pod(name)
    pod, used = pod_of.get(place), used_by.get(place)
    containers = pod["spec"]["containers"] if pod else None
    measured = used.get("containers") if used else None
    ready = condition(strategy, READY) or {}
    return BotUsage(
        (namespace, name),
        ready.get("reason", ""),
        (pod or {}).get("spec", {}).get("nodeName", ""),
        _thousandths(measured, "usage", "cpu"),
        _thousandths(containers, "resources", "requests", "cpu"),
        _whole(measured, "usage", "memory"),
        _whole(containers, "resources", "requests", "memory"),
        _whole(containers, "resources", "limits", "memory"),
    )


def _key(obj: Object) -> Key:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _thousandths(containers: Sequence[Object] | None, *path: str) -> int | None:
    return _sum(quantity.thousandths(value) for value in _values(containers, path))


def _whole(containers: Sequence[Object] | None, *path: str) -> int | None:
    return _sum(quantity.whole(value) for value in _values(containers, path))


def _values(containers: Sequence[Object] | None, path: Sequence[str]) -> Iterable[Any]:
    for container in containers or ():
        value: Any = container
        for step in path:
            value = (value or {}).get(step)
        if value is not None:
            yield value


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _short(amount: str) -> str:
    """To the smallest part that any currency has; what the bot computed in floats has more digits."""
    return f"{Decimal(amount):.8f}".rstrip("0").rstrip(".")


def _cores(thousandths: int | None) -> str:
    return "" if thousandths is None else f"{thousandths}m"


def _bytes(count: int | None) -> str:
    return "" if count is None else f"{round(count / _MEBIBYTE)}Mi"
