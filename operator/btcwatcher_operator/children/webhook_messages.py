"""Which fields each of freqtrade's webhook messages has.

A template naming a field that its message lacks makes freqtrade drop the whole message (`rpc/webhook.py`), so
each list holds just what `rpc/rpc_types.py` of freqtrade 2026.9 gives that type.
"""

from typing import Final

_TRADE: Final = (
    "trade_id", "exchange", "pair", "base_currency", "quote_currency", "leverage", "direction", "limit", "order_rate",
    "open_rate", "order_type", "stake_amount", "stake_currency", "fiat_currency", "amount", "open_date", "current_rate",
    "buy_tag", "enter_tag", "sub_trade",
)  # fmt: skip
_EXIT: Final = (*_TRADE, "gain", "profit_amount", "profit_ratio", "exit_reason", "close_date")
_EXIT_RESULT: Final = (*_EXIT, "close_rate", "final_profit_ratio", "is_final_exit", "cumulative_profit")
_LOCK: Final = (
    "id", "pair", "base_currency", "lock_time", "lock_timestamp", "lock_end_time", "lock_end_timestamp", "reason",
    "side", "active",
)  # fmt: skip

MESSAGE_FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "entry": _TRADE,
    "entry_fill": _TRADE,
    "entry_cancel": (*_TRADE, "reason"),
    "exit": _EXIT_RESULT,
    "exit_fill": _EXIT_RESULT,
    "exit_cancel": (*_EXIT, "reason"),
    "protection_trigger": _LOCK,
    "protection_trigger_global": _LOCK,
    "liquidation_warning": (
        "exchange", "margin_mode", "trade_id", "pair", "base_currency", "quote_currency", "direction", "leverage",
        "current_rate", "liquidation_price", "remaining_ratio", "warn_ratio", "positions_at_risk", "open_positions",
    ),
    "strategy_msg": ("msg",),
    "status": ("status",),
    "startup": ("status",),
    "warning": ("status",),
    "exception": ("status",),
}  # fmt: skip

# Dates come as datetime objects, aware in some messages and naive in others, but always UTC.
_FORMATS: Final = {"open_date": ":%Y-%m-%dT%H:%M:%S.%fZ", "close_date": ":%Y-%m-%dT%H:%M:%S.%fZ"}


def message_template(message_type: str, strategy_id: str) -> dict[str, str]:
    """The body of one message: every field it has, and who sends it (freqtrade has no field for that)."""
    fields = MESSAGE_FIELDS[message_type]
    return {
        "type": message_type,
        "strategy": strategy_id,
        **{name: f"{{{name}{_FORMATS.get(name, '')}}}" for name in fields},
    }
