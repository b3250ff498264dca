"""What the market-data cache changes in a bot: where its config leads, and what its pod is told."""

import json
from typing import Any

import pytest

from btcwatcher_crds import names
from btcwatcher_crds.exchange import Exchange, WhenAway
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.bot_config import bot_config
from btcwatcher_operator.children.build import render_revision
from btcwatcher_operator.children.market import Market, goes_its_own_way
from btcwatcher_operator.children.proxies import ProxySource

from .test_children import PLATFORM, edited, load

CACHE = "http://btcwatcher-market.btcwatcher.svc:8090"


def market(name: str, when_away: WhenAway = WhenAway.WAIT) -> Market:
    return Market(CACHE, name, Exchange.model_validate({"metadata": {"name": name}}).upstreams, when_away)


def exchange_of(strategy: Strategy, cache: Market | None) -> dict[str, Any]:
    found: dict[str, Any] = bot_config(strategy, PLATFORM, 8081, cache)["exchange"]
    return found


def environment(strategy: Strategy, cache: Market | None, *proxies: str) -> dict[str, str]:
    ways = [ProxySource(name, "s", "url") for name in proxies]
    pod = render_revision(strategy, PLATFORM, 8081, None, ways, cache).template["spec"]
    (first, second) = (
        {one["name"]: one["value"] for one in container["env"]}
        for container in (*pod["initContainers"], *pod["containers"])
    )
    assert first == second, "the preflight asks as the bot does"
    return {name: value for name, value in first.items() if name.startswith("BTCWATCHER_MARKET")}


def test_public_addresses_lead_to_the_cache_and_no_others() -> None:
    strategy = load("minimal")
    with_it, without = exchange_of(strategy, market("binance")), exchange_of(strategy, None)
    urls = with_it.pop("ccxt_config")["urls"]["api"]
    assert urls["public"] == f"{CACHE}/binance/public"
    assert urls["fapiPublic"] == f"{CACHE}/binance/fapiPublic"
    assert not [key for key in urls if "private" in key.lower() or key.startswith(("sapi", "papi"))]
    assert with_it == {**without, "enable_ws": False}


def test_nested_addresses_stay_nested() -> None:
    urls = exchange_of(load("minimal"), market("gate"))["ccxt_config"]["urls"]["api"]
    assert set(urls) == {"public"}
    assert urls["public"]["spot"] == f"{CACHE}/gate/public.spot"


def test_platforms_defaults_lie_under_it_and_the_users_own_over_it() -> None:
    strategy = edited(load("minimal"), config={"exchange": {"enable_ws": True, "ccxt_config": {"timeout": 5}}})
    found = exchange_of(strategy, market("binance"))
    assert found["enable_ws"] is True
    assert found["ccxt_config"]["timeout"] == 5
    assert found["ccxt_config"]["urls"]["api"]["public"] == f"{CACHE}/binance/public"


@pytest.mark.parametrize(
    ("asked", "defaults", "own"),
    [
        ({}, {}, False),
        ({"exchange": {"ccxt_config": {"timeout": 5}}}, {}, False),
        ({"exchange": {"ccxt_config": {"urls": {"api": {"public": "http://mine"}}}}}, {}, True),
        ({"exchange": {"ccxt_async_config": {"aiohttp_proxy": "http://mine"}}}, {}, True),
        ({}, {"exchange": {"ccxt_config": {"httpsProxy": "http://desk"}}}, True),
        ({}, {"exchange": {"ccxt_config": {"urls": {"api": {"public": "http://paper"}}}}}, False),
    ],
)
def test_who_has_a_way_of_its_own_keeps_it(asked: Any, defaults: Any, own: bool) -> None:
    assert goes_its_own_way(asked, defaults) is own


def test_the_wrapper_is_told_only_where_it_has_work() -> None:
    strategy = load("minimal")
    assert environment(strategy, None, "tokyo") == {}
    assert environment(strategy, market("binance")) == {}, "a bot that waits needs no forwarder"
    past_proxies = environment(strategy, market("binance"), "tokyo")
    assert past_proxies == {names.ENV_MARKET: CACHE, names.ENV_MARKET_DIRECT: "{}"}
    direct = environment(strategy, market("kraken", WhenAway.DIRECT))
    assert json.loads(direct[names.ENV_MARKET_DIRECT]) == {f"{CACHE}/kraken/public": "https://api.kraken.com"}


def test_it_is_the_platforms_change_and_not_the_strategys() -> None:
    strategy = load("minimal")
    before = render_revision(strategy, PLATFORM, 8081, "source")
    after = render_revision(strategy, PLATFORM, 8081, "source", (), market("binance"))
    assert (before.asked, before.name) != (after.asked, after.name)
    assert before.asked == after.asked
    direct = render_revision(strategy, PLATFORM, 8081, "source", (), market("binance", WhenAway.DIRECT))
    assert direct.name != after.name
