"""The order of arrival: the one that a reader who follows the signals can trust."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The number that a transaction's rows get. A function, so that `migrate` can raise it after a restore into a server
    # whose transactions are numbered anew (arrival.py); immutable and of one expression, so that Postgres inlines it.
    op.execute("""
        CREATE FUNCTION signal_arrival(transaction_id xid8) RETURNS bigint
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN transaction_id::text::bigint
    """)
    # 0 for the rows of before, without rewriting the table.
    op.execute("ALTER TABLE signals ADD COLUMN arrival bigint NOT NULL DEFAULT 0")
    op.execute("ALTER TABLE signals ALTER COLUMN arrival SET DEFAULT signal_arrival(pg_current_xact_id())")
    # Of the number alone: rows of one commit share it, so Postgres keeps it once for all of them.
    op.execute("CREATE INDEX signals_arrival ON signals (arrival) WHERE arrival > 0")


def downgrade() -> None:
    op.execute("DROP INDEX signals_arrival")
    op.execute("ALTER TABLE signals DROP COLUMN arrival")
    op.execute("DROP FUNCTION signal_arrival")
