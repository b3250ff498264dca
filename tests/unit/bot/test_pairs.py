import pytest

from btcwatcher_bot.pairs import Market, PairCheck, check_pairs

MARKETS: dict[str, Market] = {
    "BTC/USDT": {"quote": "USDT", "active": True},
    "ETH/USDT": {"quote": "USDT"},
    "OLD/USDT": {"quote": "USDT", "active": False},
    "ETH/BTC": {"quote": "BTC", "active": True},
    "BTC/USDT:USDT": {"quote": "USDT", "future": True},
}


def check(*whitelist: str, blacklist: tuple[str, ...] = ()) -> PairCheck:
    return check_pairs(whitelist, blacklist, MARKETS, "USDT", "Binance", lambda market: "future" not in market)


def test_all_there() -> None:
    assert check("BTC/USDT", "ETH/USDT") == PairCheck(("BTC/USDT", "ETH/USDT"), {})


def test_each_missing_pair_with_its_reason() -> None:
    assert check("BTC/USDT", "FOO/USDT", "OLD/USDT", "ETH/BTC", "BTC/USDT:USDT").missing == {
        "FOO/USDT": "not on Binance",
        "OLD/USDT": "its market is closed",
        "ETH/BTC": "quoted in BTC, the stake is USDT",
        "BTC/USDT:USDT": "not tradable in this trading mode",
    }


def test_patterns_match_markets_and_say_when_they_match_none() -> None:
    assert check(".*/USDT").traded == ("BTC/USDT", "ETH/USDT")
    assert check(".*/USDT").missing == {}
    assert check(".*/EUR").missing == {".*/EUR": "not on Binance"}
    with pytest.raises(ValueError, match="neither a pair nor a pattern"):
        check("*/USDT")


def test_blacklist_leaves_nothing() -> None:
    assert check("BTC/USDT", blacklist=("BTC/.*",)) == PairCheck((), {})


def test_message_names_a_dozen() -> None:
    message = check(*(f"C{number}/USDT" for number in range(15))).message
    assert message.startswith("freqtrade will not trade C0/USDT (not on Binance), C1/USDT")
    assert message.endswith("C11/USDT (not on Binance) and 3 more")
