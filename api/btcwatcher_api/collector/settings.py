"""Every setting of `btcwatcher-api collect`, from the environment (`BTCWATCHER_...`)."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from btcwatcher_api.bots import BotAccess
from btcwatcher_api.settings import PoolSettings, variable


class CollectorSettings(PoolSettings, BotAccess):
    """What `collect` needs."""

    namespaces: str = ""
    """Namespaces whose bots are visited, separated by commas; empty: all."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8001
    """Port on which they are served; 0 takes a free one."""
    log_level: str = "INFO"
    """DEBUG shows every visit."""

    collect_cycle_seconds: Annotated[float, Field(ge=0.2, le=3600)] = 30.0
    """Each bot is visited this often; the visits are spread over the time."""
    collect_balance_seconds: Annotated[float, Field(ge=0.2, le=86400)] = 600.0
    """A bot's balance is asked for this often: to value what it holds it may have to ask the exchange for all prices,
    and exchanges limit how much one address may ask."""
    collect_concurrency: Annotated[int, Field(ge=1, le=512)] = 32
    """Bots that are visited at the same time."""
    collect_timeout_seconds: Annotated[float, Field(gt=0, le=120)] = 10.0
    """How long one request to a bot may take."""
    collect_backoff_seconds: Annotated[float, Field(ge=0.2, le=86400)] = 300.0
    """The longest pause between two visits to a bot that does not answer."""
    recover_after_seconds: Annotated[float, Field(ge=0, le=3600)] = 20.0
    """A fill that was seen at the bot so long ago, and of which no signal has come, is filled in. Keep it above what a
    bot takes to send its webhook with retries (5 s as the operator renders it)."""
    recover_days: Annotated[float, Field(gt=0, le=3650)] = 30.0
    """Fills older than this are left alone; less than BTCWATCHER_RETENTION_SIGNALS_DAYS."""
    recover_notify_minutes: Annotated[float, Field(ge=0, le=10080)] = 15.0
    """Nobody is notified of a recovered signal that is older than this."""
    capacity_history_seconds: Annotated[float, Field(ge=0.2, le=86400)] = 300.0
    """How often a row is written of how full the platform is; kept for BTCWATCHER_RETENTION_CAPACITY_DAYS."""

    @model_validator(mode="after")
    def _recovers_what_is_kept(self) -> Self:
        if self.recover_days >= self.retention_signals_days:
            raise ValueError(
                f"{variable('recover_days')} must be below {variable('retention_signals_days')}: what is recovered"
                " would be dropped at once, and then be recovered again"
            )
        return self

    @property
    def lookback(self) -> timedelta:
        return timedelta(days=self.recover_days)

    @property
    def notify_within(self) -> timedelta:
        return timedelta(minutes=self.recover_notify_minutes)
