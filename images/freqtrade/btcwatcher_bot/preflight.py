"""Mode `preflight`: says what is wrong with a Strategy before a bot is started or disturbed.

freqtrade itself ends with status 0 after most bad configs and trades on with a strategy that raises. An exchange that
is away or slow is never held against a config: then nothing is said about pairs and stake currency.
"""

import json
import os
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from typing import Any

from btcwatcher_bot import places, slim, termination
from btcwatcher_bot.classify import failure_of, is_unreachable
from btcwatcher_bot.credentials import write_private
from btcwatcher_bot.heartbeat import Liveness
from btcwatcher_bot.log_watch import LogWatch
from btcwatcher_bot.pairs import check_pairs
from btcwatcher_bot.proxies.settings import conflict
from btcwatcher_bot.rendered import ConfigError, read_config
from btcwatcher_bot.termination import Failure, Reason

_EXCHANGE_SECONDS = 20.0
_ACCESS_STAND_IN = {
    "api_server": {
        "username": "preflight",
        "password": "preflight-does-not-listen",
        "jwt_secret_key": "preflight-does-not-listen-anywhere",
    }
}


class _RefusedError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def preflight() -> int:
    """Check the revision in the current directory; 0 when a bot may be started with it."""
    settings = places.settings_of(os.environ)
    watch = LogWatch(places.SOURCE, Liveness(settings.hang_seconds), lambda words: None)
    watch.install()
    deadline = _Deadline(settings)
    try:
        rendered = read_config(places.CONFIG)
        if settings.proxies and (words := conflict(rendered.exchange)):
            raise _RefusedError(Failure(Reason.CONFIG_INVALID, words))
        warning = _check(settings, watch, deadline)
    except ConfigError as error:
        return _tell(settings, Failure(Reason.CONFIG_INVALID, str(error)), 1)
    except _RefusedError as refused:
        return _tell(settings, refused.failure, 1)
    except Exception as error:
        if is_unreachable(error):
            _say(f"the exchange did not answer, so nothing is said about it: {error}")
            return 0
        traceback.print_exc()
        return _tell(settings, _explain(error, watch), 1)
    if warning is not None:
        return _tell(settings, warning, 0)
    _say("nothing wrong found")
    return 0


def _check(settings: places.Settings, watch: LogWatch, deadline: "_Deadline") -> Failure | None:
    """Raises for what is wrong; the warning, if there is one."""
    from freqtrade.configuration import Configuration
    from freqtrade.configuration.config_validation import validate_config_consistency
    from freqtrade.resolvers import ExchangeResolver, StrategyResolver

    slim.after_imports(os.environ)
    with tempfile.TemporaryDirectory(dir=places.RUN if places.RUN.is_dir() else None) as folder:
        arguments: dict[str, Any] = {
            "command": "trade",
            "config": [str(places.CONFIG), _access(Path(folder)), *_proxied(settings, Path(folder))],
            "user_data_dir": folder,
            "strategy_path": str(places.strategy_path()),
        }
        _check_schema(arguments["config"])
        config: dict[str, Any] = Configuration(arguments, None).get_config()
        # Neither keys nor account, not even for a Live bot: what is checked here is public.
        config["dry_run"] = True
        config["exchange"]["enable_ws"] = False
        exchange = ExchangeResolver.load_exchange(config, validate=False)
        exchange.validate_timeframes(config.get("timeframe"))
        sys.dont_write_bytecode = True
        deadline.start()
        strategy = StrategyResolver.load_strategy(config)
        validate_config_consistency(config)
        exchange.validate_timeframes(config["timeframe"])
        deadline.stop()
        warning, pair = _check_markets(config, exchange)
        if config.get("freqai", {}).get("enabled", False):
            _say("FreqAI would train a model: the strategy's methods are not tried")
            return warning
        from btcwatcher_bot.rehearsal import rehearse

        deadline.start()
        try:
            rehearse(strategy, config, exchange, pair)
        except Exception as error:
            if is_unreachable(error):
                raise
            traceback.print_exc()
            raise _RefusedError(_in_strategy(error)) from error
        deadline.stop()
        return warning


def _check_schema(files: list[str]) -> None:
    """Refuses what freqtrade's schema refuses, and names the setting: freqtrade does not, or fails before it looks."""
    from freqtrade.config_schema import CONF_SCHEMA
    from freqtrade.configuration.config_validation import FreqtradeValidator, best_match
    from freqtrade.configuration.load_config import load_from_files

    error = best_match(FreqtradeValidator(CONF_SCHEMA).iter_errors(load_from_files(files)))
    if error is not None:
        setting = ".".join(str(part) for part in error.absolute_path)
        words = f"{setting}: {error.message}" if setting else error.message
        raise _RefusedError(Failure(Reason.CONFIG_INVALID, words))


