import math
import subprocess
import sys
from pathlib import Path

from btcwatcher_local.exchange.markets import MARKETS
from btcwatcher_local.exchange.prices import TICK_MS, price, tick_of, volume

NOW_MS = 1_795_400_000_000
LOCAL = Path(__file__).parents[3] / "local"


def test_two_processes_agree() -> None:
    code = (
        "from btcwatcher_local.exchange.markets import MARKETS\n"
        "from btcwatcher_local.exchange.prices import price, volume\n"
        f"print([(price(m, {tick_of(NOW_MS)}), volume(m, {tick_of(NOW_MS)})) for m in MARKETS.values()])"
    )
    environment = {"PYTHONPATH": str(LOCAL), "PYTHONHASHSEED": "7"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    here = [(price(market, tick_of(NOW_MS)), volume(market, tick_of(NOW_MS))) for market in MARKETS.values()]
    assert said.stdout.strip() == str(here)


def test_enough_markets_with_sensible_precision() -> None:
    usdt = [market for market in MARKETS.values() if market.quote == "USDT"]
    assert len(usdt) >= 50
    assert any(market.quote == "BTC" for market in MARKETS.values())
    for market in MARKETS.values():
        now = price(market, tick_of(NOW_MS))
        assert market.tick_size < now / 100, f"{market.symbol}: a tick is no more than a percent"
        assert abs(math.log(now / market.reference_price)) < 0.7
        lot_in_usdt = 10**-market.amount_decimals * MARKETS[market.base + "USDT"].reference_price
        assert lot_in_usdt < 1.5, f"{market.symbol}: small stakes are possible"


def test_a_coin_swings_a_few_percent_within_a_quarter_of_an_hour() -> None:
    first = tick_of(NOW_MS)
    for market in MARKETS.values():
        prices = [price(market, tick) for tick in range(first, first + 15 * 60_000 // TICK_MS)]
        assert 0.015 < max(prices) / min(prices) - 1 < 0.20, market.symbol


def test_cross_rate_is_the_ratio_of_its_coins() -> None:
    tick = tick_of(NOW_MS)
    ratio = price(MARKETS["ETHUSDT"], tick) / price(MARKETS["BTCUSDT"], tick)
    assert math.isclose(price(MARKETS["ETHBTC"], tick), ratio, rel_tol=1e-4)
