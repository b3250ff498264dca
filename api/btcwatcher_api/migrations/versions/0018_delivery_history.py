"""What the history of deliveries is asked for most, read from indexes that cost a sender next to nothing."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What was not sent is rare, and what people look for and send again. What is sent never enters this index.
    op.execute("CREATE INDEX deliveries_unsent ON deliveries (created_at, id) WHERE state IN ('Failed', 'Skipped')")
    # All attempts of one message have one time, and lie where they were written.
    op.execute(
        "CREATE INDEX delivery_attempts_started ON delivery_attempts USING brin (started_at)"
        " WITH (pages_per_range = 16, autosummarize = on)"
    )


def downgrade() -> None:
    op.execute("DROP INDEX delivery_attempts_started, deliveries_unsent")