def _check_markets(config: dict[str, Any], exchange: Any) -> tuple[Failure | None, str]:
    """(warning about pairs, a pair to try the strategy with)."""
    whitelist: list[str] = list(config["exchange"]["pair_whitelist"])
    some_pair = whitelist[0] if whitelist else f"BTC/{config['stake_currency']}"
    markets = _markets(exchange)
    if not markets:
        _say("the exchange did not answer in time, so nothing is said about pairs and stake currency")
        return None, some_pair
    exchange.validate_config(config)
    if config["pairlists"][0].get("method") != "StaticPairList":
        return None, some_pair
    try:
        checked = check_pairs(
            whitelist,
            config["exchange"].get("pair_blacklist", []),
            markets,
            config["stake_currency"],
            exchange.name,
            exchange.market_is_tradable,
        )
    except ValueError as error:
        raise _RefusedError(Failure(Reason.CONFIG_INVALID, str(error))) from error
    missing = tuple(checked.missing)
    if not checked.traded:
        words = checked.message if missing else "every pair is on the blacklist"
        raise _RefusedError(Failure(Reason.PAIRS_MISSING, f"no pair is left to trade: {words}", missing))
    if missing:
        return Failure(Reason.PAIRS_MISSING, checked.message, missing), checked.traded[0]
    return None, checked.traded[0]


def _markets(exchange: Any) -> dict[str, Any]:
    """The exchange's markets, or {} when it does not give them in time."""

    def load() -> None:
        # From no route to nonsense in the answer: all of it is the exchange's trouble, none the config's.
        try:
            exchange.reload_markets(True, load_leverage_tiers=False)
        except Exception:
            traceback.print_exc()

    thread = threading.Thread(target=load, name="markets", daemon=True)
    thread.start()
    thread.join(_EXCHANGE_SECONDS)
    # Not `exchange.markets`: that would ask once more.
    return {} if thread.is_alive() else dict(exchange._markets)


def _access(folder: Path) -> str:
    """The API access file, or a stand-in where it is not mounted."""
    if places.API_ACCESS.exists():
        return str(places.API_ACCESS)
    path = folder / "api-server.json"
    path.write_text(json.dumps(_ACCESS_STAND_IN), encoding="utf-8")
    return str(path)


def _proxied(settings: places.Settings, folder: Path) -> list[str]:
    """The config that leads through the forwarder, if the bot has one: the preflight asks the exchange as it would."""
    if not settings.forwards:
        return []
    from btcwatcher_bot.proxies.start import listening

    path = folder / "proxies.json"
    fragment, _ = listening(settings, places.PROXIES)
    write_private(path, fragment)
    return [str(path)]


def _explain(error: Exception, watch: LogWatch) -> Failure:
    """The failure, with what freqtrade leaves out of its words."""
    failure = failure_of(error, str(error), places.SOURCE)
    if failure.reason is Reason.STRATEGY_NOT_FOUND:
        return watch.import_failure or _with_classes(failure)
    return failure


def _in_strategy(error: Exception) -> Failure:
    """What went wrong while the strategy was tried is the strategy's, also when it surfaces in freqtrade's code."""
    failure = failure_of(error, str(error), places.SOURCE)
    if failure.reason in (Reason.STRATEGY_RAISES, Reason.STRATEGY_IMPORT_FAILED):
        return Failure(Reason.STRATEGY_RAISES, failure.message)
    return Failure(Reason.STRATEGY_RAISES, f"{type(error).__name__}: {error}")


def _with_classes(failure: Failure) -> Failure:
    """The sentence about an unknown class, and the classes that the source does have, or why it has none."""
    import ast

    classes: list[str] = []
    try:
        tree = ast.parse(places.SOURCE.read_text(encoding="utf-8"))
    except SyntaxError as error:
        # freqtrade passes over a file that it cannot parse, without a word.
        line = (error.text or "").strip()
        words = f"{type(error).__name__}: {error.msg} ({places.SOURCE.name}:{error.lineno}: {line})"
        return Failure(Reason.STRATEGY_IMPORT_FAILED, words)
    except (OSError, ValueError):
        return failure
    classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    if not classes:
        return failure
    return Failure(failure.reason, f"{failure.message} The source defines {', '.join(classes)}.")


class _Deadline:
    """Ends the preflight when the strategy's own code does not come back."""

    def __init__(self, settings: places.Settings) -> None:
        self._settings = settings
        self._timer: threading.Timer | None = None
        self._main = threading.get_ident()

    def start(self) -> None:
        self._timer = threading.Timer(self._settings.preflight_seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _end(self) -> None:
        where = _where(self._main)
        words = f"did not come back within {self._settings.preflight_seconds:.0f} s{where}"
        _tell(self._settings, Failure(Reason.STRATEGY_RAISES, words), 1)
        os._exit(1)


def _where(thread: int) -> str:
    """Where in the strategy's file a thread is now, if it is there."""
    source = str(places.SOURCE.resolve())
    frames = [
        frame
        for frame in traceback.extract_stack(sys._current_frames().get(thread))
        if str(Path(frame.filename).resolve()) == source
    ]
    if not frames:
        return ""
    return f" ({places.SOURCE.name}:{frames[-1].lineno} in {frames[-1].name}: {frames[-1].line})"


def _tell(settings: places.Settings, failure: Failure, status: int) -> int:
    _say(f"{failure.reason.value}: {failure.message}")
    if not termination.write(settings.termination_log, failure):
        _say(f"cannot write {settings.termination_log}")
    return status


def _say(words: str) -> None:
    sys.stderr.write(f"btcwatcher_bot preflight: {words}\n")
    sys.stderr.flush()
