"""Keys that tell a retry from a new event."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_api.signals.bodies import parse
from btcwatcher_api.signals.dedup import EventKey, event_key, first_id_at, order_key, signal_id, time_range_of

REAL: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "freqtrade_webhooks.json").read_text()
)
NOW = datetime(2026, 11, 22, 20, 0, 0, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=5)
WINDOW = timedelta(seconds=30)


def key(body: dict[str, Any], received: datetime = NOW, strategy: str = "trading.ema") -> EventKey:
    event = parse(body)
    assert event is not None
    return event_key(strategy, body, event, received, WINDOW)


@pytest.mark.parametrize("kind", ["entry", "exit", "exit_fill"])
def test_a_dated_event_has_one_key_for_ever(kind: str) -> None:
    body = REAL[kind]
    assert key(body) == key(dict(reversed(body.items())), LATER)
    assert key(body).seek_from is None


@pytest.mark.parametrize("kind", ["entry", "exit", "status"])
def test_two_strategies_never_share_a_key(kind: str) -> None:
    assert key(REAL[kind]).key != key(REAL[kind], strategy="trading.other").key


@pytest.mark.parametrize(
    "change", [{"amount": "0.0017"}, {"open_date": "2026-11-22 19:50:37.289724+00:00"}, {"trade_id": "7"}, {"x": "y"}]
)
def test_any_difference_makes_another_event(change: dict[str, str]) -> None:
    assert key(REAL["entry"]).id != key({**REAL["entry"], **change}).id


def test_a_reused_trade_id_is_another_trade() -> None:
    again = {**REAL["entry"], "open_date": "2026-11-22 20:50:37.289723+00:00"}
    assert key(REAL["entry"]).id != key(again).id
    first, second = parse(REAL["entry"]), parse(again)
    assert first is not None
    assert second is not None
    assert order_key(first) != order_key(second)


def test_partial_exits_differ_in_their_time() -> None:
    first = {**REAL["exit_fill"], "sub_trade": "True", "is_final_exit": "False"}
    second = {**first, "close_date": "2026-11-22 19:51:41.104000+00:00"}
    assert key(first).id != key(second).id


@pytest.mark.parametrize(
    "body",
    [
        REAL["status"],
        REAL["warning"],
        REAL["strategy_msg"],
        {**REAL["entry"], "sub_trade": "True"},
        {**REAL["entry_fill"], "sub_trade": "True"},
        {**REAL["entry"], "type": "entry_cancel"},
    ],
    ids=["status", "warning", "strategy_msg", "sub_trade entry", "sub_trade fill", "entry_cancel"],
)
def test_an_undated_event_is_sought_within_the_window(body: dict[str, Any]) -> None:
    first = key(body)
    assert (first.event_time, first.seek_from) == (NOW, NOW - WINDOW)
    assert key(body, LATER).key == first.key
    assert key(body, LATER).id != first.id


def test_the_fill_of_a_first_entry_is_sought_from_the_opening_of_its_trade() -> None:
    fill = key(REAL["entry_fill"], LATER)
    assert fill.event_time == LATER
    assert fill.seek_from is not None
    assert fill.seek_from < datetime(2026, 11, 22, 19, 50, 37, tzinfo=UTC)


def test_a_fill_dated_in_the_future_is_still_sought_within_the_window() -> None:
    fill = key({**REAL["entry_fill"], "open_date": "2027-11-22 19:50:37+00:00"})
    assert fill.seek_from == NOW - WINDOW


def test_ids_sort_by_time_and_tell_it() -> None:
    early, late = signal_id(NOW, b"\xff" * 16), signal_id(NOW + timedelta(milliseconds=1), b"\0" * 16)
    assert early < late
    assert (early.version, early.variant) == (8, "specified in RFC 4122")
    begin_end = time_range_of(early)
    assert begin_end is not None
    assert begin_end[0] <= NOW < begin_end[1]
    assert first_id_at(NOW) <= early < first_id_at(NOW + timedelta(milliseconds=1))


def test_an_order_key_knows_an_order_by_what_a_history_tells() -> None:
    event = parse(REAL["exit_fill"])
    assert event is not None
    assert order_key(event) == "2/20261122T195037Z/exit_fill/0.03332/3016.65079"
    padded = parse({**REAL["exit_fill"], "amount": "0.0333200", "close_rate": "3016.650790"})
    assert padded is not None
    assert order_key(padded) == order_key(event)
    status = parse(REAL["status"])
    assert status is not None
    assert order_key(status) is None
