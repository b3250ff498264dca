"""Bodies of webhooks: real messages of freqtrade, plain signals, and everything that is wrong."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_api.signals.bodies import NotJson, decode, parse
from btcwatcher_api.signals.fields import InvalidBody, read_moment, read_number
from btcwatcher_api.signals.types import Event, SignalType, Source

REAL: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "freqtrade_webhooks.json").read_text()
)
ENTRY = REAL["entry"]


def parsed(body: dict[str, Any]) -> Event:
    event = parse(decode(json.dumps(body).encode()))
    assert event is not None
    return event


def wrong_fields(body: dict[str, Any]) -> list[str]:
    with pytest.raises(InvalidBody) as caught:
        parse(decode(json.dumps(body).encode()))
    return [error.field for error in caught.value.errors]


@pytest.mark.parametrize("kind", sorted(set(REAL) - {"new_candle"}))
def test_real_messages_are_read(kind: str) -> None:
    assert parsed(REAL[kind]).type == kind


@pytest.mark.parametrize("kind", ["new_candle", "whitelist", "analyzed_df"])
def test_market_data_is_not_kept(kind: str) -> None:
    assert parse({"type": kind}) is None


def test_a_real_exit() -> None:
    event = parsed(REAL["exit_fill"])
    assert event.source is Source.FREQTRADE
    assert event.happened_at == datetime(2026, 11, 22, 19, 50, 41, 104000, tzinfo=UTC)
    assert event.trade_opened_at == datetime(2026, 11, 22, 19, 50, 37, 351184, tzinfo=UTC)
    assert (event.pair, event.direction, event.trade_id) == ("ETH/USDT", "long", "2")
    assert event.price == Decimal("3016.65079")
    assert event.amount == Decimal("0.03332")
    assert event.stake == Decimal("99.9809159636")
    assert event.profit_ratio == Decimal("0.00333123")
    assert event.profit_amount == Decimal("0.33339264")
    assert (event.enter_tag, event.exit_reason, event.sub_trade) == ("pulse", "roi", False)


def test_only_a_first_entry_is_dated_by_the_opening_of_its_trade() -> None:
    opened = datetime(2026, 11, 22, 19, 50, 37, 289723, tzinfo=UTC)
    assert parsed(ENTRY).happened_at == opened
    fill = parsed(REAL["entry_fill"])
    assert (fill.happened_at, fill.unique_since) == (None, opened)
    for kind in ("entry", "entry_fill"):
        added = parsed({**REAL[kind], "sub_trade": "True"})
        assert (added.happened_at, added.unique_since) == (None, None)
    cancel = parsed({**ENTRY, "type": "entry_cancel", "reason": "cancelled due to timeout"})
    assert (cancel.happened_at, cancel.unique_since) == (None, None)
    assert cancel.message == "cancelled due to timeout"


def test_naive_times_are_utc() -> None:
    event = parsed({**REAL["exit"], "type": "exit_cancel", "close_date": "2026-11-22 19:50:41.104522"})
    assert event.happened_at == datetime(2026, 11, 22, 19, 50, 41, 104522, tzinfo=UTC)


def test_freqtrades_words_for_nothing_are_nothing() -> None:
    event = parsed({**REAL["exit"], "profit_ratio": "nan", "exit_reason": "None", "price": "None", "direction": ""})
    assert (event.profit_ratio, event.exit_reason, event.direction) == (None, None, None)


def test_the_strength_in_a_strategys_own_json() -> None:
    said = {"signal_strength": 0.91, "pair": "SOL/USDT", "direction": "Short"}
    for message in (json.dumps(said), said):
        event = parsed({"type": "strategy_msg", "msg": message})
        assert event.stated_strength == Decimal("0.91")
        assert (event.pair, event.direction) == ("SOL/USDT", "short")
    words = parsed({"type": "strategy_msg", "msg": "{not json"})
    assert (words.stated_strength, words.message) == (None, "{not json")
    odd = parsed({"type": "strategy_msg", "msg": '{"signal_strength": 7}'})
    assert odd.stated_strength is None


def test_a_protection_is_dated_by_its_lock() -> None:
    event = parsed(
        {"type": "protection_trigger", "pair": "BTC/USDT", "reason": "StoplossGuard", "lock_timestamp": "1795377037289"}
    )
    assert event.happened_at == datetime(2026, 11, 22, 19, 50, 37, 289000, tzinfo=UTC)
    assert event.message == "StoplossGuard"


def test_a_plain_signal() -> None:
    event = parsed(
        {
            "action": "entry",
            "pair": "BTC/USDT",
            "direction": "long",
            "signal_strength": 0.83,
            "price": "60000.1",
            "tag": "breakout",
            "timestamp": "2026-11-22T19:50:37+01:00",
        }
    )
    assert (event.source, event.type) == (Source.PLAIN, SignalType.ENTRY)
    assert (event.stated_strength, event.price) == (Decimal("0.83"), Decimal("60000.1"))
    assert event.happened_at == datetime(2026, 11, 22, 18, 50, 37, tzinfo=UTC)


def test_numbers_never_become_floats() -> None:
    event = parse(decode(b'{"action": "entry", "pair": "A/B", "price": 0.1234567890123456789, "amount": 3}'))
    assert event is not None
    assert (event.price, event.amount) == (Decimal("0.1234567890123456789"), Decimal(3))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"pair": {"a": 1}}, "pair"),
        ({"pair": None}, "pair"),
        ({"pair": "x" * 65}, "pair"),
        ({"amount": "much"}, "amount"),
        ({"amount": "1_000"}, "amount"),
        ({"amount": "1e999"}, "amount"),
        ({"amount": [1]}, "amount"),
        ({"amount": True}, "amount"),
        ({"stake_amount": "9" * 81}, "stake_amount"),
        ({"open_date": "yesterday"}, "open_date"),
        ({"open_date": "1999-12-31T23:59:59Z"}, "open_date"),
        ({"open_date": "9999-12-31T23:59:59-23:59"}, "open_date"),
        ({"sub_trade": "maybe"}, "sub_trade"),
        ({"signal_strength": "1.01"}, "signal_strength"),
        ({"signal_strength": "strong"}, "signal_strength"),
        ({"signal_strength": "nan"}, "signal_strength"),
        ({"type": "buy"}, "type"),
        ({"type": 5}, "type"),
        ({"type": ["entry"]}, "type"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_its_field(change: dict[str, Any], field: str) -> None:
    assert wrong_fields({**ENTRY, **change}) == [field]


def test_all_wrong_fields_are_named_at_once() -> None:
    body = {**ENTRY, "amount": "a", "open_date": "b", "stake_amount": {}}
    assert set(wrong_fields(body)) == {"amount", "open_date", "stake_amount"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["type"]),
        ({"action": "hold"}, ["action"]),
        ({"action": {}}, ["action"]),
        ({"action": "entry"}, ["pair"]),
        ({"action": "exit", "pair": "A/B", "direction": "up"}, ["direction"]),
        ({"action": "entry", "pair": "A/B", "signal_strength": "nan"}, ["signal_strength"]),
        ({"action": "message", "timestamp": True}, ["timestamp"]),
    ],
)
def test_a_wrong_plain_signal(body: dict[str, Any], fields: list[str]) -> None:
    assert wrong_fields(body) == fields


@pytest.mark.parametrize("raw", [b"", b"{", b"entry", b"\xff\xfe", b'{"a": "\xff"}', b"[" * 100_000])
def test_what_is_not_json(raw: bytes) -> None:
    with pytest.raises(NotJson):
        decode(raw)


@pytest.mark.parametrize("raw", [b"[]", b'"entry"', b"1", b"null"])
def test_json_that_is_no_object(raw: bytes) -> None:
    with pytest.raises(InvalidBody):
        decode(raw)


def test_epoch_times_in_seconds_and_milliseconds() -> None:
    assert read_moment(1795377037) == read_moment(1795377037000) == datetime(2026, 11, 22, 19, 50, 37, tzinfo=UTC)
    assert read_moment(Decimal("1795377037.25")) == datetime(2026, 11, 22, 19, 50, 37, 250000, tzinfo=UTC)
    assert read_moment(10**30) is None
    assert read_moment(True) is None


def test_a_trades_id_may_be_a_number_and_other_text_may_not() -> None:
    assert parsed({**ENTRY, "trade_id": 17}).trade_id == "17"
    assert parsed({"action": "entry", "pair": "A/B", "trade_id": 17, "price": 1.5}).price == Decimal("1.5")
    for field in ("pair", "direction", "enter_tag", "stake_currency"):
        for wrong in (5, 1.5, True, ["A/B"], {"a": "b"}):
            with pytest.raises(InvalidBody) as caught:
                parse({**ENTRY, field: wrong})
            assert [error.field for error in caught.value.errors] == [field]


def test_numbers_that_are_none() -> None:
    for text in ("", " 1", "1 ", "0x10", "١", "1e", "--1", "Infinity", "1e-50"):
        assert read_number(text) is None
    assert read_number("-1.5E-3") == Decimal("-0.0015")
