"""The one exception by which a sender says that a message was not sent."""

from datetime import timedelta

from btcwatcher_crds.conditions import ChannelReason


class NotSent(Exception):  # noqa: N818 - it is what is said
    """`detail` is for a person, never holds the value of a credential of ours, and is scrubbed all the same."""

    def __init__(self, reason: ChannelReason, detail: str = "", retry_after: timedelta | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after
