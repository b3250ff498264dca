"""The NotificationChannel custom resource as types: who is told, how, of what and when. Rendered like Strategy's."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from btcwatcher_crds.names import (
    API_VERSION,
    NOTIFICATION_CHANNEL_KIND,
    NOTIFICATION_CHANNEL_NAME_MAX_LENGTH,
)
from btcwatcher_crds.rules import name_rule, rule, rules
from btcwatcher_crds.strategy import Conditions, ConfigMapKeyReference, Contract, LocalReference, Metadata, SignalLevel

TEMPLATE_MAX_BYTES: Final = 16 * 1024

DURATION_PATTERN: Final = "^([0-9]{1,4}h)?([0-9]{1,4}m)?([0-9]{1,5}s)?$"

Duration = Annotated[
    str,
    Field(
        min_length=2,
        max_length=17,
        json_schema_extra=rule(
            f"self.matches('{DURATION_PATTERN}')",
            'must be a duration in hours, minutes and seconds, such as "30s", "5m" or "1h30m"',
        ),
    ),
]

TimeOfDay = Annotated[
    str,
    Field(
        max_length=5,
        json_schema_extra=rule(
            "self.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')", 'must be a time of day, such as "22:30"'
        ),
    ),
]


class ChannelType(StrEnum):
    TELEGRAM = "Telegram"
    WECOM = "WeCom"
    FEISHU = "Feishu"
    EMAIL = "Email"
    APPRISE = "Apprise"


class PriorityName(StrEnum):
    P0 = "P0"
    P1 = "P1"
    P2 = "P2"


class Language(StrEnum):
    ENGLISH = "en"
    CHINESE = "zh"


class Weekday(StrEnum):
    MONDAY = "Monday"
    TUESDAY = "Tuesday"
    WEDNESDAY = "Wednesday"
    THURSDAY = "Thursday"
    FRIDAY = "Friday"
    SATURDAY = "Saturday"
    SUNDAY = "Sunday"


class SelectorOperator(StrEnum):
    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


_LABEL_KEY = Annotated[str, Field(min_length=1, max_length=317)]
_LABEL_VALUE = Annotated[str, Field(max_length=63)]


class SelectorRequirement(Contract):
    model_config = ConfigDict(
        json_schema_extra=rule(
            "(self.operator in ['In', 'NotIn']) == (size(self.values) > 0)",
            "operators In and NotIn need values; Exists and DoesNotExist take none",
        )
    )

    key: _LABEL_KEY
    """Key of the label."""
    operator: SelectorOperator
    """How the label is compared."""
    values: Annotated[list[_LABEL_VALUE], Field(max_length=32)] = Field(default_factory=list)
    """The values it is compared with."""


class LabelSelector(Contract):
    match_labels: Annotated[dict[_LABEL_KEY, _LABEL_VALUE], Field(max_length=32)] = Field(default_factory=dict)
    """Labels that must have these values."""
    match_expressions: Annotated[list[SelectorRequirement], Field(max_length=32)] = Field(default_factory=list)
    """Requirements that must all hold."""


class ListensTo(Contract):
    selector: LabelSelector = LabelSelector()
    """Labels of the Strategies; empty: all."""
    namespaces: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=63)]],
        Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = Field(default_factory=list)
    """Their namespaces; empty: the channel's own, and "*": every one."""


class QuietHours(Contract):
    model_config = ConfigDict(
        json_schema_extra=rule(
            "self.start != self.end", "start and end must differ: the time from one to the other is quiet"
        )
    )

    start: TimeOfDay
    """When they begin, by the clock of timeZone."""
    end: TimeOfDay
    """When they end; before start: on the next day."""
    time_zone: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            json_schema_extra=rule(
                "self.matches('^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$')",
                "must be a time zone of the IANA database, such as Asia/Shanghai or UTC",
            ),
        ),
    ] = "UTC"
    """IANA name of the time zone."""
    days: Annotated[list[Weekday], Field(max_length=7, json_schema_extra={"x-kubernetes-list-type": "set"})] = Field(
        default_factory=list
    )
    """Days on which they begin; empty: every day."""


