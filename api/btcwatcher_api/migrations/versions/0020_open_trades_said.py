"""What each bot last said of its open trades, for a collector that starts while the bot does not answer."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE open_trades_said (
            namespace text NOT NULL,
            strategy  text NOT NULL,
            at        timestamptz NOT NULL,
            profits   jsonb NOT NULL,
            PRIMARY KEY (namespace, strategy)
        ) WITH (fillfactor = 50)
    """)


def downgrade() -> None:
    op.execute("DROP TABLE open_trades_said")
