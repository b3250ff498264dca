"""Where everything lies, relative to the working directory, and what the environment says."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REVISION = Path("revision")
CONFIG = REVISION / "config.json"
SOURCE = REVISION / "strategy.py"
API_ACCESS = Path("access/api-server.json")
STATE = Path("access/state.json")
NETRC = Path("access/netrc")
CREDENTIALS = Path("credentials")
PROXIES = Path("proxies")
"""A file for each Proxy of the Strategy that has a URL, named as the Proxy is."""
DATA = Path("data")
DATABASE_LOCK = DATA / "bot.lock"
"""Beside the trade database, in its volume."""
RUN = Path("run")
RUN_CONFIG = RUN / "credentials.json"
PROXY_CONFIG = RUN / "proxies.json"
READY = RUN / "ready"
ALIVE = RUN / "alive"
STARTED = RUN / "started"
STOPPED = RUN / "stopped"
SHIPPED_STRATEGIES = Path("strategies")
"""Where an image of the user's own may keep strategy classes."""

DEFAULT_HANG_SECONDS = 300.0
DEFAULT_PREFLIGHT_SECONDS = 120.0
_TERMINATION_LOG = Path("/dev/termination-log")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. Seconds throughout."""

    hang_seconds: float
    preflight_seconds: float
    termination_log: Path
    proxies: tuple[str, ...] = ()
    """The Strategy's Proxies in order of preference. Where there are any, the exchange is reached through them only."""
    market: str = ""
    """Where the market-data cache is, http://host:port; empty where it is nothing special."""
    market_direct: Mapping[str, str] = field(default_factory=dict)
    """Address in the cache -> the exchange's own, which is asked while the cache is away; empty: it is waited for."""

    @property
    def forwards(self) -> bool:
        """Whether the exchange's traffic goes through the forwarder."""
        return bool(self.proxies or self.market_direct)


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Read the settings; a value that is not a positive number falls back to its default."""
    return Settings(
        hang_seconds=_seconds(environment.get("BTCWATCHER_HANG_SECONDS"), DEFAULT_HANG_SECONDS),
        preflight_seconds=_seconds(environment.get("BTCWATCHER_PREFLIGHT_SECONDS"), DEFAULT_PREFLIGHT_SECONDS),
        termination_log=Path(environment.get("BTCWATCHER_TERMINATION_LOG") or _TERMINATION_LOG),
        market=environment.get("BTCWATCHER_MARKET", "").rstrip("/"),
        market_direct=_ways(environment.get("BTCWATCHER_MARKET_DIRECT")),
        proxies=tuple(name for name in environment.get("BTCWATCHER_PROXIES", "").split(",") if name),
    )


def _ways(text: str | None) -> dict[str, str]:
    """What the operator wrote; anything else says nothing."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def strategy_path() -> Path:
    """Where freqtrade looks for the class: the revision's source, or what the image ships."""
    return REVISION if SOURCE.exists() else SHIPPED_STRATEGIES


def _seconds(text: str | None, default: float) -> float:
    try:
        value = float(text or default)
    except ValueError:
        return default
    return value if value > 0 else default
