"""What somebody needs who wants to send a Strategy's signals by other means than its bot: URL, token, ready messages.

Pure: the texts are made here, the endpoint hands them out.
"""

import json
import shlex
from typing import Final

from pydantic import BaseModel, Field

from btcwatcher_api.signals.signatures import secret_of
from btcwatcher_crds.names import strategy_id, webhook_path

_WITHHELD: Final = "<webhook token>"
_MAX_LAG_SECONDS: Final = 60

_ORDER: Final = {
    "action": "{{strategy.order.action}}",
    "ticker": "{{ticker}}",
    "market_position": "{{strategy.market_position}}",
    "prev_market_position": "{{strategy.prev_market_position}}",
    "price": "{{strategy.order.price}}",
    "contracts": "{{strategy.order.contracts}}",
    "order_id": "{{strategy.order.id}}",
    "comment": "{{strategy.order.comment}}",
}
_ALERT: Final = {"action": "entry", "direction": "long", "ticker": "{{ticker}}", "price": "{{close}}"}
_WHEN: Final = {"time": "{{timenow}}", "max_lag": _MAX_LAG_SECONDS}
_EXAMPLE: Final = {"action": "entry", "pair": "BTC/USDT", "direction": "long", "signal_strength": "0.8"}


class WebhookConnection(BaseModel):
    """How to send signals of one Strategy."""

    strategy_id: str = Field(examples=["trading.ema-cross"])
    url: str = Field(
        description="POST signals here",
        examples=["https://btcwatcher.example.com/api/v1/signals/webhook/trading.ema-cross"],
    )
    token_generation: int = Field(
        description="spec.signals.tokenGeneration: raise it to rotate; the token before stays valid until the next one"
    )
    token: str | None = Field(description="The webhook token; null for who may only read")
    signing_secret: str | None = Field(
        description="The same token as a Standard Webhooks sender wants its secret; null for who may only read"
    )
    tradingview_strategy_message: str = Field(description="The message of an alert on a TradingView strategy")
    tradingview_alert_message: str = Field(
        description="The message of any other TradingView alert: here a long entry; change action and direction"
    )
    curl: str = Field(description="A command that sends an example signal")


def connection(base_url: str, namespace: str, name: str, generation: int, token: str | None) -> WebhookConnection:
    """`base_url` is how the API is reached from outside; `token` None withholds it from every text."""
    identifier = strategy_id(namespace, name)
    url = base_url.rstrip("/") + webhook_path(namespace, name)
    shown = token if token is not None else _WITHHELD
    curl = ["curl", "--user", f"{identifier}:{shown}", "--header", "Content-Type: application/json"]
    curl += ["--data", json.dumps(_EXAMPLE), url]
    return WebhookConnection(
        strategy_id=identifier,
        url=url,
        token_generation=generation,
        token=token,
        signing_secret=None if token is None else secret_of(token),
        tradingview_strategy_message=json.dumps({"token": shown, **_ORDER, **_WHEN}, indent=2),
        tradingview_alert_message=json.dumps({"token": shown, **_ALERT, **_WHEN}, indent=2),
        curl=shlex.join(curl),
    )
