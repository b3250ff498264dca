"""What the signal endpoints answer. Money and ratios are decimal strings."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, computed_field

from btcwatcher_api.signals.types import SignalType, Source
from btcwatcher_crds.names import strategy_id
from btcwatcher_crds.strategy import SignalLevel

DecimalString = Annotated[Decimal, PlainSerializer(lambda value: f"{value:f}", return_type=str)]


class Answer(BaseModel):
    """Base: snake_case on the wire as in freqtrade's own API, read from rows."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


class Signal(Answer):
    """One signal as it is stored."""

    id: UUID
    namespace: str
    strategy: str
    source: Source
    type: SignalType
    pair: str | None
    direction: str | None
    level: SignalLevel | None
    """By the Strategy's thresholds when it arrived; null for what is not graded, such as an exit."""
    strength: DecimalString | None
    """0 to 1."""
    priority: Annotated[int | None, Field(ge=0, le=2)]
    """0 is the most urgent; null notifies nobody."""
    event_time: datetime
    """When it happened, as the message says; when it arrived, if the message does not say."""
    received_at: datetime
    trade_id: str | None
    trade_opened_at: datetime | None
    sub_trade: bool | None
    price: DecimalString | None
    amount: DecimalString | None
    stake: DecimalString | None
    stake_currency: str | None
    profit_ratio: DecimalString | None
    profit_amount: DecimalString | None
    enter_tag: str | None
    exit_reason: str | None
    message: str | None
    recovered: bool
    """Whether it never arrived and was filled in from the bot's own history."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def strategy_id(self) -> str:
        """<namespace>.<name>"""
        return strategy_id(self.namespace, self.strategy)


class SignalDetail(Signal):
    """One signal with the body it came as."""

    payload: dict[str, Any]


class SignalPage(Answer):
    """Signals, newest first."""

    items: list[Signal]
    next: str | None
    """Cursor of the page with older signals; null when this is the last."""
    previous: str | None
    """Cursor of newer signals, worth asking for again when there are none yet; null on an empty history."""


class Accepted(Answer):
    """The webhook's answer: the signal is on disk."""

    id: UUID | None
    """The signal; the same for the same message sent again. Null for market data that is not kept."""
    status: Annotated[str, Field(examples=["accepted"], pattern="^(accepted|ignored)$")]
