import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_local.stack.trades import DATABASE, Order, disagreement, filled_orders

ENTRY = Order("1", "BTC/USDT", "buy", Decimal("60000.5"), Decimal("0.00165"))


def fill(**fields: Any) -> dict[str, Any]:
    told = {"type": "entry_fill", "trade_id": "1", "pair": "BTC/USDT", "price": "60000.50", "amount": "0.00165"}
    return {**told, **fields}


def test_a_fill_that_is_in_the_bots_database_agrees() -> None:
    assert disagreement(fill(), [ENTRY]) is None


@pytest.mark.parametrize(
    "fields",
    [{"price": "60001"}, {"amount": "0.00166"}, {"pair": "ETH/USDT"}, {"trade_id": "2"}, {"type": "exit_fill"}],
)
def test_any_other_does_not(fields: dict[str, Any]) -> None:
    assert disagreement(fill(**fields), [ENTRY]) is not None


def test_only_filled_orders_count(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / DATABASE) as database:
        database.execute(
            "CREATE TABLE orders (ft_trade_id, ft_pair, ft_order_side, average, filled, status)",
        )
        database.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)",
            [
                (1, "BTC/USDT", "buy", 60000.5, 0.00165, "closed"),
                (2, "BTC/USDT", "buy", None, 0.0, "open"),
                (3, "BTC/USDT", "buy", 60000.5, 0.0, "canceled"),
            ],
        )
    assert filled_orders(tmp_path) == [ENTRY]


def test_no_database_yet(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.Error):
        filled_orders(tmp_path)
