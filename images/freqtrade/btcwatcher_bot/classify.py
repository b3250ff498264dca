"""From an exception of freqtrade's to a reason and its words. Knows exceptions by name, so freqtrade is not needed."""

import re
import traceback
from pathlib import Path

from btcwatcher_bot.termination import Failure, Reason

# freqtrade 2026.9's own sentences, first match wins.
_SENTENCES: tuple[tuple[str, Reason], ...] = (
    (r"is not known to the ccxt library", Reason.EXCHANGE_UNKNOWN),
    (r"will not work with Freqtrade\. Reason", Reason.EXCHANGE_UNKNOWN),
    (r"^Exchange \S+ is not supported", Reason.EXCHANGE_UNKNOWN),
    (r"Invalid timeframe '", Reason.TIMEFRAME_UNSUPPORTED),
    (r"Timeframes < 1m", Reason.TIMEFRAME_UNSUPPORTED),
    (r"is not available as stake on", Reason.STAKE_CURRENCY_UNSUPPORTED),
    (r"This class does not exist or contains Python code errors", Reason.STRATEGY_NOT_FOUND),
    (r"Impossible to load Strategy", Reason.STRATEGY_IMPORT_FAILED),
    (r"Short strategies cannot run in spot", Reason.STRATEGY_IMPORT_FAILED),
    (r"must be implemented", Reason.STRATEGY_IMPORT_FAILED),
    (r"Can't instantiate abstract class", Reason.STRATEGY_IMPORT_FAILED),
    (r"Invalid API-key|API-key format invalid|due to AuthenticationError", Reason.CREDENTIALS_REFUSED),
    (r"Could not load markets", Reason.EXCHANGE_UNREACHABLE),
    (r"requires \"\w+\" credential", Reason.CREDENTIALS_MISSING),
    (r"database URL|Bad db-url", Reason.DATABASE_ERROR),
)
_UNREACHABLE_TYPES = frozenset(
    {
        "DDoSProtection",
        "DDosProtection",
        "ExchangeNotAvailable",
        "NetworkError",
        "OperationFailed",
        "RateLimitExceeded",
        "RequestTimeout",
        "TemporaryError",
    }
)
# ccxt's names; freqtrade wraps them into a TemporaryError, as if another try could help.
_REFUSED_TYPES = frozenset({"AccountNotEnabled", "AccountSuspended", "AuthenticationError", "PermissionDenied"})
_CONFIG_TYPES = frozenset({"ConfigurationError", "OperationalException", "ValidationError"})


def failure_of(error: BaseException | None, message: str, source: Path) -> Failure:
    """The failure that an exception is.

    `message` is what freqtrade logged about it; `source` is the strategy's file, whose frames in the traceback
    tell what failed and where.
    """
    if error is not None and any(_names(part) & _REFUSED_TYPES for part in _chain(error)):
        return Failure(Reason.CREDENTIALS_REFUSED, str(error).strip() or message)
    if error is not None and is_unreachable(error):
        return Failure(Reason.EXCHANGE_UNREACHABLE, message or str(error))
    if error is not None and (in_source := _failure_in_source(error, source)) is not None:
        return in_source
    words = str(error) if error is not None and str(error).strip() else message
    for sentence, reason in _SENTENCES:
        if re.search(sentence, words):
            return Failure(reason, words)
    if error is None:
        return Failure(Reason.BOT_EXITED, words)
    if type(error).__module__.startswith(("sqlalchemy", "sqlite3")):
        return Failure(Reason.DATABASE_ERROR, f"{type(error).__name__}: {words}")
    if _names(error) & _CONFIG_TYPES:
        return Failure(Reason.CONFIG_INVALID, words)
    return Failure(Reason.BOT_EXITED, f"{type(error).__name__}: {words}")


def is_unreachable(error: BaseException) -> bool:
    """Whether the exchange did not answer, or asked to be left alone: says nothing about the config."""
    return any(_names(part) & _UNREACHABLE_TYPES for part in _chain(error))


def _failure_in_source(error: BaseException, source: Path) -> Failure | None:
    """The failure when the strategy's own code raised, with the line in its file."""
    resolved = str(source.resolve())
    for part in _chain(error):
        if isinstance(part, SyntaxError) and _same_file(part.filename, resolved):
            return Failure(
                Reason.STRATEGY_IMPORT_FAILED,
                f"{type(part).__name__}: {part.msg} ({source.name}:{part.lineno}: {(part.text or '').strip()})",
            )
        frames = [frame for frame in traceback.extract_tb(part.__traceback__) if _same_file(frame.filename, resolved)]
        if frames:
            # What runs while the file is imported hangs below its <module> frame, methods do not.
            importing = frames[0].name == "<module>"
            last = frames[-1]
            where = f"{source.name}:{last.lineno}"
            if not importing:
                where += f" in {last.name}"
            return Failure(
                Reason.STRATEGY_IMPORT_FAILED if importing else Reason.STRATEGY_RAISES,
                f"{type(part).__name__}: {part} ({where}: {(last.line or '').strip()})",
            )
    return None


def _chain(error: BaseException) -> list[BaseException]:
    """The exception and its causes, the innermost first: that is where the strategy's frames are."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain[::-1]


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _same_file(filename: str | None, resolved: str) -> bool:
    return filename is not None and str(Path(filename).resolve()) == resolved
