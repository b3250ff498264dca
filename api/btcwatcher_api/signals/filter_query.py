"""The filters of the list and of the stream, as query parameters."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import Depends, Query

from btcwatcher_api.problems import Problem
from btcwatcher_api.signals.filters import Filter
from btcwatcher_api.signals.types import TYPES_OF_ACTION, Action, SignalType
from btcwatcher_crds.names import split_strategy_id
from btcwatcher_crds.strategy import SignalLevel

_DAY: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


# A coroutine, for FastAPI gives functions to another thread, which costs more than this does.
async def _wanted(
    namespace: Annotated[str | None, Query(max_length=63)] = None,
    strategy: Annotated[
        str | None,
        Query(max_length=117, description="A Strategy's name, or its id <namespace>.<name>", examples=["ema-cross"]),
    ] = None,
    pair: Annotated[str | None, Query(max_length=64, examples=["BTC/USDT"])] = None,
    type: Annotated[list[SignalType] | None, Query(description="One or more message types")] = None,
    action: Annotated[Action | None, Query(description="All types of one kind")] = None,
    level: Annotated[list[SignalLevel] | None, Query(description="One or more levels")] = None,
    since: Annotated[datetime | None, Query(description="Event time from here on; UTC without a zone")] = None,
    until: Annotated[datetime | None, Query(description="Event time before this; UTC without a zone")] = None,
) -> Filter | None:
    if strategy is not None and "." in strategy:
        of_strategy, strategy = split(strategy)
        if namespace not in (None, of_strategy):
            return None
        namespace = of_strategy
    types = frozenset(type or ())
    if action is not None:
        types = TYPES_OF_ACTION[action] & types if types else TYPES_OF_ACTION[action]
        if not types:
            return None
    return Filter(
        namespace=namespace,
        strategy=strategy,
        pair=pair,
        types=types,
        levels=frozenset(level or ()),
        since=aware("since", since),
        until=aware("until", until),
    )


Wanted = Annotated[Filter | None, Depends(_wanted)]
"""The filters combined with AND; None where no signal can meet them all."""


def split(identifier: str) -> tuple[str, str]:
    """Namespace and name of a Strategy's id. Raises Problem 422."""
    try:
        return split_strategy_id(identifier)
    except ValueError as error:
        raise Problem(422, f"strategy: {error}", [("strategy", str(error))]) from error


def aware(name: str, moment: datetime | None) -> datetime | None:
    """The moment with a zone, UTC where it has none. Raises Problem 422 before 1970 and from 9999 on."""
    if moment is None:
        return None
    try:
        aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        aware = None
    if aware is None or not 1970 <= aware.year < 9999:
        raise Problem(
            422, f"{name}: must be after 1970 and before 9999", [(name, "must be after 1970 and before 9999")]
        )
    return aware


def stretch(since: datetime | None, until: datetime | None, longest: timedelta) -> tuple[datetime, datetime]:
    """From when until when: the last day if nothing is said. Raises Problem 422 for more than `longest`."""
    end = aware("until", until) or datetime.now(UTC)
    # Nothing was before 1970, and ids cannot say so.
    begin = aware("since", since) or max(end - _DAY, _EPOCH)
    if begin >= end:
        raise Problem(422, "since: must be before until", [("since", "must be before until")])
    if end - begin > longest:
        message = f"must be at most {longest.days} days before until"
        raise Problem(422, f"since: {message}", [("since", message)])
    return begin, end
