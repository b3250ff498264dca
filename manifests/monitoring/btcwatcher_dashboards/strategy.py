"""One Strategy: how its bot fares, what it signals and trades, and what it uses."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from btcwatcher_crds import names
from btcwatcher_dashboards import variables
from btcwatcher_dashboards.board import board
from btcwatcher_dashboards.containers import cpu, memory, memory_limit
from btcwatcher_dashboards.panels import (
    BYTES,
    COUNT,
    GREEN,
    MOMENT,
    MONEY,
    ORANGE,
    RATIO,
    RED,
    SECONDS,
    bars,
    figure,
    lines,
    listing,
    states,
    words,
)
from btcwatcher_dashboards.queries import SIGNALS_SHOWN, now, series, sql_rows, sql_series

_ONE: Final = 'namespace="$namespace",name="$strategy"'
_POD: Final = f'namespace="$namespace",pod="{names.pod("$strategy")}",'
_REASON: Final = f"max by (reason) (btcwatcher_strategy_ready_reason{{{_ONE}}})"
_IS_READY: Final = f'count(btcwatcher_strategy_condition{{{_ONE},type="Ready",status="True"}})'
_ROWS: Final = f"namespace = '${{namespace}}' AND strategy = '${{strategy}}' AND {SIGNALS_SHOWN}"

_EARNED_UNITS: Final = {"Won": RATIO, "Average": RATIO, "Profit": MONEY}

_COMMANDS: Final = f"""
```
kubectl -n ${{namespace}} describe strategy ${{strategy}}
kubectl -n ${{namespace}} logs {names.pod("${strategy}")} -c {names.CONTAINER_BOT} --tail 200 --follow
kubectl -n ${{namespace}} get events --field-selector involvedObject.name=${{strategy}}
```
By REST, with a token of yours:
```
curl -H "Authorization: Bearer $TOKEN" ${{api}}/api/v1/strategies/${{namespace}}.${{strategy}}/logs?tail=200
```
The API's own pages: [${{api}}/docs](${{api}}/docs)
"""


def _earned(column: str, heading: str) -> str:
    return f"""
        SELECT {column} AS "{heading}", count(*) AS "Trades", avg((profit_ratio > 0)::int) AS "Won",
            avg(profit_ratio) AS "Average", sum(profit_amount) AS "Profit", stake_currency AS "Currency"
        FROM signals WHERE type = 'exit_fill' AND {_ROWS} GROUP BY 1, stake_currency ORDER BY 5 DESC
    """


def dashboard() -> Dashboard:
    """Where every other dashboard leads when one bot is meant."""
    return board(
        "strategy",
        "Strategy",
        "One Strategy: its state, trades, signals, restarts and resources.",
        [
            variables.prometheus_source(),
            variables.postgres_source(),
            variables.namespace(),
            variables.strategy(),
            variables.api_address(),
        ],
        [
            figure(
                "State",
                "Why condition Ready is as it is; green while it is True. Each reason has a paragraph in "
                "docs/conditions.md, `kubectl describe` has the bot's own words.",
                now(f"({_REASON} - 1) + on () group_left () ({_IS_READY} or vector(0))", "{{reason}}"),
                COUNT,
                steps={1: GREEN},
                below=RED,
                name=True,
            ),
            figure(
                "Asked for",
                "What the spec says: mode, state, exchange, and the port of the pool that the bot has.",
                now(
                    f"max by (mode, state, exchange, port) (btcwatcher_strategy_info{{{_ONE}}})",
                    "{{mode}}, {{state}}, {{exchange}}, port {{port}}",
                ),
                COUNT,
                span=8,
                name=True,
            ),
            figure(
                "Trading loop",
                "How long ago the bot's trading loop came round. Above a minute its exchange is slow or away; one that "
                "hangs is restarted by itself.",
                now(f"time() - max(btcwatcher_bot_last_process_timestamp_seconds{{{_ONE}}})", "ago"),
                SECONDS,
                steps={60: ORANGE, 300: RED},
                decimals=0,
            ),
            figure(
                "Open trades",
                "As of the collector's last visit.",
                now(f"max(btcwatcher_bot_open_trades{{{_ONE}}})", "open trades"),
                COUNT,
            ),
            figure(
                "Balance",
                "What the bot manages, open trades included, valued in its stake currency.",
                now(f"max by (currency) (btcwatcher_bot_balance{{{_ONE}}})", "{{currency}}"),
                MONEY,
                decimals=2,
            ),
            lines(
                "Profit",
                "Closed: of all closed trades since the first. Open: of the open trades at the current price. "
                "In the stake currency.",
                series(f"max by (currency) (btcwatcher_bot_closed_profit{{{_ONE}}})", "closed, {{currency}}"),
                series(f"max by (currency) (btcwatcher_bot_open_profit{{{_ONE}}})", "open, {{currency}}"),
                unit=MONEY,
                least=None,
            ),
            bars(
                "Signals by type",
                "Everything that the bot said, as it arrived. No entries for long: see whether the loop comes "
                "round and the pairs have data.",
                sql_series(
                    f"""
                    SELECT $__timeGroupAlias(event_time, $__interval), type AS metric, count(*) AS value
                    FROM signals WHERE {_ROWS} GROUP BY 1, 2 ORDER BY 1
                    """
                ),
            ),
            states(
                "State over time",
                "A row for each reason that condition Ready has had, filled while it had it.",
                series(_REASON, "{{reason}}"),
            ),
            lines(
                "Restarts and answers",
                "Restarts: of the bot in the pod that it has now; a new pod begins at 0. Answers: 1 while the "
                "bot's API answers the collector. Restarts that go up say that the bot ends or hangs: its last "
                "error is in the State above.",
                series(f"max(btcwatcher_strategy_restarts{{{_ONE}}})", "restarts"),
                series(f"max(btcwatcher_bot_reachable{{{_ONE}}})", "answers"),
                unit=COUNT,
                stepped=True,
            ),
            lines(
                "CPU",
                "Cores that the bot uses; it peaks when a candle closes. Of the kubelet's cAdvisor.",
                series(f"sum({cpu(_POD)})", "cores"),
                unit="none",
            ),
            lines(
                "Memory",
                "The bot's working set, and its limit where it has one: at the limit it is killed. "
                "Raise spec.resources.limits.memory when the two come near. Of the kubelet's cAdvisor.",
                series(f"max({memory(_POD)})", "used"),
                series(f"max({memory_limit(_POD)})", "limit"),
                unit=BYTES,
                colours={"limit": RED},
            ),
            listing(
                "By pair",
                "What the trades closed in the time shown earned, by pair. Leave out one that keeps losing.",
                sql_rows(_earned("pair", "Pair")),
                columns={},
                units=_EARNED_UNITS,
                fixed=True,
            ),
            listing(
                "By exit reason",
                "The same by why the trade was left: many stop losses say that entries come too early or stops are too "
                "near.",
                sql_rows(_earned("exit_reason", "Exit reason")),
                columns={},
                units=_EARNED_UNITS,
                fixed=True,
            ),
            listing(
                "Closed trades",
                "The latest exits that were filled, in the time shown.",
                sql_rows(
                    f"""
                    SELECT event_time AS "Time", pair AS "Pair", direction AS "Direction", exit_reason AS "Exit reason",
                        enter_tag AS "Entry tag", profit_ratio AS "Profit", profit_amount AS "Amount",
                        stake_currency AS "Currency", extract(epoch FROM event_time - trade_opened_at) AS "Held"
                    FROM signals WHERE type = 'exit_fill' AND {_ROWS} ORDER BY id DESC LIMIT 100
                    """
                ),
                columns={},
                units={"Time": MOMENT, "Profit": RATIO, "Amount": MONEY, "Held": SECONDS},
                span=24,
                fixed=True,
            ),
            listing(
                "Latest signals",
                "Everything that the bot said, the newest first; recovered ones never arrived and were filled in from "
                "the bot's own trades.",
                sql_rows(
                    f"""
                    SELECT event_time AS "Time", type AS "Type", pair AS "Pair", level AS "Level",
                        strength AS "Strength", price AS "Price", message AS "Message", recovered AS "Recovered"
                    FROM signals WHERE {_ROWS} ORDER BY id DESC LIMIT 100
                    """
                ),
                columns={},
                units={"Time": MOMENT},
                span=14,
                fixed=True,
            ),
            words(
                "Logs and commands",
                "Where to look further: Grafana shows figures, the bot's words are in its log.",
                _COMMANDS,
                span=10,
            ),
        ],
        since="now-24h",
        refresh="1m",
    )
