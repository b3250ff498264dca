"""A year of generated signals in the real table: fast, and as unevenly spread as real ones.

Ten namespaces with thirty Strategies each, sixty pairs; some types are rare, and some Strategies and a pair were given
up months ago, so that whoever looks for them from the newest signal on has far to go.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import sql

from btcwatcher_api.migrate import migrate
from btcwatcher_api.tables.partitions import make_ahead, month_after, partition_name

SETTINGS: Final = {
    # Rows of a table that was emptied in the same transaction then need not be logged.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "8GB",
    "maintenance_work_mem": "512MB",
    "shared_buffers": "512MB",
}
MONTHS: Final = 12
OLD_MONTHS: Final = 6
"""What was given up is only in these first months."""
_BATCH: Final = 25
"""Signals that were committed together."""
_PAYLOAD: Final = (
    '{"type":"entry","strategy":"trading.ema-cross","trade_id":"17","exchange":"Binance","pair":"BTC/USDT",'
    '"base_currency":"BTC","quote_currency":"USDT","leverage":"1.0","direction":"Long","limit":"60414.57469",'
    '"order_rate":"60414.57469","open_rate":"60414.57469","order_type":"market","stake_amount":"99.6840482385",'
    '"stake_currency":"USDT","fiat_currency":"","amount":"0.00165","open_date":"2026-11-22T19:50:37Z",'
    '"current_rate":"60414.26622815","enter_tag":"pulse:0.83","buy_tag":"pulse:0.83","sub_trade":"False"}'
)
_FILL: Final = """
INSERT INTO {partition} (id, event_time, received_at, event_key, dated, order_key, namespace, strategy, source, type,
    pair, direction, trade_id, trade_opened_at, sub_trade, price, amount, stake, stake_currency, profit_ratio,
    enter_tag, strength, level, priority, recovered, arrival, payload)
SELECT
    (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '8' || substr(h, 1, 3) || 'a'
        || substr(h, 4, 15))::uuid,
    at, at + interval '20 ms', decode(h, 'hex'), true, n || '/entry', 'desk' || owner / 30, 's' || owner, 'freqtrade',
    type, CASE WHEN pair = 59 AND {old} THEN 'OLD/USDT' ELSE 'C' || least(pair, 58) || '/USDT' END, 'long', n::text,
    at, false, 60414.57469, 0.00165, 99.6840482385, 'USDT',
    CASE WHEN type = 'exit_fill' THEN (b % 100 - 45) / 1000.0 END, 'pulse:0.83',
    CASE WHEN type LIKE 'entry%%' THEN 0.83 END,
    CASE WHEN type LIKE 'entry%%' THEN (ARRAY['Strong', 'Medium', 'Weak', 'Ignore'])[1 + b / 16 % 4] END,
    1, false, n / {batch} + 1, {payload}
FROM (
    SELECT n, {begin} + (n - {first}) * {step} AS at, md5(n::text) AS h, b,
        CASE WHEN a % 300 >= 280 AND NOT {old} THEN a % 280 ELSE a % 300 END AS owner,
        a / 512 % 60 AS pair,
        CASE WHEN c % 10000 = 0 THEN 'exception' WHEN c % 100 = 1 THEN 'warning' WHEN c % 100 < 4 THEN 'entry_cancel'
            ELSE (ARRAY['entry', 'entry_fill', 'exit', 'exit_fill'])[1 + c / 128 % 4] END AS type
    FROM (
        SELECT n, hashint8extended(n, 1) & 1073741823 AS a, hashint8extended(n, 2) & 1073741823 AS b,
            hashint8extended(n, 3) & 1073741823 AS c
        FROM generate_series({first}::bigint, {last}) AS n
    ) AS hashed
) AS made
"""


def generate(url: str, rows: int, now: datetime | None = None) -> datetime:
    """Fill a migrated, empty database with so many signals, the last of now; returns when the first happened."""
    end = now or datetime.now(UTC)
    months = [end.replace(day=1, hour=0, minute=0, second=0, microsecond=0)]
    while len(months) < MONTHS:
        months.insert(0, (months[0] - timedelta(days=1)).replace(day=1))
    with psycopg.connect(url, autocommit=True) as connection:
        indexes = _take_indexes_away(connection)
        per_month = rows // MONTHS
        for number, month in enumerate(months):
            make_ahead(connection, 0, month)
            until = min(month_after(month), end)
            first = number * per_month
            values: dict[str, Any] = {
                "partition": sql.Identifier(partition_name("signals", month)),
                "begin": sql.Literal(month),
                "step": sql.Literal((until - month) / per_month),
                "first": sql.Literal(first),
                "last": sql.Literal(first + per_month - 1),
                "old": sql.Literal(number < OLD_MONTHS),
                "batch": sql.Literal(_BATCH),
                "payload": sql.Literal(_PAYLOAD),
            }
            with connection.transaction():
                connection.execute(sql.SQL("TRUNCATE {partition}").format(**values))
                connection.execute(sql.SQL(_FILL.replace("%%", "%")).format(**values))
            print(f"\r{first + per_month:,} of {rows:,} signals generated", end="", flush=True)
        for statement in indexes:
            connection.execute(statement.encode())
        print(", indexes made", flush=True)
        connection.execute("VACUUM ANALYZE signals")
    # The numbers of new signals go on above those that were made up here.
    migrate(url, 1)
    return months[0]


def _take_indexes_away(connection: psycopg.Connection[Any]) -> list[str]:
    """Drop all indexes of signals; returns what makes them again."""
    rows = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'signals' ORDER BY indexname"
    ).fetchall()
    again = []
    for name, definition in rows:
        if name == "signals_pkey":
            connection.execute("ALTER TABLE signals DROP CONSTRAINT signals_pkey")
            again.append("ALTER TABLE signals ADD PRIMARY KEY (id, event_time)")
        else:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
            again.append(str(definition).replace(" ON ONLY ", " ON "))
    return again
