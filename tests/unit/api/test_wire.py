"""What goes over the wire without a model is what the model describes."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from btcwatcher_api.signals import wire
from btcwatcher_api.signals.schemas import Signal, SignalPage

_MOMENT = datetime(2026, 11, 22, 10, 0, 0, 123456, tzinfo=UTC)
_ROW: dict[str, Any] = {
    **dict.fromkeys(wire.WireSignal.__struct_fields__),
    "id": "01a20608-4f04-8802-8231-70f71164bcde",
    "namespace": "desk",
    "strategy": "alpha",
    "source": "freqtrade",
    "type": "entry",
    "level": "Strong",
    "strength": "0.00000001",
    "priority": 0,
    "event_time": _MOMENT,
    "received_at": _MOMENT.replace(microsecond=0),
    "price": "60414.5700",
    "amount": "100",
    "message": 'with "quotes", 中文 and\nlines',
    "recovered": False,
    "strategy_id": "desk.alpha",
}


def test_the_fields_are_the_models_in_its_order() -> None:
    described = [*Signal.model_fields, *Signal.model_computed_fields]
    assert list(wire.WireSignal.__struct_fields__) == described
    assert list(msgspec.json.decode(wire.page([], "a", "b"))) == list(SignalPage.model_fields)


def test_a_page_reads_as_the_models_write_it() -> None:
    signal = Signal.model_validate(_ROW)
    page = SignalPage(items=[signal, signal], next="older", previous=None)
    # More than the page's own columns may be selected.
    rows = [(*_ROW.values(), 7)] * 2
    assert wire.page(rows, "older", None) == page.model_dump_json().encode()