class RateLimit(Contract):
    messages: Annotated[int, Field(ge=1, le=10_000)]
    """How many messages may be sent ..."""
    per: Duration = "1m"
    """... in this time."""


class Grouping(Contract):
    group_wait: Duration = "0s"
    """How long the first P1 of a group waits for others."""
    group_interval: Duration = "30s"
    """How long after a message those that came meanwhile wait to go out together as the next one."""
    repeat_interval: Duration = "4h"
    """How long after it was told of an alert is told of again while it lasts."""
    digest_interval: Duration = "30m"
    """How often what is P2 goes out, as one digest."""


class Template(Contract):
    model_config = ConfigDict(
        json_schema_extra=rule(
            "(has(self.inline) ? 1 : 0) + (has(self.configMapRef) ? 1 : 0) == 1",
            "give exactly one of inline and configMapRef, or leave template out for the default",
        )
    )

    inline: Annotated[str | None, Field(min_length=1, max_length=TEMPLATE_MAX_BYTES)] = None
    """Jinja2; its first line is the title."""
    config_map_ref: ConfigMapKeyReference | None = None
    """A key of a ConfigMap that holds the template."""


class NotificationChannelSpec(Contract):
    model_config = ConfigDict(
        json_schema_extra=rule(
            "!has(self.endpoint) || self.endpoint == '' || self.type in ['Telegram', 'WeCom', 'Feishu']",
            "endpoint is for the types Telegram, WeCom and Feishu: for Email and Apprise the Secret says where to send",
        )
    )

    type: ChannelType
    """The way messages go."""
    credentials_ref: LocalReference
    """A Secret of this namespace. Its keys: Telegram token and chatId; WeCom key; Feishu token and, where the robot
    asks for a signature, secret; Email host, port, security (starttls, tls or none), username, password, from and to;
    Apprise url."""
    endpoint: Annotated[
        str,
        Field(
            max_length=2048,
            json_schema_extra=rule(
                "self == '' || self.matches('^https?://[^/@?#[:space:]]+(/[^?#[:space:]]*)?$')",
                "must be an http:// or https:// URL without user name, password and query, such as "
                "https://open.larksuite.com",
            ),
        ),
    ] = ""
    """Where the vendor's API is, if not at its usual place: Lark, a Telegram Bot API server or gateway of your own."""
    min_level: SignalLevel = SignalLevel.WEAK
    """Signals below this level are not for this channel."""
    priorities: Annotated[
        list[PriorityName], Field(max_length=3, json_schema_extra={"x-kubernetes-list-type": "set"})
    ] = Field(default_factory=list)
    """The priorities it takes; empty: all."""
    strategies: ListensTo | None = None
    """Strategies it listens to beside those whose spec.signals.notify names it."""
    quiet_hours: QuietHours | None = None
    """When P1 and P2 wait; P0 never does."""
    rate_limit: RateLimit | None = None
    """Most messages in a time; left out: what the vendor allows."""
    grouping: Grouping = Grouping()
    """How messages are put together."""
    template: Template | None = None
    """What messages say; left out: the default of the language."""
    language: Language = Language.ENGLISH
    """Of the default templates."""
    fallback: LocalReference | None = None
    """A NotificationChannel of this namespace that a P0 goes to when this one fails."""
    suspend: bool = False
    """Send nothing; what comes meanwhile is kept as Skipped."""


class NotificationChannelStatus(Contract):
    observed_generation: Annotated[int | None, Field(ge=0)] = None
    """The generation this status speaks of."""
    conditions: Conditions = Field(default_factory=list)
    """The state, as conditions."""


class NotificationChannel(Contract):
    """A way to those who are to be told of signals and alerts."""

    api_version: str = API_VERSION
    kind: str = NOTIFICATION_CHANNEL_KIND
    metadata: Metadata
    spec: NotificationChannelSpec
    status: NotificationChannelStatus = NotificationChannelStatus()


NOTIFICATION_CHANNEL_ROOT_RULES: Final = rules(
    name_rule(NOTIFICATION_CHANNEL_NAME_MAX_LENGTH),
    (
        "!has(self.spec.fallback) || self.spec.fallback.name != self.metadata.name",
        "spec.fallback must name another channel",
    ),
)
