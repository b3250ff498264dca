"""When a delivery may be sent first: by its priority, the channel's grouping and its quiet hours."""

from datetime import UTC, datetime, timedelta
from typing import Final, assert_never

from btcwatcher_api.notifications.schedule.durations import parse_duration
from btcwatcher_api.notifications.schedule.quiet import quiet_until
from btcwatcher_api.notifications.schedule.state import ChannelState
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.notification_channel import Grouping, NotificationChannelSpec

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def due_at(
    spec: NotificationChannelSpec, state: ChannelState, priority: Priority, created_at: datetime, now: datetime
) -> datetime:
    """When what was created at `created_at` may go out; not after `now` means that it is due.

    Of several that wait together, ask for the oldest: all of them go out with it. A pause and the rate limit are not
    looked at here.
    """
    if priority is Priority.P0:
        return created_at
    wanted = _by_grouping(spec.grouping, state, priority, created_at, now)
    if spec.quiet_hours is None:
        return wanted
    # Also what was due before the quiet hours began and was not sent by then waits for their end.
    return quiet_until(spec.quiet_hours, max(wanted, now)) or wanted


def _by_grouping(
    grouping: Grouping, state: ChannelState, priority: Priority, created_at: datetime, now: datetime
) -> datetime:
    match priority:
        case Priority.P0:
            return created_at
        case Priority.P1:
            if state.last_p1_at is not None:
                # No clock that ran ahead may hold up the next message.
                next_at = min(state.last_p1_at, now) + parse_duration(grouping.group_interval)
                if created_at < next_at:
                    return next_at
            return created_at + parse_duration(grouping.group_wait)
        case Priority.P2:
            return _next_digest(created_at, parse_duration(grouping.digest_interval))
        case _:
            assert_never(priority)


def _next_digest(created_at: datetime, interval: timedelta) -> datetime:
    """By the clock (every half hour: at :00 and :30, UTC), so that all that waits is due at one moment."""
    if not interval:
        return created_at
    return _EPOCH + -((_EPOCH - created_at) // interval) * interval
