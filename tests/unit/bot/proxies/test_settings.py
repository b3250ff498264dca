import json

import pytest

from btcwatcher_bot.proxies.settings import conflict, proxied


def test_no_name_and_no_password_but_the_forwarders_address() -> None:
    fragment = json.dumps(proxied("http://127.0.0.1:5"))
    assert fragment.count("http://127.0.0.1:5") == 4
    assert "@" not in fragment


@pytest.mark.parametrize(
    ("section", "setting"),
    [
        ("ccxt_config", "httpsProxy"),
        ("ccxt_sync_config", "proxies"),
        ("ccxt_async_config", "aiohttp_proxy"),
        ("ccxt_config", "aiohttpProxy"),
        ("ccxt_config", "ws_socks_proxy"),
        ("ccxt_config", "requests_trust_env"),
    ],
)
def test_a_config_with_a_way_of_its_own_is_refused(section: str, setting: str) -> None:
    words = conflict({section: {setting: "http://elsewhere"}})
    assert words is not None
    assert f"exchange.{section}.{setting}" in words
    assert "elsewhere" not in words, "it may hold a password"


def test_other_settings_of_ccxt_are_the_users() -> None:
    assert conflict({"name": "binance", "ccxt_config": {"options": {"defaultType": "swap"}, "timeout": 30000}}) is None
    assert conflict({"ccxt_config": None}) is None
