"""Mode `trade`: freqtrade in this very process, with checks before and honesty after."""

import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from btcwatcher_bot import places, ports, slim, termination
from btcwatcher_bot.credentials import known_secrets, read_credentials, run_config, write_private
from btcwatcher_bot.database_lock import DatabaseLock, TakenError
from btcwatcher_bot.ending import Ending
from btcwatcher_bot.exit_status import exit_status
from btcwatcher_bot.health_files import absent, present
from btcwatcher_bot.heartbeat import Liveness, heartbeat_interval, patience
from btcwatcher_bot.log_watch import LogWatch
from btcwatcher_bot.monitor import Monitor
from btcwatcher_bot.proxies.settings import conflict
from btcwatcher_bot.rendered import ConfigError, Rendered, read_config
from btcwatcher_bot.termination import Failure, Reason
from btcwatcher_bot.wanted_state import WantedState, teller

if TYPE_CHECKING:
    from btcwatcher_bot.proxies.forwarder import Forwarder

logger = logging.getLogger(__name__)


def trade() -> int:
    """Trade until told to end; the exit status."""
    settings = places.settings_of(os.environ)
    places.RUN.mkdir(exist_ok=True)
    places.DATA.mkdir(exist_ok=True)
    # `run` outlives a restart of the container: what the one before left there is not true any more.
    for left in (places.READY, places.STARTED, places.STOPPED):
        absent(left)
    present(places.ALIVE)
    try:
        rendered = read_config(places.CONFIG)
    except ConfigError as error:
        return _refuse(settings, Failure(Reason.CONFIG_INVALID, str(error)))
    credentials = read_credentials(places.CREDENTIALS)
    if (refusal := _refusal(settings, rendered, credentials)) is not None:
        return _refuse(settings, refusal)
    lock = DatabaseLock(places.DATABASE_LOCK)
    try:
        lock.take()
    except TakenError as error:
        return _refuse(settings, Failure(Reason.DATABASE_IN_USE, str(error)))
    interval = heartbeat_interval(rendered.heartbeat_interval, settings.hang_seconds)
    write_private(places.RUN_CONFIG, run_config(credentials, interval))
    configs = [places.CONFIG, places.API_ACCESS, places.STATE, places.RUN_CONFIG]
    forwarder: Forwarder | None = None
    if settings.forwards:
        from btcwatcher_bot.proxies.start import listening

        fragment, forwarder = listening(settings, places.PROXIES)
        write_private(places.PROXY_CONFIG, fragment)
        configs.append(places.PROXY_CONFIG)

    liveness = Liveness(patience(settings.hang_seconds, interval, rendered.throttle))
    tell = teller(rendered.listen_address, rendered.listen_port)
    wanted_state = WantedState(places.STATE, places.API_ACCESS, tell)
    secrets = known_secrets(credentials, places.API_ACCESS, places.NETRC)
    watch = LogWatch(
        places.SOURCE,
        liveness,
        lambda words: _leave_for_taken_port(settings, words),
        slim.at_each_sign(os.environ),
    )
    watch.install()
    ending = Ending(lambda: watch.ends)
    ending.install()
    monitor = Monitor(
        rendered,
        liveness,
        settings.termination_log,
        wanted_state,
        lambda: watch.stopped_by and watch.stopped_by.without(secrets),
        ending,
    )
    returned = _freqtrade(monitor, configs)
    absent(places.READY)
    status = exit_status(returned, monitor.hung)
    if status and not monitor.hung:
        failure = watch.failure(f"freqtrade ended by itself with status {returned} and no error")
        if failure.reason is Reason.EXCHANGE_UNREACHABLE and forwarder is not None and forwarder.trouble:
            failure = Failure(failure.reason, f"{forwarder.trouble}\n{failure.message}")
        _tell(settings, failure.without(secrets))
    return status


def _refusal(settings: places.Settings, rendered: Rendered, credentials: dict[str, str]) -> Failure | None:
    if settings.proxies and (words := conflict(rendered.exchange)):
        return Failure(Reason.CONFIG_INVALID, words)
    if not rendered.dry_run and not credentials:
        return Failure(
            Reason.CREDENTIALS_MISSING,
            "mode Live trades with real money and needs the exchange's credentials, but the Secret of credentialsRef "
            "is not there or holds none of key, secret, password, uid, walletAddress, privateKey",
        )
    if rendered.api_enabled and (error := ports.port_error(rendered.listen_address, rendered.listen_port)):
        return Failure(Reason.PORT_IN_USE, error)
    return None


def _freqtrade(monitor: Monitor, configs: list[Path]) -> object:
    """Run freqtrade and give back what it would have ended the process with."""
    import freqtrade.worker  # noqa: F401 - the heavy imports, while a SIGTERM still ends us at once
    from freqtrade.main import main

    slim.after_imports(os.environ)
    # From here on only the strategy is imported, and the revision's folder is not ours to write to.
    sys.dont_write_bytecode = True
    signal.signal(signal.SIGINT, signal.default_int_handler)
    monitor.start()
    arguments = ["trade", "--userdir", str(places.DATA), "--strategy-path", str(places.strategy_path())]
    for config in configs:
        if config.exists():
            arguments += ["--config", str(config)]
    try:
        main(arguments)
    except SystemExit as end:
        return end.code
    return None


def _leave_for_taken_port(settings: places.Settings, words: str) -> None:
    termination.write(settings.termination_log, Failure(Reason.PORT_IN_USE, words))
    os._exit(1)


def _refuse(settings: places.Settings, failure: Failure) -> int:
    _tell(settings, failure)
    return 1


def _tell(settings: places.Settings, failure: Failure) -> None:
    sys.stderr.write(f"btcwatcher_bot trade: {failure.reason.value}: {failure.message}\n")
    if not termination.write(settings.termination_log, failure):
        sys.stderr.write(f"btcwatcher_bot trade: cannot write {settings.termination_log}\n")
