import json
from pathlib import Path

import pytest

from btcwatcher_bot.credentials import known_secrets
from btcwatcher_bot.scrub import scrub
from btcwatcher_bot.termination import Failure, Reason, to_json


def test_what_the_bot_was_given_is_hidden_wherever_it_stands(tmp_path: Path) -> None:
    access, netrc = tmp_path / "api-server.json", tmp_path / "netrc"
    access.write_text(json.dumps({"api_server": {"username": "operator", "password": "pw-of-the-api"}}))
    netrc.write_text("machine api login desk.ema password token-of-the-webhook\n")
    secrets = known_secrets({"key": "the-exchange-key", "secret": "the-exchange-key-and-more"}, access, netrc)
    said = "operator: the-exchange-key-and-more, the-exchange-key/pw-of-the-api token-of-the-webhook."
    assert scrub(said, secrets) == "operator: ***, ***/*** ***."
    assert known_secrets({}, tmp_path / "none", tmp_path / "none") == []


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (
            "binance GET https://api.binance.com/api/v3/account?timestamp=1&signature=abc123&recvWindow=5 400",
            "binance GET https://api.binance.com/api/v3/account?timestamp=1&signature=***&recvWindow=5 400",
        ),
        ("cannot connect to socks5://joe:hunter2@proxy:1080", "cannot connect to socks5://***@proxy:1080"),
        ("{'apiKey': 'abcdef', 'uid': 1}", "{'apiKey': '***', 'uid': 1}"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        # Words that only sound like it.
        ("Invalid API-key, IP, or permissions for action.", "Invalid API-key, IP, or permissions for action."),
        ("KeyError: 'token'", "KeyError: 'token'"),
        ("strategy.py:12 in populate_indicators: x = y", "strategy.py:12 in populate_indicators: x = y"),
    ],
)
def test_what_goes_by_a_secrets_name_is_hidden_and_nothing_else(said: str, left: str) -> None:
    assert scrub(said) == left


def test_a_value_too_short_to_be_a_secret_tears_no_holes() -> None:
    assert scrub("an error in a bar", ["a", "bar"]) == "an error in a bar"


def test_a_termination_message_is_scrubbed() -> None:
    failure = Failure(Reason.BOT_EXITED, "secret=abc; a-known-secret").without(["a-known-secret"])
    assert json.loads(to_json(failure))["message"] == "secret=***; ***"
