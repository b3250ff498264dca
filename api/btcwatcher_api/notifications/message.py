"""A rendered message on its way to a vendor."""

from dataclasses import dataclass

from btcwatcher_api.signals.types import Priority


@dataclass(frozen=True, slots=True)
class Message:
    """Text for a person.

    A sender cuts it to what its vendor takes, at a line or character, never within one, and says that it was cut.
    """

    title: str
    """One line, without markup."""
    body: str
    """Lines; CommonMark with bold, lists, code and links only. Text of strangers in it is already escaped."""
    priority: Priority
