"""Deliveries: one row for each signal and channel that is to be told of it, written with the signal."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A claim pushes next_attempt_at ahead and counts the attempt up: that is the lease, and the attempt's number tells
    # a holder whose lease ran out that somebody else went on. Partitioned by the time of writing, not of the event,
    # so that dropping a month can never take what was written today. No foreign key: signals may be dropped first.
    op.execute("""
        CREATE TABLE deliveries (
            signal_id         uuid NOT NULL,
            channel_namespace text NOT NULL,
            channel           text NOT NULL,
            created_at        timestamptz NOT NULL,
            priority          smallint NOT NULL CHECK (priority BETWEEN 0 AND 2),
            state             text NOT NULL DEFAULT 'Pending' CHECK (state IN ('Pending', 'Sent', 'Failed', 'Skipped')),
            attempts          smallint NOT NULL DEFAULT 0,
            next_attempt_at   timestamptz NOT NULL,
            PRIMARY KEY (signal_id, channel_namespace, channel, created_at)
        ) PARTITION BY RANGE (created_at)
    """)
    op.execute("CREATE TABLE deliveries_default PARTITION OF deliveries DEFAULT")
    # What is done leaves this index: a claim reads just what waits, the most urgent first.
    op.execute("CREATE INDEX deliveries_pending ON deliveries (priority, next_attempt_at) WHERE state = 'Pending'")


def downgrade() -> None:
    op.execute("DROP TABLE deliveries")
