"""The way of a signal: into the webhook, onto disk, out to the channels."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from btcwatcher_dashboards import variables
from btcwatcher_dashboards.board import board
from btcwatcher_dashboards.panels import (
    COUNT,
    GREEN,
    MOMENT,
    ORANGE,
    OUTCOME_COLOURS,
    PER_MINUTE,
    PRIORITY_COLOURS,
    RATIO,
    RED,
    SECONDS,
    bars,
    figure,
    lines,
    listing,
)
from btcwatcher_dashboards.queries import HOURS_SHOWN, now, series, sql_rows, sql_series

_REFUSALS: Final = {
    "400": "400: no JSON",
    "401": "401: no or a wrong token",
    "404": "404: no such Strategy",
    "408": "408: the body did not arrive",
    "413": "413: the body is too large",
    "415": "415: neither JSON nor a form",
    "422": "422: the body is not understood",
    "500": "500: our mistake, see the log",
    "503": "503: Postgres or Kubernetes is away",
}
_FAILED: Final = "reason IS NOT NULL AND reason NOT IN ('Sent', 'Suspended') AND $__timeFilter(started_at)"
"""Of attempts: one without a reason is under way."""


def _quantile(share: str, metric: str, by: str = "le") -> str:
    return f"histogram_quantile({share}, sum by ({by}) (rate({metric}_bucket[$__rate_interval])))"


def dashboard() -> Dashboard:
    """For those who want to know whether everybody was told, and how fast."""
    return board(
        "signals",
        "Signals and notifications",
        "The way of a signal: webhook, Postgres, channels. Every promise of speed and delivery is seen here.",
        [variables.prometheus_source(), variables.postgres_source()],
        [
            figure(
                "Signals",
                "Signals of the hours shown, each once, from the hourly roll-up.",
                sql_rows(
                    f"""
                    SELECT coalesce(sum(total), 0) AS "signals" FROM signal_hours
                    WHERE strategy = '' AND {HOURS_SHOWN}
                    """
                ),
                COUNT,
                decimals=0,
            ),
            figure(
                "Refused or failed",
                "Share of the webhook's answers in the last hour that were not 2xx. Senders try again after 503; "
                "everything else is the sender's mistake, named below.",
                now(
                    '(sum(increase(btcwatcher_webhook_results_total{code!~"2.."}[1h])) or vector(0))'
                    " / clamp_min(sum(increase(btcwatcher_webhook_results_total[1h])), 1)",
                    "refused",
                ),
                RATIO,
                steps={0.001: ORANGE, 0.01: RED},
                decimals=2,
            ),
            figure(
                "Postgres",
                "1 while every process that writes signals or sends notifications can reach Postgres. At 0 webhooks "
                "are answered 503 and nothing acknowledged is lost.",
                now("min(btcwatcher_ingest_database_up) * min(btcwatcher_notification_worker_database_up)", "up"),
                COUNT,
                steps={1: GREEN},
                below=RED,
            ),
            figure(
                "Waiting",
                "Deliveries that wait to be sent, of all priorities. Some wait on purpose: for a group, a "
                "digest or the end of quiet hours.",
                now("sum(max by (priority) (btcwatcher_notification_queue_depth))", "waiting"),
                COUNT,
            ),
            figure(
                "Overdue",
                "For how long the most overdue delivery has been so. Above seconds: a vendor is slow, or there are too "
                "few workers.",
                now("max(btcwatcher_notification_queue_age_seconds)", "overdue"),
                SECONDS,
                steps={10: ORANGE, 60: RED},
                decimals=0,
            ),
            figure(
                "Channels paused",
                "NotificationChannels that kept failing and are left alone for a while; P0 goes to their fallback. "
                "`kubectl get nchan -A` names them with the vendor's words.",
                now("sum(max by (namespace, channel) (btcwatcher_notification_channel_paused))", "paused"),
                COUNT,
                steps={1: RED},
            ),
            lines(
                "Signals by type",
                "Signals committed, each once: what was sent again is not counted.",
                series("60 * sum by (type) (rate(btcwatcher_signals_total[$__rate_interval]))", "{{type}}"),
                unit=PER_MINUTE,
                stacked=True,
                span=8,
            ),
            lines(
                "Webhook answers",
                "By status code. 202 is on disk; everything else is told to the sender, who may try again.",
                series(
                    "60 * sum by (code) (rate(btcwatcher_webhook_results_total[$__rate_interval]))",
                    "{{code}}",
                ),
                unit=PER_MINUTE,
                span=8,
                colours={"202": GREEN},
                names=_REFUSALS,
            ),
            lines(
                "Webhook to disk",
                "From a webhook's arrival until its signal is committed. The goal is 50 ms for 99 of 100.",
                series(_quantile("0.99", "btcwatcher_ingest_seconds"), "99 of 100"),
                series(_quantile("0.5", "btcwatcher_ingest_seconds"), "half"),
                unit=SECONDS,
                span=8,
                steps={0.05: RED},
            ),
            lines(
                "Sent again, recovered, perhaps doubled",
                "Repeats: a sender tried again and the signal was there. Recovered: it never arrived, and was "
                "filled in from the bot's trades. Perhaps doubled: a worker died between sending and noting it.",
                series("60 * sum(rate(btcwatcher_signals_duplicate_total[$__rate_interval]))", "repeats"),
                series("60 * sum(rate(btcwatcher_collector_signals_recovered_total[$__rate_interval]))", "recovered"),
                series(
                    "60 * sum(rate(btcwatcher_notification_possible_duplicates_total[$__rate_interval]))",
                    "perhaps doubled",
                ),
                unit=PER_MINUTE,
                span=8,
            ),
            lines(
                "Deliveries waiting, by priority",
                "P0 should be at 0 almost always. P1 and P2 wait for groups, digests and quiet hours too.",
                series("max by (priority) (btcwatcher_notification_queue_depth)", "{{priority}}"),
                unit=COUNT,
                span=8,
                colours=PRIORITY_COLOURS,
            ),
            bars(
                "Failed attempts by channel and reason",
                "RateLimited, Timeout, Unreachable and VendorError are tried again by themselves; Auth, "
                "Rejected and the Secret's reasons want a person. What they said is in the table below.",
                sql_series(
                    f"""
                    SELECT $__timeGroupAlias(started_at, $__interval),
                        channel_namespace || '/' || channel || ': ' || reason AS metric, count(*) AS value
                    FROM delivery_attempts WHERE {_FAILED} GROUP BY 1, 2 ORDER BY 1
                    """
                ),
                span=8,
            ),
            lines(
                "Signal to sent, 95 of 100",
                "From the signal's commit until its channel has taken the message. P0 should stay below a second; "
                "P1 and P2 with what they waited for a group, a digest or quiet hours.",
                series(
                    _quantile("0.95", "btcwatcher_notification_latency_seconds", "le, priority"),
                    "{{priority}}",
                ),
                unit=SECONDS,
                colours=PRIORITY_COLOURS,
            ),
            bars(
                "Deliveries by outcome",
                "By the time at which they were written with their signal; Pending ones still wait or are tried again.",
                sql_series(
                    """
                    SELECT $__timeGroupAlias(created_at, $__interval), state AS metric, count(*) AS value
                    FROM deliveries WHERE $__timeFilter(created_at) GROUP BY 1, 2 ORDER BY 1
                    """
                ),
                colours=OUTCOME_COLOURS,
            ),
            listing(
                "Channels",
                "Each channel's deliveries in the time shown. What is Skipped was not to be sent: the channel's own "
                "filters, or it is suspended; the reason is in the notification's history.",
                sql_rows(
                    """
                    SELECT d.channel_namespace AS "Namespace", d.channel AS "Channel",
                        count(*) FILTER (WHERE d.state = 'Sent') AS "Sent",
                        count(*) FILTER (WHERE d.state = 'Failed') AS "Failed",
                        count(*) FILTER (WHERE d.state = 'Pending') AS "Pending",
                        count(*) FILTER (WHERE d.state = 'Skipped') AS "Skipped",
                        max(s.last_sent_at) AS "Last sent", max(s.last_reason) AS "Last reason"
                    FROM deliveries d
                    LEFT JOIN channel_states s ON s.namespace = d.channel_namespace AND s.channel = d.channel
                    WHERE $__timeFilter(d.created_at) GROUP BY 1, 2 ORDER BY 1, 2
                    """
                ),
                columns={},
                units={"Last sent": MOMENT},
                fixed=True,
            ),
            listing(
                "Latest failed attempts",
                "The latest attempts that did not succeed in the time shown, with the vendor's own answer. "
                "Auth and Rejected want a person: the Secret, the receiver; the others are tried again by themselves.",
                sql_rows(
                    f"""
                    SELECT started_at AS "Time", channel_namespace AS "Namespace", channel AS "Channel",
                        'P' || priority AS "Priority", reason AS "Reason", answer AS "Answer"
                    FROM delivery_attempts WHERE {_FAILED}
                    ORDER BY started_at DESC LIMIT 100
                    """
                ),
                columns={},
                units={"Time": MOMENT},
                fixed=True,
            ),
        ],
        since="now-6h",
        refresh="30s",
    )
