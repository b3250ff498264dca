"""One bot at an exchange of its own beside many at the cache before another: the same markets, the same clock."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from btcwatcher_operator.children.bot_config import merge
from btcwatcher_operator.children.market import Market, exchange_settings
from support.freqtrade_bots import STRATEGIES, Bot, Config, PaperExchange, lay_out, running_exchange, wait_for
from support.listening import in_a_thread
from support.markets import Cache, cache_before

QUOTED = (
    "BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "AVAX", "DOT", "LINK",
)  # fmt: skip
PAIRS = [f"{base}/USDT" for base in QUOTED]
Candles = dict[str, dict[str, list[float]]]
"""By pair and by time of opening."""


def candles_of(bot: Bot) -> Candles:
    """What the bot's strategy was shown last."""
    notes = (bot.folder / "data" / "candles").glob("*.json")
    return {note.stem: json.loads(note.read_text()) for note in notes}


def newest_of(bot: Bot) -> str:
    """The newest candle that the bot has of every pair; empty while it has not all of them."""
    seen = [note.read_text() for note in (bot.folder / "data" / "candles").glob("*.newest")]
    return min(seen) if len(seen) == len(PAIRS) else ""


@dataclass
class Fleet:
    lone: Bot
    """Without the cache."""
    many: list[Bot]
    one_exchange: PaperExchange
    exchange: PaperExchange
    """Behind the cache."""
    cache: Cache

    @property
    def bots(self) -> list[Bot]:
        return [self.lone, *self.many]

    def candle(self, seconds: float = 300) -> str:
        """Waits until every bot has the next candle of each pair; its time."""
        before = max(map(newest_of, self.bots))
        wait_for("the next candle", lambda: min(map(newest_of, self.bots)) > before, seconds)
        return min(map(newest_of, self.bots))

    def forget(self) -> None:
        """Counts anew, once every bot has the candle that closed last and well before the next one does."""

        def between_rounds() -> bool:
            now = datetime.now(UTC)
            closed = now.replace(second=0, microsecond=0) - timedelta(minutes=1)
            return now.second <= 50 and {newest_of(bot) for bot in self.bots} == {closed.isoformat()}

        wait_for("a moment between two candles", between_rounds, 600)
        for exchange in (self.one_exchange, self.exchange):
            exchange.delete("/_stats")

    def calls(self) -> tuple[Counter[str], Counter[str]]:
        """What the lone bot asked of its exchange, and what the cache asked for all the others."""
        return Counter(self.one_exchange.get("/_stats")["calls"]), Counter(self.exchange.get("/_stats")["calls"])

    def asked(self) -> float:
        """How many questions the cache was asked."""
        return sum(self.cache.requests().values())


@contextlib.contextmanager
def running_fleet(folder: Path, count: int, ready_seconds: float) -> Iterator[Fleet]:
    with contextlib.ExitStack() as stack:
        one_exchange, exchange = (stack.enter_context(running_exchange()) for _ in range(2))
        cache = stack.enter_context(in_a_thread(lambda: cache_before(exchange.url)))
        market = Market(cache.url, "binance", {"public": f"{exchange.url}/api/v3"})

        def watching(config: Config) -> None:
            config["exchange"]["pair_whitelist"] = PAIRS
            config["internals"]["process_throttle_secs"] = 5
            config["minimal_roi"] = {"0": 0.01}

        def cached(config: Config) -> None:
            watching(config)
            config.update(merge(config, exchange_settings(market)))

        source = STRATEGIES / "notes_candles.py"
        lone = lay_out(folder / "lone", one_exchange, source, "NotesCandles", watching)
        many = [lay_out(folder / f"b{at}", exchange, source, "NotesCandles", cached) for at in range(count)]
        fleet = Fleet(lone, many, one_exchange, exchange, cache)
        try:
            for bot in fleet.bots:
                bot.start("trade")
            wait_for("all bots have candles", lambda: min(map(newest_of, fleet.bots)), ready_seconds)
            yield fleet
        finally:
            for bot in fleet.bots:
                if bot.process is not None and bot.process.poll() is None:
                    bot.process.kill()
                    bot.process.wait(10)
