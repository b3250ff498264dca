"""What a bot traded by its own database, and what Postgres knows of it: the two are to agree, order by order."""

import json
import sqlite3
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from support.stack import RunningStack

SIDES = {"entry_fill": "buy", "exit_fill": "sell"}
Fills = Counter[tuple[str, str, str, str]]


@dataclass(frozen=True)
class Orders:
    """Of one Strategy of a running stack."""

    running: RunningStack
    database_url: str
    """Postgres: it is read there, for the API may be away."""
    namespace: str
    strategy: str

    def stored(self) -> tuple[Fills, int]:
        """The fills in Postgres, and how many of them were recovered."""
        with psycopg.connect(self.database_url) as connection:
            rows = connection.execute(
                "SELECT type, trade_id, price, amount, recovered FROM signals WHERE namespace = %s AND strategy = %s"
                " AND type IN ('entry_fill', 'exit_fill')",
                [self.namespace, self.strategy],
            ).fetchall()
        found = Counter((SIDES[row[0]], row[1], _plain(row[2]), _plain(row[3])) for row in rows)
        return found, sum(row[4] for row in rows)

    @property
    def count(self) -> int:
        """How many fills Postgres has."""
        return sum(self.stored()[0].values())

    def ordered(self) -> tuple[Fills, int]:
        """The filled orders in the bot's own database, and how many trades are open."""
        kubectl = self.running.kubectl
        claim = kubectl.get("persistentvolumeclaim", f"{self.strategy}-data", self.namespace) or {}
        volume = json.loads(kubectl("get", "persistentvolume", claim["spec"]["volumeName"], "-o", "json"))
        source: dict[str, Any] = volume["spec"].get("hostPath") or volume["spec"]["local"]
        path = Path(source["path"]) / "trades.dryrun.sqlite"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as database:
            rows = database.execute(
                "SELECT ft_order_side, ft_trade_id, average, filled FROM orders WHERE ft_is_open = 0 AND filled > 0"
            ).fetchall()
            (still_open,) = database.execute("SELECT count(*) FROM trades WHERE is_open = 1").fetchone()
        return Counter((row[0], str(row[1]), _plain(row[2]), _plain(row[3])) for row in rows), int(still_open)

    def differences(self) -> list[str]:
        """What only Postgres or only the bot knows of."""
        rows, orders = self.stored()[0], self.ordered()[0]
        return [f"no order for {row}" for row in rows - orders] + [f"no row for {order}" for order in orders - rows]


def _plain(number: Any) -> str:
    return f"{Decimal(str(number)).normalize():f}"
