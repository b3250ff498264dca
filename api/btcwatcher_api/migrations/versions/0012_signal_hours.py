"""The hourly roll-up of signals, and how far it has come."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE signal_hours (
            hour      timestamptz NOT NULL,
            namespace text NOT NULL,
            strategy  text NOT NULL,
            type      text NOT NULL,
            level     text NOT NULL,
            total     integer NOT NULL,
            recovered integer NOT NULL,
            winning   integer NOT NULL,
            losing    integer NOT NULL,
            PRIMARY KEY (hour, namespace, strategy, type, level)
        )
    """)
    op.execute("CREATE INDEX signal_hours_strategy ON signal_hours (strategy, hour)")
    # All signals whose arrival is below this are in signal_hours, and no other. One row.
    op.execute("CREATE TABLE signal_rollup (below bigint NOT NULL)")
    op.execute("INSERT INTO signal_rollup VALUES (1)")
    # Signals of before they had an arrival; new ones of those cannot come.
    op.execute("""
        INSERT INTO signal_hours
        SELECT date_trunc('hour', event_time, 'UTC'), namespace, strategy, type, coalesce(level, ''), count(*),
            count(*) FILTER (WHERE recovered), count(*) FILTER (WHERE type = 'exit_fill' AND profit_ratio > 0),
            count(*) FILTER (WHERE type = 'exit_fill' AND profit_ratio < 0)
        FROM signals WHERE arrival = 0 GROUP BY 1, 2, 3, 4, 5
    """)


def downgrade() -> None:
    op.execute("DROP TABLE signal_rollup, signal_hours")
