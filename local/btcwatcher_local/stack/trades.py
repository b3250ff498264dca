"""The trades in the bots' own databases, and whether the fills we were told of agree with them."""

import json
import sqlite3
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from btcwatcher_local.stack.signals import Signal
from btcwatcher_local.stack.stack import Stack

DATABASE = "trades.dryrun.sqlite"
SIDES = {"entry_fill": "buy", "exit_fill": "sell"}
TOLERANCE = Decimal("1e-8")
"""Relative: freqtrade computes in floats and prints them rounded."""


@dataclass(frozen=True, slots=True)
class Order:
    """A filled order of a bot's database."""

    trade_id: str
    pair: str
    side: str
    price: Decimal
    amount: Decimal


async def volumes(stack: Stack) -> dict[str, Path]:
    """`<namespace>.<strategy>` -> the folder of its volume, read from the cluster as any client can."""
    listed = json.loads(await stack.kubectl("get", "persistentvolumes", "-o", "json"))["items"]
    found = {}
    for volume in listed:
        claim = volume["spec"].get("claimRef") or {}
        source: dict[str, Any] = volume["spec"].get("hostPath") or volume["spec"].get("local") or {}
        if claim and source:
            found[f"{claim['namespace']}.{claim['name'].removesuffix('-data')}"] = Path(source["path"])
    return found


def filled_orders(volume: Path) -> list[Order]:
    """Every filled order of the bot whose volume this is. Raises sqlite3.Error when there is no database yet."""
    uri = f"file:{volume / DATABASE}?mode=ro"
    with sqlite3.connect(uri, uri=True, timeout=10) as database:
        rows = database.execute(
            "SELECT ft_trade_id, ft_pair, ft_order_side, average, filled FROM orders"
            " WHERE status = 'closed' AND filled > 0 AND average IS NOT NULL"
        )
        return [Order(str(r[0]), r[1], r[2], Decimal(str(r[3])), Decimal(str(r[4]))) for r in rows]


def disagreement(fill: Signal, orders: list[Order]) -> str | None:
    """Why a fill in Postgres has no order in the bot's database that it tells of; None when it has one."""
    side = SIDES[fill["type"]]
    candidates = [order for order in orders if (order.trade_id, order.side) == (str(fill["trade_id"]), side)]
    if not candidates:
        return f"the bot's database has no filled {side} order of trade {fill['trade_id']}"
    price, amount = Decimal(str(fill["price"])), Decimal(str(fill["amount"]))
    for order in candidates:
        if order.pair == fill["pair"] and _close(order.price, price) and _close(order.amount, amount):
            return None
    return f"told {fill['pair']} {amount} @ {price}, the bot's database says {candidates}"


def _close(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other))
