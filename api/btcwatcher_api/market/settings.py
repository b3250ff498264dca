"""Every setting of `btcwatcher-api market`, from the environment (`BTCWATCHER_...`)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from btcwatcher_api.settings import ServingSettings


class MarketSettings(ServingSettings):
    """What `market` needs: neither a database nor a key."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8090
    """Port to listen on; 0 takes a free one."""
    market_proxies: Path = Path("proxies")
    """Folder where the Secrets that Exchanges name in proxySecretRef are mounted, each in a folder of its name."""
    market_memory_mebibytes: Annotated[int, Field(ge=8, le=65_536)] = 256
    """Answers that are kept, in memory: what was not asked for the longest goes first."""
    market_timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 10.0
    """How long one call to an exchange may take. freqtrade's own time-out is 10 s."""
    market_patience_seconds: Annotated[float, Field(gt=0, le=300)] = 20.0
    """How long a question may wait for its exchange's budget; then it is answered 429. A bot that has hung up finds the
    answer when it asks again."""
    market_queue: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """Questions that may wait for one host of an exchange; more are answered 429 at once."""
