"""Ten real bots on the same ten pairs download what one does, and see the candles that are there without the cache."""

from collections.abc import Iterator

import pytest

from support.one_download import PAIRS, Fleet, candles_of, running_fleet

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

KLINES = "/api/v3/klines"
ALLOWED = 1.2


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with running_fleet(tmp_path_factory.mktemp("fleet"), 10, 600) as running:
        yield running


def test_they_ask_the_exchange_hardly_more_than_one_bot(fleet: Fleet) -> None:
    fleet.forget()
    asked = fleet.asked()
    fleet.candle()
    lone, many = fleet.calls()
    assert lone[KLINES] == len(PAIRS), "one candle each"
    assert many.total() <= ALLOWED * lone.total(), (lone, many)
    assert fleet.asked() - asked >= 10 * len(PAIRS), "while they asked the cache each for itself"


def test_they_see_the_candles_that_are_there_without_the_cache(fleet: Fleet) -> None:
    alone = candles_of(fleet.lone)
    for bot in fleet.many:
        seen = candles_of(bot)
        assert seen.keys() == alone.keys()
        for pair, rows in seen.items():
            common = rows.keys() & alone[pair].keys()
            assert len(common) >= 490, (bot.folder, pair)
            assert {at: rows[at] for at in common} == {at: alone[pair][at] for at in common}, (bot.folder, pair)
