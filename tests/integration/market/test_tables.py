"""The tables of exchanges against the real ccxt: what it asks is known for what it is, and is seen to be public."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from btcwatcher_api.market.endpoints import Candles, Data, Endpoint
from btcwatcher_api.market.privacy import Privacy, privacy
from btcwatcher_api.market.questions import Args, normalised, split_query
from btcwatcher_api.market.tables import table_of

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tests/support/ccxt_questions.py"
EXCHANGES = ("binance", "okx", "bybit", "kraken", "gate", "kucoin", "bitget")
PLAIN = ("Host", "User-Agent", "Accept", "Accept-Encoding", "Connection")


class Asked(NamedTuple):
    exchange: str
    kind: str
    question: str
    method: str
    where: str
    """Below the exchange in the cache."""
    headers: list[str]

    @property
    def endpoint(self) -> Endpoint:
        api, _, path = self.where.partition("?")[0].partition("/")
        return table_of(self.exchange).find(api, path)

    @property
    def args(self) -> Args:
        return split_query(self.where.partition("?")[2])

    @property
    def candles(self) -> Candles:
        assert self.endpoint.candles is not None, self
        return self.endpoint.candles


@pytest.fixture(scope="module")
def asked() -> list[Asked]:
    command = [str(ROOT / ".tools/freqtrade/bin/python"), str(SCRIPT), *EXCHANGES]
    said = subprocess.run(command, check=True, capture_output=True, timeout=120).stdout
    return [Asked(*msgspec.json.decode(line)) for line in said.splitlines()]


def test_each_question_is_known_for_what_it_is(asked: list[Asked]) -> None:
    assert not [(one, one.endpoint.data) for one in asked if one.endpoint.data is not expected(one)]
    for exchange in EXCHANGES:
        seen = {one.question for one in asked if one.exchange == exchange}
        assert seen >= {"candles", "markets", "ticker", "book", "trades", "clock"}, exchange


def expected(one: Asked) -> Data:
    # KuCoin's futures have their tickers in the list of contracts.
    return Data.MARKETS if one.where.endswith("contracts/active") else Data(one.question)


def of_candles(asked: list[Asked]) -> list[Asked]:
    return [one for one in asked if one.question == "candles"]


def test_the_length_of_candles_is_known(asked: list[Asked]) -> None:
    for one in of_candles(asked):
        assert one.candles.span(dict(one.args)) in (300_000, 3_600_000, 86_400_000), one


def test_bounds_are_shared_by_who_asks_within_one_candle(asked: list[Asked]) -> None:
    """`since` was 10 s after an edge of five minutes: all bounds made from it become the unit after an edge."""
    for one in of_candles(asked):
        for name, value in normalised(one.args, one.candles):
            if one.candles.bounds(name):
                grid = (one.candles.grid(dict(one.args)) or 0) // one.candles.bound_unit_ms
                assert int(value) % grid in (0, 1, grid - 1), (one, name)


def test_each_question_is_seen_to_be_public(asked: list[Asked]) -> None:
    for one in asked:
        assert privacy(one.method, [*PLAIN, *one.headers], one.args, False) is Privacy.PUBLIC, one
