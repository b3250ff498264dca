"""Fifty real bots on the same ten pairs at the market-data cache, beside one without it: calls for the same candles.

Prints what each asked of its exchange, and what the fifty asked of the cache, over three candles and over the start.
"""

import os
from collections.abc import Iterator

import pytest

from support.one_download import PAIRS, Fleet, candles_of, running_fleet

pytestmark = pytest.mark.timeout(3600)

BOTS = int(os.environ.get("BTCWATCHER_BENCH_BOTS", "50"))
CANDLES = 3
KLINES = "/api/v3/klines"
GOAL = 1.2


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet"), BOTS, 1800) as running:
        yield running


def test_calls_for_the_same_candles(fleet: Fleet) -> None:
    lone, many = fleet.calls()
    print(f"\nfrom the start: one bot {dict(lone)}; the cache of {BOTS} {dict(many)}, asked {fleet.asked():.0f} times")
    fleet.forget()
    asked = fleet.asked()
    for _ in range(CANDLES):
        fleet.candle(600)
    lone, many = fleet.calls()
    ratio = many.total() / lone.total()
    print(
        f"{CANDLES} candles of {len(PAIRS)} pairs: one bot {lone[KLINES]} calls, the cache of {BOTS} {many[KLINES]}, "
        f"asked {fleet.asked() - asked:.0f} times; ratio {ratio:.2f} (goal {GOAL})"
    )
    assert ratio <= GOAL
    alone = candles_of(fleet.lone)
    for bot in fleet.many:
        for pair, rows in candles_of(bot).items():
            common = rows.keys() & alone[pair].keys()
            assert {at: rows[at] for at in common} == {at: alone[pair][at] for at in common}, (bot.folder, pair)
