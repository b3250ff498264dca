"""The numbers of arriving signals go on from those that are stored, in a server that they were restored into too."""

from typing import Any

import psycopg
from psycopg import sql


def continue_numbers(connection: psycopg.Connection[Any]) -> int:
    """Let new signals come after all that are stored; returns by how much their numbers were raised.

    A dump restored into another server brings rows along, but that server's transactions are numbered from the start:
    without this, whoever follows would take nothing for new until its numbers had caught up.
    """
    with connection.transaction():
        connection.execute("LOCK TABLE signals IN SHARE ROW EXCLUSIVE MODE")
        row = connection.execute(
            "SELECT greatest((SELECT max(arrival) FROM signals WHERE arrival > 0),"
            " (SELECT below - 1 FROM signal_rollup)),"
            " signal_arrival(pg_current_xact_id()), pg_current_xact_id()::text::bigint"
        ).fetchone()
        most, number, transaction = row if row is not None else (None, 0, 0)
        if most is None or most < number:
            return 0
        base = int(most) + 1 - int(transaction)
        connection.execute(
            sql.SQL(
                "CREATE OR REPLACE FUNCTION signal_arrival(transaction_id xid8) RETURNS bigint"
                " LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN transaction_id::text::bigint + {}"
            ).format(sql.Literal(base))
        )
        return int(most) + 1 - int(number)
