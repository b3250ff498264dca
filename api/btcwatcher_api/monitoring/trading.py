"""What each bot's own API told the collector, out of Prometheus. Pure, and the answer's shape."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from pydantic import BaseModel, ConfigDict

from btcwatcher_api.prometheus import Sample

Place = tuple[str, str]
"""Namespace and name of a Strategy."""


class TradingFigures(BaseModel):
    """Of one bot, as the collector last read them from it; money is a decimal string in `currency`."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    reachable: bool
    """Whether the bot answered at the last visit; without that the rest is null."""
    open_trades: int | None = None
    open_profit: str | None = None
    """Of the open trades, at the current price."""
    closed_profit: str | None = None
    balance: str | None = None
    currency: str | None = None
    last_process_at: datetime | None = None
    """When its trading loop last came round."""


def trading(told: Mapping[str, Sequence[Sample]]) -> dict[Place, TradingFigures]:
    """By Strategy; those that the collector has not visited are left out."""
    by_place: dict[Place, dict[str, Sample]] = {}
    for name, samples in told.items():
        for sample in samples:
            place = (sample.labels.get("namespace", ""), sample.labels.get("name", ""))
            by_place.setdefault(place, {})[name] = sample
    return {place: _figures(samples) for place, samples in by_place.items() if "reachable" in samples}


def _figures(samples: Mapping[str, Sample]) -> TradingFigures:
    money = {
        name: _decimal(samples[name].text) for name in ("open_profit", "closed_profit", "balance") if name in samples
    }
    currencies = (samples[name].labels.get("currency") for name in money)
    trades, loop = samples.get("open_trades"), samples.get("last_process")
    return TradingFigures(
        reachable=samples["reachable"].value > 0,
        open_trades=int(trades.value) if trades else None,
        currency=next(currencies, None),
        # 0: it has not come round yet.
        last_process_at=datetime.fromtimestamp(loop.value, UTC) if loop and loop.value > 0 else None,
        **money,
    )


def _decimal(text: str) -> str | None:
    try:
        return format(Decimal(text), "f")
    except InvalidOperation:
        return None
