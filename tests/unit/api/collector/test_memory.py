"""What is read again, and which fills wait how long."""

from datetime import UTC, datetime, timedelta

from btcwatcher_api.collector.bot_api import Order, Trade
from btcwatcher_api.collector.fills import fills_of
from btcwatcher_api.collector.memory import Memory

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)


def trade(identity: int, opened: datetime, closed: datetime | None = None, *, filled: bool = True) -> Trade:
    def order(name: str, side: str, at: datetime) -> Order:
        return Order(
            order_id=f"{identity}-{name}",
            ft_order_side=side,
            is_open=not filled,
            safe_price=1.0,
            filled=1.0 if filled else 0.0,
            order_filled_timestamp=_stamp(at),
        )

    orders = [order("in", "buy", opened)] + ([order("out", "sell", closed)] if closed else [])
    return Trade(
        trade_id=identity,
        pair="BTC/USDT",
        is_open=closed is None,
        is_short=False,
        open_timestamp=_stamp(opened),
        stake_amount=1.0,
        quote_currency="USDT",
        orders=orders,
        close_timestamp=_stamp(closed) if closed else None,
    )


def _stamp(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def test_the_first_visit_reads_back_to_the_oldest() -> None:
    memory = Memory(since=LONG_AGO)
    assert not memory.read_enough([], [trade(1, NOW, NOW)], LONG_AGO)
    before = trade(2, LONG_AGO - timedelta(days=2), LONG_AGO - timedelta(days=1))
    assert memory.read_enough([], [trade(1, NOW, NOW), before], LONG_AGO)


def test_later_visits_read_what_closed_since_and_what_was_open() -> None:
    memory = Memory(since=LONG_AGO)
    memory.visited([trade(1, NOW), trade(2, NOW, filled=False)], NOW)
    older = trade(8, NOW - timedelta(hours=2), NOW - timedelta(hours=1))
    newer = trade(9, NOW, NOW + timedelta(minutes=1))
    assert memory.read_enough([trade(1, NOW)], [newer, older], LONG_AGO)
    assert not memory.read_enough([trade(1, NOW)], [newer], LONG_AGO), "there may be more on the next page"
    assert not memory.read_enough([], [newer, older], LONG_AGO), "trade 1 closed, by an earlier date than was thought"
    closed = trade(1, NOW, NOW - timedelta(minutes=90))
    assert memory.read_enough([], [newer, older, closed], LONG_AGO)
    assert memory.open_ids == {1}, "an entry without a fill may be cancelled: its trade is then gone for good"


def test_a_fill_waits_for_its_webhook_first() -> None:
    memory = Memory(since=LONG_AGO)
    one = trade(1, NOW)
    memory.take([one], [], LONG_AGO, now=100.0)
    assert memory.due(before=99.0) == []
    memory.take([one], [], LONG_AGO, now=130.0)
    assert memory.due(before=110.0) == fills_of(one)


def test_what_has_its_signal_is_not_looked_at_again() -> None:
    memory = Memory(since=LONG_AGO)
    one = trade(1, NOW)
    memory.take([one], [], LONG_AGO, now=100.0)
    memory.settle(memory.due(200.0), missing=[])
    memory.take([one], [], LONG_AGO, now=130.0)
    assert memory.due(200.0) == []
    later = trade(1, NOW, NOW + timedelta(minutes=1))
    memory.take([], [later], LONG_AGO, now=160.0)
    assert memory.due(200.0) == fills_of(later), "all fills of a trade with a new one are matched together"
    assert memory.due(150.0) == []


def test_what_is_still_missing_is_looked_at_again() -> None:
    memory = Memory(since=LONG_AGO)
    one = trade(1, NOW)
    memory.take([one], [], LONG_AGO, now=100.0)
    memory.settle(memory.due(200.0), missing=fills_of(one))
    memory.take([], [], LONG_AGO, now=130.0)
    assert memory.due(200.0) == fills_of(one), "though the last visit did not see its trade"


def test_a_trade_that_closes_between_two_answers_is_taken_as_closed() -> None:
    memory = Memory(since=LONG_AGO)
    opened, closed = trade(1, NOW), trade(1, NOW, NOW + timedelta(minutes=1))
    memory.take([opened], [], LONG_AGO, now=100.0)
    memory.settle(memory.due(200.0), missing=[])
    memory.take([opened], [closed], LONG_AGO, now=130.0)
    assert memory.due(200.0) == fills_of(closed)
    memory.settle(memory.due(200.0), missing=[])
    memory.take([], [closed], LONG_AGO, now=160.0)
    assert memory.due(200.0) == []


def test_old_fills_are_left_alone() -> None:
    memory = Memory(since=LONG_AGO)
    memory.take([trade(1, LONG_AGO - timedelta(days=1))], [], LONG_AGO, now=100.0)
    assert memory.due(200.0) == []
    assert memory.waiting == {}


def test_what_is_not_seen_any_more_is_forgotten() -> None:
    memory = Memory(since=LONG_AGO)
    memory.take([], [trade(1, NOW, NOW)], LONG_AGO, now=100.0)
    memory.settle(memory.due(200.0), missing=[])
    assert len(memory.settled) == 1
    memory.take([], [], LONG_AGO, now=130.0)
    assert (memory.settled, memory.seen, memory.waiting) == ({}, {}, {})


def test_what_was_closed_is_remembered_while_it_is_not_read() -> None:
    memory = Memory(since=LONG_AGO)
    memory.take([], [trade(1, NOW, NOW)], LONG_AGO, now=100.0)
    memory.settle(memory.due(200.0), missing=[])
    memory.take([], None, LONG_AGO, now=130.0)
    memory.take([], [trade(1, NOW, NOW)], LONG_AGO, now=160.0)
    assert memory.waiting == {}


def test_closed_trades_are_read_when_an_open_one_has_gone_or_come() -> None:
    memory = Memory(since=LONG_AGO)
    memory.visited([trade(1, NOW)], NOW)
    assert memory.same_open([trade(1, NOW), trade(2, NOW, filled=False)])
    assert not memory.same_open([])
    assert not memory.same_open([trade(1, NOW), trade(2, NOW)])
