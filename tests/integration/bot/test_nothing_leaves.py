"""On the embedded cluster no call of a bot, signed or not, may reach the real exchange."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_local.exchange.defaults import exchange_defaults

pytestmark = pytest.mark.integration


def test_every_api_root_that_ccxt_knows_is_the_paper_exchange(freqtrade_python: Path) -> None:
    defaults: Any = exchange_defaults("http://127.0.0.1:9000")
    code = "import ccxt, json, sys; print(json.dumps(ccxt.binance(json.load(sys.stdin)).urls['api']))"
    config = json.dumps(defaults["exchange"]["ccxt_config"])
    done = subprocess.run([str(freqtrade_python), "-c", code], input=config, capture_output=True, text=True, check=True)
    roots = json.loads(done.stdout)
    assert "private" in roots
    assert {name: url for name, url in roots.items() if not url.startswith("http://127.0.0.1:9000/")} == {}
