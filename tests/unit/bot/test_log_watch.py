import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from btcwatcher_bot.heartbeat import Liveness
from btcwatcher_bot.log_watch import LogWatch
from btcwatcher_bot.termination import Failure, Reason


@pytest.fixture
def taken() -> list[str]:
    return []


@pytest.fixture
def liveness() -> Liveness:
    return Liveness(patience=10)


@pytest.fixture
def watch(taken: list[str], liveness: Liveness) -> Iterator[LogWatch]:
    before = logging.getLogRecordFactory()
    watch = LogWatch(Path("strategy.py"), liveness, taken.append)
    watch.install()
    yield watch
    logging.setLogRecordFactory(before)


def test_heartbeat_is_seen_without_any_handler(watch: LogWatch, liveness: Liveness) -> None:
    logger = logging.getLogger("freqtrade.worker")
    logger.setLevel(logging.INFO)
    logger.info("Changing state to: RUNNING")
    assert not liveness.came_round
    logger.info("Bot heartbeat. PID=%d, version='2026.9', state='RUNNING'", 1)
    assert liveness.came_round


def test_tells_of_each_sign_of_the_loop_and_of_a_reload(liveness: Liveness) -> None:
    before = logging.getLogRecordFactory()
    signs: list[bool] = []
    LogWatch(Path("strategy.py"), liveness, lambda words: None, lambda now, reloaded: signs.append(reloaded)).install()
    try:
        logger = logging.getLogger("freqtrade.worker")
        logger.setLevel(logging.INFO)
        logger.info("Changing state to: RUNNING")
        logger.info("Bot heartbeat. PID=%d, version='2026.9', state='RUNNING'", 1)
        logger.info("Changing state from RUNNING to: RELOAD_CONFIG")
        logger.info("Changing state from RELOAD_CONFIG to: RUNNING")
        logger.info("Config reloaded")
    finally:
        logging.setLogRecordFactory(before)
    assert signs == [False, False, False, True]


def test_the_fatal_line_counts_and_brings_its_cause(watch: LogWatch) -> None:
    logging.getLogger("freqtrade.exchange.exchange").error("Could not load markets.")
    logging.getLogger("freqtrade.exchange.common").error("binance GET exchangeInfo 503")
    logging.getLogger("freqtrade").error("Could not load markets, therefore cannot start.")
    failure = watch.failure("otherwise")
    assert failure.reason is Reason.EXCHANGE_UNREACHABLE
    assert failure.message == "Could not load markets, therefore cannot start.\nbinance GET exchangeInfo 503"


def test_keys_that_the_exchange_refuses_are_no_exchange_that_is_away(watch: LogWatch) -> None:
    class AuthenticationError(Exception):
        pass

    class TemporaryError(Exception):
        pass

    try:
        try:
            raise AuthenticationError('binance {"code":-2015,"msg":"Invalid API-key"}')
        except AuthenticationError as error:
            said = f"Error in reload_markets due to {type(error).__name__}. Message: {error}"
            raise TemporaryError(said) from error
    except TemporaryError:
        logging.getLogger("freqtrade.exchange.exchange").exception("Could not load markets.")
    logging.getLogger("freqtrade").error("Could not load markets, therefore cannot start.")
    assert watch.failure("otherwise") == Failure(Reason.CREDENTIALS_REFUSED, said)


def test_the_exception_being_handled_is_seen_in_a_plain_error_line(watch: LogWatch) -> None:
    class ConfigurationError(Exception):
        pass

    try:
        raise ConfigurationError("stake is too small")
    except ConfigurationError as error:
        logging.getLogger("freqtrade").error("Configuration error: %s\nPlease read the documentation.", error)
    failure = watch.failure("otherwise")
    assert (failure.reason, failure.message) == (Reason.CONFIG_INVALID, "stake is too small")


def test_unknown_class_is_an_import_failure_when_the_file_did_not_import(watch: LogWatch) -> None:
    try:
        raise ModuleNotFoundError("No module named 'x'")
    except ModuleNotFoundError as error:
        logging.getLogger("freqtrade.resolvers.iresolver").warning("Could not import %s due to '%s'", "f", error)
    logging.getLogger("freqtrade").error("This class does not exist or contains Python code errors.")
    failure = watch.failure("otherwise")
    assert failure.reason is Reason.STRATEGY_IMPORT_FAILED
    assert "No module named 'x'" in failure.message


def test_without_an_error_the_caller_says_what_happened(watch: LogWatch) -> None:
    logging.getLogger("freqtrade").warning("nothing special")
    assert watch.failure("ended with 0").message == "ended with 0"


def test_taken_port_is_reported_at_once(watch: LogWatch, taken: list[str]) -> None:
    logging.getLogger("uvicorn.error").error("[Errno 98] error while attempting to bind: address already in use")
    assert len(taken) == 1


def test_malformed_log_call_is_no_trouble(watch: LogWatch) -> None:
    record = logging.getLogRecordFactory()("freqtrade", logging.ERROR, "f", 1, "%d pairs", ("many",), None)
    assert record.levelno == logging.ERROR
    assert watch.failure("otherwise").message == "%d pairs"


def test_the_error_for_which_trading_stopped_is_kept_until_it_goes_on(watch: LogWatch, liveness: Liveness) -> None:
    logger = logging.getLogger("freqtrade.worker")
    logger.setLevel(logging.INFO)
    logging.getLogger("freqtrade.rpc").error("something else")
    try:
        raise OSError("the account is locked")
    except OSError:
        logger.exception("OperationalException. Stopping trader ...")
    # It tells of the state that the round began with.
    logger.info("Bot heartbeat. PID=1, version='2026.9', state='RUNNING'")
    logger.info("Changing state from RUNNING to: STOPPED")
    assert liveness.stopped
    assert watch.stopped_by is not None
    assert watch.stopped_by.message == "OSError: the account is locked"
    logger.info("Changing state from STOPPED to: RUNNING")
    assert not liveness.stopped
    assert watch.stopped_by is None
