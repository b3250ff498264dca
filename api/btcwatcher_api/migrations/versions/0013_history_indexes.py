"""Indexes for every filter of the history, each in the order in which pages are read."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Without it the planner takes level and type for independent, looks for exits with a level among all that have one, and
# there are none. On each partition: those made later copy it.
_STATISTICS = """
    DO $$
    DECLARE place regclass;
    BEGIN
        FOR place IN
            SELECT 'signals'::regclass UNION ALL SELECT inhrelid FROM pg_inherits WHERE inhparent = 'signals'::regclass
        LOOP
            EXECUTE format('CREATE STATISTICS %s (mcv) ON type, level FROM %s', place || '_type_level', place);
        END LOOP;
    END $$
"""


def upgrade() -> None:
    # A Strategy's name first, for it is asked for with and without a namespace.
    op.execute("DROP INDEX signals_strategy")
    op.execute("CREATE INDEX signals_strategy ON signals (strategy, id)")
    op.execute("CREATE INDEX signals_namespace ON signals (namespace, id)")
    op.execute("CREATE INDEX signals_type ON signals (type, id)")
    op.execute("CREATE INDEX signals_level ON signals (level, type, id) WHERE level IS NOT NULL")
    op.execute(_STATISTICS)


def downgrade() -> None:
    op.execute("DROP STATISTICS signals_type_level")
    op.execute("DROP INDEX signals_level, signals_type, signals_namespace, signals_strategy")
    op.execute("CREATE INDEX signals_strategy ON signals (namespace, strategy, id)")
