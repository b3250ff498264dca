"""An example body for every operation that takes one; the API's description shows them, a test holds them to it."""

from typing import Any, Final

_PASSWORD: Final = "correct horse battery staple"  # noqa: S105 - everybody's example
_SOURCE: Final = """from freqtrade.strategy import IStrategy


class EmaCross(IStrategy):
    timeframe = "5m"
    minimal_roi = {"0": 0.03}
    stoploss = -0.05

    def populate_indicators(self, dataframe, metadata):
        dataframe["fast"] = dataframe["close"].ewm(span=12).mean()
        dataframe["slow"] = dataframe["close"].ewm(span=26).mean()
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["fast"] > dataframe["slow"], ["enter_long", "enter_tag"]] = (1, "ema_cross:0.83")
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe.loc[dataframe["fast"] < dataframe["slow"], "exit_long"] = 1
        return dataframe
"""
_SPEC: Final = {
    "strategyName": "EmaCross",
    "source": {"inline": _SOURCE},
    "exchange": {"name": "binance", "pairs": ["BTC/USDT", "ETH/USDT"]},
    "timeframe": "5m",
    "signals": {"thresholds": {"strong": "0.8", "medium": "0.6", "weak": "0.4"}},
}
_PROXY: Final = {
    "urlSecretRef": {"name": "tokyo-proxy", "key": "url"},
    "test": {"url": "https://api.binance.com/api/v3/ping", "intervalSeconds": 60},
}
_CHANNEL: Final = {"type": "Telegram", "credentialsRef": {"name": "desk-telegram"}, "strategies": {"selector": {}}}
_NIGHT: Final = {"start": "22:30", "end": "07:00", "timeZone": "Asia/Shanghai"}
_FREQTRADE: Final = {
    "type": "entry_fill",
    "trade_id": "1",
    "pair": "BTC/USDT",
    "direction": "Long",
    "open_rate": "88726.64",
    "amount": "0.00112",
    "stake_amount": "99.37",
    "stake_currency": "USDT",
    "open_date": "2026-11-23 02:18:32+00:00",
    "enter_tag": "ema_cross:0.83",
}
_TRADINGVIEW: Final = {
    "token": "the-webhook-token-of-the-strategy",
    "action": "buy",
    "ticker": "BTCUSDT",
    "market_position": "long",
    "prev_market_position": "flat",
    "price": "88726.64",
    "contracts": "0.00112",
    "order_id": "long",
    "time": "2026-11-23T02:18:32Z",
    "max_lag": 60,
}
_PLAIN: Final = {"action": "entry", "pair": "BTC/USDT", "direction": "long", "signal_strength": "0.8"}
_ALERTS: Final = {
    "version": "4",
    "receiver": "btcwatcher",
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {
                "alertname": "BTCWatcherBotNotReady",
                "namespace": "trading",
                "severity": "critical",
                "strategy": "ema-cross",
            },
            "annotations": {"summary": "ema-cross has not come round its trading loop for 10 minutes."},
            "startsAt": "2026-11-27T07:15:03.157Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "1a30ba71cca2921f",
        }
    ],
}

BODIES: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "register": {"an account": {"username": "ada", "password": _PASSWORD}},
    "issueToken": {
        "signing in": {"username": "ada", "password": _PASSWORD},
        "going on": {"grant_type": "refresh_token", "refresh_token": "the-refresh-token-of-the-last-answer"},
    },
    "changePassword": {"a new one": {"current_password": _PASSWORD, "new_password": "another long password"}},
    "createKey": {"for a dashboard": {"name": "grafana", "role": "viewer", "expires_in_days": 365}},
    "changeUser": {"another role": {"role": "trader"}, "no more sign-ins": {"active": False}},
    "resetPassword": {"a new one": {"new_password": "another long password"}},
    "createStrategy": {
        "a dry run with its source": {"namespace": "trading", "name": "ema-cross", "spec": _SPEC},
    },
    "updateStrategy": {"with labels": {"spec": {**_SPEC, "timeframe": "1h"}, "labels": {"desk": "one"}}},
    "createProxy": {"tested every minute": {"namespace": "trading", "name": "tokyo", "spec": _PROXY}},
    "createFleetSwitch": {
        "close what trades on one exchange": {
            "name": "out-of-okx",
            "spec": {
                "action": "CloseTrades",
                "exchanges": ["okx"],
                "modes": ["Live"],
                "reason": "withdrawals are halted",
            },
        }
    },
    "updateProxy": {"tested every minute": {"spec": _PROXY}},
    "createChannel": {"a Telegram group": {"namespace": "trading", "name": "desk", "spec": _CHANNEL}},
    "updateChannel": {"quiet at night": {"spec": {**_CHANNEL, "quietHours": _NIGHT}}},
    "setAlertThreshold": {"four fifths": {"threshold_percent": 80}},
    "uploadStrategyFile": {"a file": {"namespace": "trading", "class_name": "EmaCross", "file": _SOURCE}},
    "sendMessage": {
        "to channels": {
            "title": "Maintenance at 22:00",
            "body": "Binance closes for an hour.\nNo bot will trade.",
            "priority": "P1",
            "channels": ["trading.desk", "trading.mail"],
        },
        "to whom a Strategy tells": {"title": "I look at it", "priority": "P0", "strategy_id": "trading.ema-cross"},
    },
    "testChannel": {"a channel": {"channel": "trading.desk", "wait": 10}},
    "replayDeliveries": {
        "what failed today": {"channel": "trading.desk"},
        "how many were given up last night": {
            "state": ["Skipped"],
            "reason": ["TooOld"],
            "since": "2026-11-26T22:00:00Z",
            "until": "2026-11-27T07:00:00Z",
            "dry_run": True,
        },
    },
    "receiveAlerts": {"an alert that fires": _ALERTS},
    "receiveSignal": {"freqtrade": _FREQTRADE, "TradingView": _TRADINGVIEW, "any other": _PLAIN},
}


def add_to(document: dict[str, Any]) -> None:
    """Put the examples into an OpenAPI document."""
    for methods in document["paths"].values():
        for operation in methods.values():
            bodies = BODIES.get(operation["operationId"])
            for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
                # freqtrade's message is the only one that may come as a form.
                shown = {
                    name: {"value": body}
                    for name, body in (bodies or {}).items()
                    if operation["operationId"] != "receiveSignal" or "form" not in media_type or name == "freqtrade"
                }
                if shown:
                    media["examples"] = shown
