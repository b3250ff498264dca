"""Reading what a channel's Secret holds: what is missing or wrong is named by its key, never by its value."""

import re
from collections.abc import Mapping
from typing import Final

from btcwatcher_api.notifications.senders.faults import NotSent
from btcwatcher_crds.conditions import ChannelReason

VALUE_MAX: Final = 4096
"""Characters of a value; nothing that a vendor gives out is as long."""


def required(credentials: Mapping[str, str], key: str) -> str:
    """The value without the blanks and newlines around it that `echo ... | base64` and editors leave."""
    value = optional(credentials, key)
    if not value:
        raise NotSent(ChannelReason.SECRET_MISSING, f"the Secret has no key {key}, or it is empty")
    return value


def optional(credentials: Mapping[str, str], key: str) -> str:
    value = credentials.get(key, "").strip()
    if len(value) > VALUE_MAX:
        raise invalid(key, f"must have at most {VALUE_MAX} characters")
    return value


def matching(value: str, key: str, pattern: re.Pattern[str], must: str) -> str:
    if not pattern.fullmatch(value):
        raise invalid(key, must)
    return value


def invalid(key: str, must: str) -> NotSent:
    return NotSent(ChannelReason.SECRET_INVALID, f"key {key} of the Secret {must}")
