"""All Strategies at a glance: who trades, who does not and why, what they earn and what they signal."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from btcwatcher_dashboards import variables
from btcwatcher_dashboards.board import TO_STRATEGY, board
from btcwatcher_dashboards.panels import (
    COUNT,
    GREEN,
    LEVEL_COLOURS,
    MOMENT,
    MONEY,
    ORANGE,
    RATIO,
    RED,
    bars,
    figure,
    lines,
    listing,
    ranking,
)
from btcwatcher_dashboards.queries import HOURS_SHOWN, SIGNALS_SHOWN, now, rows, series, sql_rows, sql_series

_STRATEGIES = 'max by (namespace, name) (btcwatcher_strategy_info{namespace=~"$namespace"})'
_READY = 'max by (namespace, name) (btcwatcher_strategy_condition{namespace=~"$namespace",type="Ready",status="True"})'
_STALLED = (
    'max by (namespace, name) (btcwatcher_strategy_condition{namespace=~"$namespace",type="Stalled",status="True"})'
)
_MONEY = '{namespace=~"$namespace",currency="$currency"}'
_CLOSED_TRADES = f"""
    type = 'exit_fill' AND profit_amount IS NOT NULL AND stake_currency = '${{currency}}'
    AND namespace IN (${{namespace:sqlstring}}) AND {SIGNALS_SHOWN}
