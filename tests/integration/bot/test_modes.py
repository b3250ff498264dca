"""From DryRun to Live on the same volume: a real freqtrade must not go on with the paper positions."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_crds.strategy import Mode, Strategy
from btcwatcher_operator.children.bot_config import bot_config
from btcwatcher_operator.platform import Platform

pytestmark = pytest.mark.integration
Config = dict[str, Any]

PLATFORM = Platform(webhook_url="http://127.0.0.1:1", webhook_key=b"k" * 32, bot_key=b"b" * 32, image="i")


def rendered(mode: Mode) -> Config:
    """What the operator renders of a Strategy in this mode."""
    exchange = {"name": "binance", "pairs": ["BTC/USDT"], "credentialsRef": {"name": "k"}}
    spec = {"strategyName": "Pulse", "exchange": exchange, "timeframe": "1m", "mode": mode.value}
    strategy = Strategy.model_validate({"metadata": {"name": "pulse", "namespace": "desk"}, "spec": spec})
    return bot_config(strategy, PLATFORM, 8081)


def put(config: Config, mode: Mode) -> None:
    """Mode and database as the operator renders them."""
    config.update({name: rendered(mode)[name] for name in ("dry_run", "db_url")})


# What freqtrade itself makes of the config, and which trades it would go on with.
LOOK = """
from freqtrade.commands import Arguments
from freqtrade.configuration import Configuration
from freqtrade.persistence import Trade, init_db

arguments = Arguments(["trade", "--config", "revision/config.json", "--userdir", "data"]).get_parsed_arg()
config = Configuration(arguments, None).get_config()
init_db(config["db_url"])
print(config["runmode"].value, Trade.session.query(Trade).count())
"""


def looked(bot: Any, freqtrade_python: Path) -> list[str]:
    command = [str(freqtrade_python), "-c", LOOK]
    done = subprocess.run(command, cwd=bot.folder, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.splitlines()[-1].split()


def test_live_does_not_go_on_with_the_dry_runs_trades(make_bot: Any, freqtrade_python: Path) -> None:
    def paper(config: Config) -> None:
        put(config, Mode.DRY_RUN)
        config["minimal_roi"] = {"0": 10}

    bot = make_bot("pulse.py", "Pulse", paper)
    bot.start_trading()
    deadline = time.monotonic() + 60
    while not bot.trades():
        assert time.monotonic() < deadline, bot.log("trade")
        time.sleep(0.1)
    assert bot.end() == 0
    held = len(bot.trades())
    assert looked(bot, freqtrade_python) == ["dry_run", str(held)]

    # The paper exchange takes no orders: of a Live bot as much is started as comes before the exchange.
    path = bot.folder / "revision/config.json"
    config = json.loads(path.read_text())
    put(config, Mode.LIVE)
    path.write_text(json.dumps(config))
    assert looked(bot, freqtrade_python) == ["live", "0"]
    assert len(bot.trades()) == held, "the dry run's are still there, and untouched"
