"""What became of one attempt to send a message: a closed list, whatever the vendor."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from btcwatcher_crds.conditions import ChannelReason

ANSWER_MAX: Final = 500
"""Characters of a vendor's answer that are kept."""

_PERMANENT: Final = frozenset({ChannelReason.REJECTED})
_CHANNEL_FAULTS: Final = frozenset(
    {ChannelReason.AUTH, ChannelReason.SECRET_MISSING, ChannelReason.SECRET_INVALID, ChannelReason.SPEC_INVALID}
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`answer` is what the vendor said, cut to ANSWER_MAX and without the credentials of the channel."""

    reason: ChannelReason
    answer: str = ""
    retry_after: timedelta | None = None
    """What the vendor asks us to wait, if it does."""
    tried_with: str | None = None
    """Versions of the channel and its Secret; see mending."""

    @property
    def sent(self) -> bool:
        return self.reason is ChannelReason.SENT

    @property
    def permanent(self) -> bool:
        """Whether the same message would be refused again, whenever it is sent."""
        return self.reason in _PERMANENT

    @property
    def fault_of_channel(self) -> bool:
        """Whether every other message would fail too until a person mends the channel."""
        return self.reason in _CHANNEL_FAULTS
