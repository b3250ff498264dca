"""What a channel last failed with, so that a change of its spec or its Secret ends a pause."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE channel_states ADD COLUMN tried_with text")


def downgrade() -> None:
    op.execute("ALTER TABLE channel_states DROP COLUMN tried_with")
