"""The termination message: why a bot or a preflight ended, for the operator to put into conditions.

The same JSON as `btcwatcher_crds.termination`, which cannot be imported here; a test holds the two together.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from btcwatcher_bot.scrub import scrub

LIMIT_BYTES = 4096
"""Kubernetes keeps no more of a termination message."""
_PAIRS_LIMIT_BYTES = 2048
_CUT = " …"


class Reason(StrEnum):
    """Why it ended; a closed list."""

    CONFIG_INVALID = "ConfigInvalid"
    STRATEGY_NOT_FOUND = "StrategyNotFound"
    STRATEGY_IMPORT_FAILED = "StrategyImportFailed"
    STRATEGY_RAISES = "StrategyRaises"
    EXCHANGE_UNKNOWN = "ExchangeUnknown"
    TIMEFRAME_UNSUPPORTED = "TimeframeUnsupported"
    STAKE_CURRENCY_UNSUPPORTED = "StakeCurrencyUnsupported"
    PAIRS_MISSING = "PairsMissing"
    EXCHANGE_UNREACHABLE = "ExchangeUnreachable"
    CREDENTIALS_MISSING = "CredentialsMissing"
    CREDENTIALS_REFUSED = "CredentialsRefused"
    DATABASE_ERROR = "DatabaseError"
    DATABASE_IN_USE = "DatabaseInUse"
    PORT_IN_USE = "PortInUse"
    BOT_EXITED = "BotExited"


@dataclass(frozen=True, slots=True)
class Failure:
    """A reason, and freqtrade's own words. `missing_pairs` goes with PairsMissing."""

    reason: Reason
    message: str
    missing_pairs: tuple[str, ...] = ()

    def without(self, secrets: Sequence[str]) -> "Failure":
        """The same without these values."""
        return replace(self, message=scrub(self.message, secrets))


def to_json(failure: Failure) -> str:
    """The message as JSON of at most LIMIT_BYTES bytes of UTF-8, without secrets; pairs and words are cut to fit."""
    pairs = _fitting(failure.missing_pairs)
    message = scrub(failure.message.strip())
    while True:
        text = json.dumps(
            {"reason": failure.reason.value, "message": message, "missingPairs": pairs}, ensure_ascii=False
        )
        too_long = len(text.encode(errors="replace")) - LIMIT_BYTES
        if too_long <= 0:
            return text
        # Never cuts too much: a character of the message is at least one byte of the JSON.
        message = message[: max(0, len(message) - max(1, too_long // 6) - len(_CUT))] + _CUT


def write(path: Path, failure: Failure | None) -> bool:
    """Write the message, or empty the file for None. False when the file cannot be written."""
    try:
        path.write_text("" if failure is None else to_json(failure), encoding="utf-8", errors="replace")
    except OSError:
        return False
    return True


def _fitting(pairs: Sequence[str]) -> list[str]:
    kept: list[str] = []
    size = 0
    for pair in pairs:
        size += len(json.dumps(pair, ensure_ascii=False).encode()) + 2
        if size > _PAIRS_LIMIT_BYTES:
            break
        kept.append(pair)
    return kept
