"""A folder laid out like a bot's container, a real freqtrade in it, and a paper exchange to trade against."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.freqtrade_bots import FREQTRADE, STRATEGIES, Bot, Change, PaperExchange, lay_out, running_exchange


@pytest.fixture(scope="session")
def paper_exchange() -> Iterator[PaperExchange]:
    with running_exchange() as exchange:
        yield exchange


@pytest.fixture
def exchange(paper_exchange: PaperExchange) -> Iterator[PaperExchange]:
    """The paper exchange, without faults before and after."""
    paper_exchange.delete("/_faults")
    yield paper_exchange
    paper_exchange.delete("/_faults")


MakeBot = Callable[..., Bot]


@pytest.fixture(scope="session")
def freqtrade_python() -> Path:
    """The interpreter of freqtrade's own environment."""
    if not FREQTRADE.exists():
        pytest.skip(f"no freqtrade environment at {FREQTRADE}")
    return FREQTRADE


@pytest.fixture
def make_bot(tmp_path: Path, exchange: PaperExchange, freqtrade_python: Path) -> Iterator[MakeBot]:
    """Makes a bot's folder: `make_bot(source, class_name, change)`, where `change` edits the rendered config."""
    bots: list[Bot] = []

    def make(source: str, strategy: str, change: Change | None = None) -> Bot:
        bots.append(lay_out(tmp_path / f"bot{len(bots)}", exchange, STRATEGIES / source, strategy, change))
        return bots[-1]

    yield make
    for bot in bots:
        bot.kill()
