"""Strategies as a user writes them."""

from typing import Any

Object = dict[str, Any]

# Enters whenever it can and leaves at the next look: trades within seconds. At any price, for a limit that the market
# has left behind may wait for long.
EAGER = """
from freqtrade.strategy import IStrategy


class Eager(IStrategy):
    timeframe = "1m"
    minimal_roi = {"0": 10}
    stoploss = -0.5
    order_types = {"entry": "market", "exit": "market", "stoploss": "market", "stoploss_on_exchange": False}
    process_only_new_candles = False

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[:, ["enter_long", "enter_tag"]] = (1, "eager:0.95")
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        return dataframe

    def custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs):
        return "eager"
"""

# Enters once a pair and never leaves.
HOLDER = EAGER[: EAGER.index("    def custom_exit")].replace("class Eager", "class Holder")

# Enters twice, leaves by half, leaves: four fills a trade; three where it was paused meanwhile: then it buys no more.
STEPPER = (
    EAGER.replace("class Eager", "class Stepper")
    .replace("    process_only_new_candles", "    position_adjustment_enable = True\n    process_only_new_candles")
    .replace(
        'return "eager"',
        'return "done" if trade.nr_of_successful_exits >= 1 and not trade.has_open_orders else None',
    )
    + """
    def adjust_trade_position(self, trade, current_time, current_rate, current_profit, min_stake, max_stake, **kwargs):
        if trade.has_open_orders:
            return None
        if trade.nr_of_successful_entries < 2 and (current_time - trade.open_date_utc).total_seconds() < 20:
            return trade.stake_amount, "more"
        if trade.nr_of_successful_exits < 1:
            return -trade.stake_amount / 2, "less"
        return None
"""
)


def strategy(name: str, namespace: str, source: str | None = EAGER, cls: str = "Eager", **spec: Any) -> Object:
    built: Object = {
        "strategyName": cls,
        "exchange": {"name": "binance", "pairs": ["BTC/USDT", "SOL/USDT"]},
        "timeframe": "1m",
        **spec,
    }
    if source is not None:
        built["source"] = {"inline": source}
    return {
        "apiVersion": "btcwatcher.io/v1alpha1",
        "kind": "Strategy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": built,
    }


def namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def secret(name: str, namespace: str, **data: str) -> Object:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def channel(name: str, namespace: str, kind: str, **spec: Any) -> Object:
    """A NotificationChannel whose Secret has its name."""
    return {
        "apiVersion": "btcwatcher.io/v1alpha1",
        "kind": "NotificationChannel",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": kind, "credentialsRef": {"name": name}, **spec},
    }
