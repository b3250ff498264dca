"""Which fills have no signal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations

from btcwatcher_api.collector.fills import Fill
from btcwatcher_api.collector.matching import StoredFill, missing
from btcwatcher_api.signals.types import SignalType

OPENED = datetime(2026, 11, 22, 19, 50, 37, 289000, tzinfo=UTC)


def fill(order_id: str, kind: SignalType = SignalType.ENTRY_FILL, price: str = "100", amount: str = "1") -> Fill:
    return Fill(
        type=kind,
        trade_id="1",
        opened_at=OPENED,
        order_id=order_id,
        pair="BTC/USDT",
        direction="long",
        filled_at=OPENED + timedelta(seconds=int(order_id)),
        price=Decimal(price),
        amount=Decimal(amount),
        stake=Decimal(100),
        stake_currency="USDT",
        sub_trade=False,
        enter_tag=None,
        exit_reason=None,
        profit_ratio=None,
        profit_amount=None,
    )


def row(one: Fill, **changes: object) -> StoredFill:
    """The row that the fill's webhook made: its opening has microseconds."""
    values = {
        "type": str(one.type),
        "trade_id": one.trade_id,
        "opened_at": one.opened_at + timedelta(microseconds=723),
        "price": one.price,
        "amount": one.amount,
        **changes,
    }
    return StoredFill(**values)  # type: ignore[arg-type]


def test_nothing_is_missing_when_every_fill_has_its_row() -> None:
    fills = [fill("1"), fill("2", SignalType.EXIT_FILL)]
    assert missing(fills, [row(one) for one in fills]) == []
    assert missing([], []) == []


def test_everything_is_missing_from_an_empty_table() -> None:
    fills = [fill("1"), fill("2", SignalType.EXIT_FILL)]
    assert missing(fills, []) == fills


def test_whichever_rows_of_a_trade_are_gone_those_are_found() -> None:
    fills = [
        fill("1", price="100", amount="1"),
        fill("2", price="98", amount="1"),
        fill("3", SignalType.EXIT_FILL, price="103", amount="0.5"),
        fill("4", SignalType.EXIT_FILL, price="104", amount="1.5"),
    ]
    for size in range(5):
        for kept in combinations(fills, size):
            assert missing(fills, [row(one) for one in kept]) == [one for one in fills if one not in kept]


def test_of_equal_orders_as_many_are_missing_as_rows_are() -> None:
    fills = [fill("1"), fill("2"), fill("3")]
    for rows in range(4):
        assert len(missing(fills, [row(fills[0])] * rows)) == 3 - rows


def test_an_amount_that_changed_after_its_message_is_no_other_fill() -> None:
    fills = [fill("1", price="100", amount="0.999"), fill("2", price="90", amount="0.999")]
    assert missing(fills, [row(fills[0], amount=Decimal(1)), row(fills[1], amount=Decimal(1))]) == []
    assert missing(fills, [row(fills[0], amount=Decimal(1))]) == [fills[1]], "the price tells which"
    assert missing(fills, [row(fills[0], price=None, amount=None)]) == [fills[1]], "the first, when nothing tells"


def test_an_id_that_was_used_again_is_another_trade() -> None:
    again = replace(fill("1"), opened_at=OPENED + timedelta(minutes=3))
    assert missing([again], [row(fill("1"))]) == [again]


def test_entries_and_exits_are_not_mixed_up() -> None:
    entry, leave = fill("1"), fill("2", SignalType.EXIT_FILL)
    assert missing([entry, leave], [row(entry)]) == [leave]


def test_rows_of_orders_not_read_yet_hide_nothing_for_long() -> None:
    first, second, third = fill("1", price="100"), fill("2", price="98"), fill("3", price="96")
    rows = [row(first), row(third)]
    assert missing([first, second], rows) == [], "the webhook of an order that was read later stands in for another"
    assert missing([first, second, third], rows) == [second], "until that order is read too"
