"""freqtrade's configuration of one bot, rendered from the Strategy.

Merged in this order: what every bot has, the platform's defaults for the exchange, the way to the market-data cache,
what the spec says, `spec.config`; what the operator owns comes last. So one manifest serves every cluster.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Mode, Strategy
from btcwatcher_operator.children.market import Market, exchange_settings
from btcwatcher_operator.children.webhook_messages import MESSAGE_FIELDS, message_template
from btcwatcher_operator.platform import Platform

Config = dict[str, Any]

HEARTBEAT_SECONDS = 15

_BASE: Config = {
    "trading_mode": "spot",
    "tradable_balance_ratio": 0.99,
    "last_stake_amount_min_ratio": 0.5,
    "cancel_open_orders_on_exit": False,
    # "same" makes freqtrade refuse every strategy with market orders; "other" takes both kinds.
    "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
    "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
    "pairlists": [{"method": "StaticPairList"}],
    "internals": {"process_throttle_secs": 5},
}


def bot_config(strategy: Strategy, platform: Platform, port: int, market: Market | None = None) -> Config:
    spec = strategy.spec
    return merge(
        _BASE,
        platform.exchange_defaults.get(spec.exchange.name, {}),
        exchange_settings(market) if market else {},
        _from_spec(strategy),
        spec.config.settings(),
        _owned(strategy, platform, port),
    )


def _from_spec(strategy: Strategy) -> Config:
    spec = strategy.spec
    return {
        "timeframe": spec.timeframe,
        "max_open_trades": spec.stake.max_open_trades,
        "stake_currency": spec.stake.currency,
        "stake_amount": spec.stake.amount if spec.stake.amount == "unlimited" else _number(spec.stake.amount),
        "dry_run_wallet": _number(spec.stake.dry_run_wallet),
        "exchange": {
            "name": spec.exchange.name,
            "pair_whitelist": list(spec.exchange.pairs),
            "pair_blacklist": list(spec.exchange.pair_blacklist),
        },
    }


def _owned(strategy: Strategy, platform: Platform, port: int) -> Config:
    """What a user cannot set: identity, where the bot listens, and how its signals arrive."""
    namespace, name = strategy.metadata.namespace, strategy.metadata.name
    mode = strategy.spec.mode
    identifier = names.strategy_id(namespace, name)
    return {
        "bot_name": identifier,
        "strategy": strategy.spec.strategy_name,
        "strategy_path": names.MOUNT_REVISION,
        "user_data_dir": names.MOUNT_DATA,
        "dry_run": mode is Mode.DRY_RUN,
        # A database for each mode: live trading must not go on with the dry run's paper positions.
        "db_url": f"sqlite:///{names.MOUNT_DATA}/trades.{mode.value.lower()}.sqlite",
        # The wrapper tells a hanging loop by its heartbeat lines.
        "internals": {"heartbeat_interval": HEARTBEAT_SECONDS},
        "api_server": {
            "enabled": True,
            "listen_ip_address": platform.listen_address,
            "listen_port": port,
            "verbosity": "error",
            "enable_openapi": False,
            "CORS_origins": [],
        },
        "webhook": {
            "enabled": True,
            "url": f"{platform.webhook_url}{names.webhook_path(namespace, name)}",
            "format": "json",
            # Sending is synchronous in the trading loop: a receiver that hangs must cost little.
            "timeout": 2,
            "retries": 1,
            "retry_delay": 0.5,
            "allow_custom_messages": True,
            **{message_type: message_template(message_type, identifier) for message_type in MESSAGE_FIELDS},
        },
    }


def merge(*layers: Mapping[str, Any]) -> Config:
    """Later layers win; maps are merged key by key, lists and values are replaced."""
    merged: Config = {}
    for layer in layers:
        for key, value in layer.items():
            under = merged.get(key)
            if isinstance(value, Mapping):
                merged[key] = merge(under if isinstance(under, Mapping) else {}, value)
            else:
                merged[key] = value
    return merged


def _number(decimal: str) -> int | float:
    """freqtrade wants numbers and computes in floats itself; whole amounts stay whole."""
    value = Decimal(decimal)
    return int(value) if value == value.to_integral_value() else float(value)