"""


def _bots(order: str) -> str:
    return f"""
        SELECT namespace AS "Namespace", strategy AS "Strategy", sum(profit_amount) AS "Profit",
            count(*) AS "Trades", avg((profit_ratio > 0)::int) AS "Won", avg(profit_ratio) AS "Average"
        FROM signals WHERE {_CLOSED_TRADES}
        GROUP BY 1, 2 ORDER BY 3 {order} LIMIT 10
    """


def dashboard() -> Dashboard:
    """The front page."""
    bot_units = {"Profit": MONEY, "Won": RATIO, "Average": RATIO}
    link = {"Strategy": TO_STRATEGY}
    return board(
        "fleet",
        "Fleet",
        "All Strategies: their states, profit and signals. Begin here.",
        [
            variables.prometheus_source(),
            variables.postgres_source(),
            variables.namespaces(),
            variables.currency(),
        ],
        [
            figure(
                "Strategies",
                "How many Strategies there are in the namespaces chosen, whatever their state.",
                now(f"count({_STRATEGIES})", "Strategies"),
                COUNT,
            ),
            figure(
                "Not Ready",
                "Strategies that do not do what their spec asks, be it for a moment while they start. Those "
                "that trade, are paused or are suspended by request are Ready. Each is listed below with its reason.",
                now(f"count({_STRATEGIES} unless on (namespace, name) {_READY}) or vector(0)", "not ready"),
                COUNT,
                steps={1: ORANGE},
            ),
            figure(
                "Need a person",
                "Strategies whose condition Stalled is True: waiting does not help. "
                "`kubectl describe strategy` says what to change.",
                now(f"count({_STALLED}) or vector(0)", "Stalled"),
                COUNT,
                steps={1: RED},
            ),
            figure(
                "Bots that do not answer",
                "Bots whose API did not answer the collector's last visit. A bot that starts is among them for "
                "a moment; one that stays is restarted by its liveness probe.",
                now(
                    'count(max by (namespace, name) (btcwatcher_bot_reachable{namespace=~"$namespace"}) == 0)'
                    " or vector(0)",
                    "silent",
                ),
                COUNT,
                steps={1: RED},
            ),
            figure(
                "Open trades",
                "Of all bots together, as of the collector's last visit.",
                now(
                    'sum(max by (namespace, name) (btcwatcher_bot_open_trades{namespace=~"$namespace"}))', "open trades"
                ),
                COUNT,
            ),
            figure(
                "Profit of closed trades, $currency",
                "Since each bot's first trade; of all bots with this stake currency together. Dry runs count like live "
                "ones: choose namespaces to tell them apart.",
                now(f"sum(max by (namespace, name) (btcwatcher_bot_closed_profit{_MONEY}))", "closed"),
                MONEY,
                steps={0: GREEN},
                below=RED,
                decimals=2,
            ),
            lines(
                "Strategies by reason",
                "Why each Strategy's condition Ready is as it is. Running, Paused and Suspended are as asked for; "
                "every other reason has a paragraph in docs/conditions.md.",
                series(
                    "count by (reason) (max by (namespace, name, reason)"
                    ' (btcwatcher_strategy_ready_reason{namespace=~"$namespace"}))',
                    "{{reason}}",
                ),
                unit=COUNT,
                span=10,
                stacked=True,
                colours={"Running": GREEN, "CrashLooping": RED, "Hanging": RED},
            ),
            lines(
                "Profit, $currency",
                "Closed: of all closed trades since each bot's first. Open: of the open trades at the current price.",
                series(f"sum(max by (namespace, name) (btcwatcher_bot_closed_profit{_MONEY}))", "closed"),
                series(f"sum(max by (namespace, name) (btcwatcher_bot_open_profit{_MONEY}))", "open"),
                unit=MONEY,
                span=8,
                least=None,
            ),
            ranking(
                "Strategies by mode and state",
                "What the specs ask for. Live means real money.",
                now(
                    "count by (mode, state) (max by (namespace, name, mode, state)"
                    ' (btcwatcher_strategy_info{namespace=~"$namespace"}))',
                    "{{mode}}, {{state}}",
                ),
                COUNT,
                span=6,
            ),
            bars(
                "Entries by level, per hour",
                "Entry signals, graded by each Strategy's own thresholds, from the hourly roll-up. No bars for long: "
                "look at the bots first, then at the webhook (dashboard Signals and notifications).",
                sql_series(
                    f"""
                    SELECT hour AS "time", coalesce(nullif(level, ''), 'not graded') AS metric,
                        sum(total) AS value
                    FROM signal_hours
                    WHERE type = 'entry' AND strategy <> '' AND namespace IN (${{namespace:sqlstring}})
                        AND {HOURS_SHOWN}
                    GROUP BY 1, 2 ORDER BY 1
                    """
                ),
                colours=LEVEL_COLOURS,
                interval="1h",
            ),
            bars(
                "Closed trades, per hour",
                "Exits that were filled, by whether they made or lost money.",
                sql_series(
                    f"""
                    SELECT hour AS "time", unnest(ARRAY['won', 'lost']) AS metric,
                        unnest(ARRAY[sum(winning), sum(losing)]) AS value
                    FROM signal_hours
                    WHERE type = 'exit_fill' AND strategy <> '' AND namespace IN (${{namespace:sqlstring}})
                        AND {HOURS_SHOWN}
                    GROUP BY 1 ORDER BY 1
                    """
                ),
                colours={"won": GREEN, "lost": RED},
                interval="1h",
            ),
            listing(
                "Top bots, $currency",
                "The ten with the most profit from trades closed in the time shown; average is per trade, fees "
                "included.",
                sql_rows(_bots("DESC")),
                columns={},
                units=bot_units,
                links=link,
                fixed=True,
            ),
            listing(
                "Bottom bots, $currency",
                "The ten with the least profit from trades closed in the time shown: the first to pause.",
                sql_rows(_bots("ASC")),
                columns={},
                units=bot_units,
                links=link,
                fixed=True,
            ),
            listing(
                "Who is not Ready, and why",
                "Each Strategy that is not Ready, and why. Empty is good.",
                rows(
                    'max by (namespace, name, reason) (btcwatcher_strategy_ready_reason{namespace=~"$namespace"})'
                    f" unless on (namespace, name) {_READY}"
                ),
                columns={"namespace": "Namespace", "name": "Strategy", "reason": "Reason"},
                links=link,
            ),
            listing(
                "Latest entries",
                "The latest entry signals in the time shown, whatever their level.",
                sql_rows(
                    f"""
                    SELECT event_time AS "Time", namespace AS "Namespace", strategy AS "Strategy", pair AS "Pair",
                        direction AS "Direction", level AS "Level", strength AS "Strength", price AS "Price"
                    FROM signals
                    WHERE type = 'entry' AND namespace IN (${{namespace:sqlstring}}) AND {SIGNALS_SHOWN}
                    ORDER BY id DESC LIMIT 50
                    """
                ),
                columns={},
                units={"Time": MOMENT},
                links=link,
                fixed=True,
            ),
        ],
        since="now-24h",
        refresh="1m",
    )
