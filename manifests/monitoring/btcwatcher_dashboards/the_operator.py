"""The operator itself: its queue, its reconciles, its requests, who leads, and a rollout under way."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from btcwatcher_dashboards import variables
from btcwatcher_dashboards.board import board
from btcwatcher_dashboards.panels import (
    BLUE,
    BYTES,
    COUNT,
    GREEN,
    GREY,
    ORANGE,
    PER_SECOND,
    RATIO,
    RED,
    SECONDS,
    figure,
    lines,
)
from btcwatcher_dashboards.queries import now, series

_OURS: Final = 'controller="strategy"'
_LEADER: Final = 'leader_election_master_status{name="btcwatcher-operator"}'
_REQUESTS: Final = "rest_client_requests_total"
_OURS_TOO: Final = f"and on (job, instance) {_LEADER}"
"""Says which processes are operators, for metrics that every program has."""


def _quantile(share: str, metric: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{{{_OURS}}}[$__rate_interval])))"


def dashboard() -> Dashboard:
    """For those who run the platform."""
    return board(
        "operator",
        "Operator",
        "What the operator does and whether it keeps up. For those who run the platform.",
        [variables.prometheus_source()],
        [
            figure(
                "Leaders",
                "Replicas of the operator that hold the Lease. 1 always; 0 for longer than half a minute: nothing is "
                "reconciled, though bots go on. Never 2.",
                now(f"sum({_LEADER})", "leaders"),
                COUNT,
                steps={1: GREEN, 2: RED},
                below=RED,
            ),
            figure(
                "Replicas",
                "Replicas that Prometheus can scrape, standing by or active.",
                now(f"count({_LEADER})", "replicas"),
                COUNT,
            ),
            figure(
                "Queue",
                "Strategies that wait to be reconciled. Hundreds for a moment after a restart; for longer it does not "
                "keep up with the cluster.",
                now(f"sum(workqueue_depth{{{_OURS}}})", "waiting"),
                COUNT,
                steps={100: ORANGE, 1000: RED},
            ),
            figure(
                "Reconciles that failed",
                "Share of the last hour's. Each failed one is tried again with growing pauses; its log line names the "
                "Strategy.",
                now(
                    f'sum(increase(controller_runtime_reconcile_total{{{_OURS},result="error"}}[1h]))'
                    f" / clamp_min(sum(increase(controller_runtime_reconcile_total{{{_OURS}}}[1h])), 1)",
                    "failed",
                ),
                RATIO,
                steps={0.01: ORANGE, 0.1: RED},
                decimals=1,
            ),
            figure(
                "Ports free",
                "Ports of the pool that no Strategy has. At 0 the next Strategy is not Ready, with PortPoolExhausted.",
                now("max(btcwatcher_port_pool_size) - max(btcwatcher_port_pool_used)", "free"),
                COUNT,
                steps={1: ORANGE, 20: GREEN},
                below=RED,
            ),
            figure(
                "Rollout stopped",
                "1 while a change that the platform makes to all bots is stopped, because the first ones "
                "failed with it: take the change back, or mend it. `kubectl get strat -A` names the failed ones.",
                now("max(btcwatcher_rollout_stopped)", "stopped"),
                COUNT,
                steps={1: RED},
            ),
            lines(
                "Reconciles by result",
                "success; requeue: somebody else wrote first, it is done again at once; error: it is tried "
                "again later.",
                series(
                    f"sum by (result) (rate(controller_runtime_reconcile_total{{{_OURS}}}[$__rate_interval]))",
                    "{{result}}",
                ),
                unit=PER_SECOND,
                stacked=True,
                colours={"success": GREEN, "requeue": ORANGE, "error": RED},
            ),
            lines(
                "How long a reconcile takes",
                "Mostly the API server's time: compare with its requests below.",
                series(_quantile("0.99", "controller_runtime_reconcile_time_seconds"), "99 of 100"),
                series(_quantile("0.5", "controller_runtime_reconcile_time_seconds"), "half"),
                unit=SECONDS,
            ),
            lines(
                "Queue over time",
                "Strategies that wait to be reconciled: peaks that fall by themselves are work, a plateau is trouble.",
                series(f"sum(workqueue_depth{{{_OURS}}})", "waiting"),
                unit=COUNT,
                span=8,
            ),
            lines(
                "Added and tried again",
                "Added: something of a Strategy changed. Tried again: after a failure. The second alone going up says "
                "that something fails for ever.",
                series(f"sum(rate(workqueue_adds_total{{{_OURS}}}[$__rate_interval]))", "added"),
                series(f"sum(rate(workqueue_retries_total{{{_OURS}}}[$__rate_interval]))", "tried again"),
                unit=PER_SECOND,
                span=8,
                colours={"added": BLUE, "tried again": ORANGE},
            ),
            lines(
                "How long a Strategy waits",
                "From being queued to being worked on, 99 of 100; and how long the work then takes.",
                series(_quantile("0.99", "workqueue_queue_duration_seconds"), "waits"),
                series(_quantile("0.99", "workqueue_work_duration_seconds"), "is worked on"),
                unit=SECONDS,
                span=8,
            ),
            lines(
                "Requests to the API server",
                "By method, the watches left out. Quiet when nothing changes, but for the Lease.",
                series(f"sum by (method) (rate({_REQUESTS}[$__rate_interval]) {_OURS_TOO})", "{{method}}"),
                unit=PER_SECOND,
            ),
            lines(
                "Refusals of the API server",
                "Answers of 400 and above by code, and <error> where none came. 404 and 409 in ones are "
                "ordinary; 403 is missing RBAC, 429 and 5xx an API server in need.",
                series(
                    f'sum by (code) (rate({_REQUESTS}{{code!~"[23].."}}[$__rate_interval]) {_OURS_TOO})', "{{code}}"
                ),
                unit=PER_SECOND,
                colours={"403": RED, "<error>": RED},
            ),
            lines(
                "Rollout",
                "What Strategies have to do with a change that the platform makes to all: a few are moved at a time. "
                "All done, or nothing at all, when none is under way.",
                series("max by (part) (btcwatcher_rollout_strategies)", "{{part}}"),
                unit=COUNT,
                span=8,
                stacked=True,
                colours={"done": GREEN, "moving": BLUE, "waiting": GREY, "failed": RED},
            ),
            lines(
                "Memory",
                "Of each replica. 999 Strategies should fit in 200 MiB.",
                series(f"process_resident_memory_bytes {_OURS_TOO}", "{{instance}}"),
                unit=BYTES,
                span=8,
                steps={200 * 2**20: RED},
            ),
            lines(
                "CPU",
                "Cores that each replica uses. Idle when nothing changes.",
                series(f"rate(process_cpu_seconds_total[$__rate_interval]) {_OURS_TOO}", "{{instance}}"),
                unit=COUNT,
                span=8,
            ),
        ],
        since="now-3h",
        refresh="30s",
    )
