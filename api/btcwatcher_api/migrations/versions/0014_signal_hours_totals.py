"""Totals of all Strategies in the hourly roll-up, beside those of each."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # No namespace and no Strategy has an empty name.
    op.execute("""
        INSERT INTO signal_hours
        SELECT hour, '', '', type, level, sum(total), sum(recovered), sum(winning), sum(losing)
        FROM signal_hours GROUP BY hour, type, level
    """)


def downgrade() -> None:
    op.execute("DELETE FROM signal_hours WHERE strategy = ''")
