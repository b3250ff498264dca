"""The metrics of the notification worker: dashboards and alert rules name them too."""

from typing import Final

from btcwatcher_crds.bot_metrics import BotMetric as Metric

_CHANNEL: Final = ("namespace", "channel")

QUEUE_DEPTH: Final = Metric(
    "btcwatcher_notification_queue_depth",
    "gauge",
    "Deliveries that wait to be sent, by priority; each worker counts the whole queue, so take the max of them.",
    ("priority",),
)
QUEUE_AGE: Final = Metric(
    "btcwatcher_notification_queue_age_seconds",
    "gauge",
    "For how long the delivery that is overdue the longest has been so, by priority; what waits for a group, a digest, "
    "quiet hours or its next attempt is not overdue.",
    ("priority",),
)
DELIVERIES: Final = Metric(
    "btcwatcher_notification_deliveries_total",
    "counter",
    "Deliveries that came to their end, by channel, priority and state: Sent, Failed or Skipped.",
    (*_CHANNEL, "priority", "state"),
)
FAILURES: Final = Metric(
    "btcwatcher_notification_attempts_failed_total",
    "counter",
    "Attempts that failed, by channel and reason; a message of several deliveries counts for each of them.",
    (*_CHANNEL, "reason"),
)
LATENCY: Final = Metric(
    "btcwatcher_notification_latency_seconds",
    "histogram",
    "From a delivery's being written with its signal until its channel has taken it, by priority; P1 and P2 with what "
    "they waited for a group, a digest or quiet hours.",
    ("priority",),
)
POSSIBLE_DUPLICATES: Final = Metric(
    "btcwatcher_notification_possible_duplicates_total",
    "counter",
    "Attempts of a worker that ended before it noted their outcome: they are made again, and may have arrived already.",
)
CHANNEL_PAUSED: Final = Metric(
    "btcwatcher_notification_channel_paused",
    "gauge",
    "1 while a NotificationChannel is paused because it kept failing, else 0.",
    _CHANNEL,
)
WORKER_DATABASE_UP: Final = Metric(
    "btcwatcher_notification_worker_database_up", "gauge", "Whether this worker can claim and note deliveries."
)

NOTIFICATION_METRICS: Final = (
    QUEUE_DEPTH,
    QUEUE_AGE,
    DELIVERIES,
    FAILURES,
    LATENCY,
    POSSIBLE_DUPLICATES,
    CHANNEL_PAUSED,
    WORKER_DATABASE_UP,
)
