"""Notes of recovered fills: a webhook that comes after its fill was recovered is known by them."""

from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Small, for only what never arrived is in it, and for three days: writers of signals look into it at every fill.
    op.execute("""
        CREATE TABLE recovered_fills (
            namespace    text NOT NULL,
            strategy     text NOT NULL,
            trade_id     text NOT NULL,
            type         text NOT NULL,
            opened_at    timestamptz NOT NULL,
            price        numeric NOT NULL,
            signal_id    uuid NOT NULL,
            recovered_at timestamptz NOT NULL,
            PRIMARY KEY (namespace, strategy, trade_id, type, opened_at, price, signal_id)
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE recovered_fills")
