"""What a report is made of, from what was read."""

import base64
from datetime import UTC, datetime

from btcwatcher_plugin.collect import Found
from btcwatcher_plugin.report import contents

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
SECRET = {
    "kind": "Secret",
    "metadata": {"name": "keys", "namespace": "trading"},
    "data": {"key": base64.b64encode(b"exchange-key-0001").decode()},
}


def test_values_of_secrets_are_taken_out_of_logs_too() -> None:
    found = Found(
        objects={"secrets": [SECRET], "pods": []},
        logs={"trading/ema-0/freqtrade": "ccxt refused exchange-key-0001 at https://u:p4ssword@proxy:1080/ own-token"},
        unreadable=["log of trading/ema-0/freqtrade (exchange-key-0001)"],
    )
    files = contents(found, NOW, "own-token")
    assert (
        "ccxt refused [redacted] at https://[redacted]@proxy:1080/ [redacted]"
        in files["logs/trading/ema-0/freqtrade.log"]
    )
    assert "exchange-key-0001" not in "".join(files.values())
    assert "every value of the 1 Secrets that could be read" in files["README.txt"]


def test_without_secrets_it_says_that_only_looks_were_gone_by() -> None:
    readme = contents(Found(unreadable=["secrets (Forbidden)"]), NOW)["README.txt"]
    assert "no Secrets could be read, so values without such a look may be in it" in readme
    assert "- secrets (Forbidden)" in readme
