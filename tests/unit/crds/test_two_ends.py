"""What stands in two environments that cannot import each other says the same in both."""

import json
from pathlib import Path

from btcwatcher_bot import places
from btcwatcher_bot.monitor import STOPPED_PREFIX
from btcwatcher_bot.proxies import settings
from btcwatcher_bot.termination import Failure, Reason, to_json
from btcwatcher_crds import names
from btcwatcher_crds.termination import TerminationReason, parse
from btcwatcher_operator.children.market import PROXY_SETTINGS
from btcwatcher_operator.children.webhook_messages import MESSAGE_FIELDS, message_template

EXAMPLE = Path(__file__).parents[3] / "images" / "freqtrade" / "config.example.json"


def test_the_wrapper_and_the_operator_know_the_same_reasons() -> None:
    assert {reason.value for reason in Reason} == {reason.value for reason in TerminationReason}


def test_the_operator_reads_what_the_wrapper_writes() -> None:
    failure = Failure(Reason.PAIRS_MISSING, 'no "FOO/USDT" on 币安', ("FOO/USDT",))
    said = parse(to_json(failure))
    assert said is not None
    assert (said.reason, said.message, said.missing_pairs) == (failure.reason.value, failure.message, ["FOO/USDT"])


def test_both_mean_the_same_files() -> None:
    assert str(places.CONFIG) == f"{names.MOUNT_REVISION}/{names.CONFIG_FILE}"
    assert str(places.SOURCE) == f"{names.MOUNT_REVISION}/{names.SOURCE_FILE}"
    assert str(places.API_ACCESS) == f"{names.MOUNT_ACCESS}/{names.API_SERVER_FILE}"
    assert str(places.STATE) == f"{names.MOUNT_ACCESS}/{names.STATE_FILE}"
    assert str(places.CREDENTIALS) == names.MOUNT_CREDENTIALS
    assert str(places.DATA) == names.MOUNT_DATA
    assert str(places.READY) == names.READY_FILE
    assert str(places.ALIVE) == names.ALIVE_FILE
    assert str(places.STARTED) == names.STARTED_FILE
    assert str(places.STOPPED) == names.STOPPED_FILE
    assert STOPPED_PREFIX == names.STOPPED_PREFIX


def test_both_know_ccxts_proxy_settings_and_the_names_of_the_environment() -> None:
    assert PROXY_SETTINGS == settings.PROXY_SETTINGS
    environment = {names.ENV_MARKET: "http://market:8090", names.ENV_MARKET_DIRECT: '{"http://market:8090/a/b": "c"}'}
    found = places.settings_of(environment)
    assert (found.market, found.market_direct) == ("http://market:8090", {"http://market:8090/a/b": "c"})


def test_the_operator_renders_the_messages_that_were_held_against_freqtrade() -> None:
    """The integration tests of the bot hold this file's templates against freqtrade's own message types."""
    example = json.loads(EXAMPLE.read_text())["webhook"]
    tested = {name: fields for name, fields in example.items() if isinstance(fields, dict)}
    assert {name: message_template(name, "trading.ema-cross") for name in MESSAGE_FIELDS} == tested
