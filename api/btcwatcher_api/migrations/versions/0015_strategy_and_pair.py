"""An index for what a trader asks for most: one pair of one Strategy."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX signals_strategy_pair ON signals (strategy, pair, id)")


def downgrade() -> None:
    op.execute("DROP INDEX signals_strategy_pair")
