"""The table of known exchanges says what ccxt says, the very one that the bots run."""

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_crds.exchange import Exchange
from btcwatcher_crds.known_exchanges import KNOWN_EXCHANGES

PYTHON = Path(__file__).parents[3] / ".tools" / "freqtrade" / "bin" / "python"
BINANCES_WEIGHT = 5
"""ccxt counts a call of Binance's weight 5 as one."""

DESCRIBE = """
import json, sys, ccxt
found = {}
for name in sys.argv[1:]:
    exchange = getattr(ccxt, name)()
    found[name] = [exchange.urls["api"], getattr(exchange, "hostname", None), 60000 / exchange.rateLimit]
print(json.dumps(found))
"""


@cache
def described() -> dict[str, Any]:
    out = subprocess.run([PYTHON, "-c", DESCRIBE, *KNOWN_EXCHANGES], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(out.stdout)
    return found


def at(urls: Any, key: str) -> str:
    for part in key.split("."):
        urls = urls[part]
    assert isinstance(urls, str)
    return urls


@pytest.mark.parametrize("name", KNOWN_EXCHANGES)
def test_addresses_are_ccxts(name: str) -> None:
    urls, hostname, _ = described()[name]
    known = KNOWN_EXCHANGES[name].upstreams
    assert {key: at(urls, key).replace("{hostname}", str(hostname)) for key in known} == known


@pytest.mark.parametrize("name", KNOWN_EXCHANGES)
def test_a_quarter_of_what_ccxt_allows_itself_is_left_to_signed_calls(name: str) -> None:
    _, _, calls = described()[name]
    allowed = calls * (BINANCES_WEIGHT if name == "binance" else 1)
    assert KNOWN_EXCHANGES[name].weight_per_minute <= 0.75 * allowed


@pytest.mark.parametrize("name", KNOWN_EXCHANGES)
def test_what_has_a_private_address_beside_it_is_public(name: str) -> None:
    urls, _, _ = described()[name]
    keys = " ".join(urls).lower()
    assert KNOWN_EXCHANGES[name].signed is ("private" not in keys)
    assert not any("private" in key.lower() for key in KNOWN_EXCHANGES[name].upstreams)


def exchange(name: str, **spec: object) -> Exchange:
    return Exchange.model_validate({"metadata": {"name": name}, "spec": spec})


def test_what_the_spec_names_takes_the_place_of_the_whole_table() -> None:
    given = exchange("binance", upstreams={"public": "http://127.0.0.1:8001/api/v3/"}, limits={"weightPerMinute": 7})
    assert given.upstreams == {"public": "http://127.0.0.1:8001/api/v3"}
    assert given.weight_per_minute == 7


def test_what_the_spec_leaves_out_comes_from_the_table() -> None:
    kraken = exchange("kraken")
    assert (kraken.upstreams, kraken.weight_per_minute) == ({"public": "https://api.kraken.com"}, 45)
    assert (exchange("nowhere").upstreams, exchange("nowhere").weight_per_minute) == ({}, 600)
