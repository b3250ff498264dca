"""Signals, partitioned by event time."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The id begins with the event time in milliseconds: ordering by it is ordering by time, and the primary key
    # serves the unfiltered history, the page cursors and the uniqueness of dated events in one index.
    op.execute("""
        CREATE TABLE signals (
            id              uuid NOT NULL,
            event_time      timestamptz NOT NULL,
            received_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
            event_key       bytea NOT NULL,
            dated           boolean NOT NULL,
            order_key       text,
            namespace       text NOT NULL,
            strategy        text NOT NULL,
            source          text NOT NULL,
            type            text NOT NULL,
            pair            text,
            direction       text,
            trade_id        text,
            trade_opened_at timestamptz,
            sub_trade       boolean,
            price           numeric,
            amount          numeric,
            stake           numeric,
            stake_currency  text,
            profit_ratio    numeric,
            profit_amount   numeric,
            enter_tag       text,
            exit_reason     text,
            message         text,
            strength        numeric CHECK (strength BETWEEN 0 AND 1),
            level           text CHECK (level IN ('Strong', 'Medium', 'Weak', 'Ignore')),
            priority        smallint CHECK (priority BETWEEN 0 AND 2),
            recovered       boolean NOT NULL DEFAULT false,
            payload         jsonb NOT NULL,
            PRIMARY KEY (id, event_time)
        ) PARTITION BY RANGE (event_time)
    """)
    # A signal of any date finds a place: losing one for want of a partition is worse than a slow query.
    op.execute("CREATE TABLE signals_default PARTITION OF signals DEFAULT")
    op.execute("CREATE INDEX signals_strategy ON signals (namespace, strategy, id)")
    op.execute("CREATE INDEX signals_pair ON signals (pair, id)")
    op.execute("CREATE INDEX signals_undated ON signals (event_key, event_time) WHERE NOT dated")


def downgrade() -> None:
    op.execute("DROP TABLE signals")
