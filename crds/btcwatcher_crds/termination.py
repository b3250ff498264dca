"""What a bot leaves behind when it ends: the JSON that its wrapper writes as termination message.

The wrapper lives in freqtrade's environment and cannot import this module; a test holds the two together.
"""

import json
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel


class TerminationReason(StrEnum):
    """Why a preflight or a bot ended; a closed list."""

    CONFIG_INVALID = "ConfigInvalid"
    """freqtrade refuses the configuration."""
    STRATEGY_NOT_FOUND = "StrategyNotFound"
    """No class of that name in the source or in the image."""
    STRATEGY_IMPORT_FAILED = "StrategyImportFailed"
    """The source does not import."""
    STRATEGY_RAISES = "StrategyRaises"
    """populate_indicators, populate_entry_trend or populate_exit_trend raises on ordinary candles."""
    EXCHANGE_UNKNOWN = "ExchangeUnknown"
    """freqtrade or ccxt has no exchange of that name."""
    TIMEFRAME_UNSUPPORTED = "TimeframeUnsupported"
    """The exchange does not offer the timeframe."""
    STAKE_CURRENCY_UNSUPPORTED = "StakeCurrencyUnsupported"
    """The exchange has no market in the stake currency."""
    PAIRS_MISSING = "PairsMissing"
    """The exchange does not have some of the pairs; fatal only when none is left."""
    EXCHANGE_UNREACHABLE = "ExchangeUnreachable"
    """The exchange did not answer; says nothing about the config."""
    CREDENTIALS_MISSING = "CredentialsMissing"
    """Live trading without the keys it needs."""
    CREDENTIALS_REFUSED = "CredentialsRefused"
    """The exchange refuses the keys."""
    DATABASE_ERROR = "DatabaseError"
    """The trade database cannot be opened or migrated."""
    DATABASE_IN_USE = "DatabaseInUse"
    """Another bot has the trade database: an earlier pod that has not ended, or a volume given to two."""
    PORT_IN_USE = "PortInUse"
    """Something else listens on the bot's port."""
    BOT_EXITED = "BotExited"
    """Anything else."""


CONFIG_REASONS = frozenset(
    {
        TerminationReason.CONFIG_INVALID,
        TerminationReason.STRATEGY_NOT_FOUND,
        TerminationReason.STRATEGY_IMPORT_FAILED,
        TerminationReason.STRATEGY_RAISES,
        TerminationReason.EXCHANGE_UNKNOWN,
        TerminationReason.TIMEFRAME_UNSUPPORTED,
        TerminationReason.STAKE_CURRENCY_UNSUPPORTED,
        TerminationReason.PAIRS_MISSING,
    }
)
"""The reasons that only a changed Strategy can mend."""


class Termination(BaseModel):
    """One termination message."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)

    reason: TerminationReason = TerminationReason.BOT_EXITED
    message: str = ""
    missing_pairs: list[str] = Field(default_factory=list)


def parse(text: str) -> Termination | None:
    """The message a container left, or None when it left nothing. Text that is not ours becomes BotExited."""
    stripped = text.strip()
    if not stripped:
        return None
    try:
        return Termination.model_validate(json.loads(stripped))
    except (ValueError, ValidationError):
        return Termination(message=stripped)
