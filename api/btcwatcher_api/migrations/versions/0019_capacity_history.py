"""How full the platform was: one row each time the collector looked."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # 105,000 rows a year, of 100 bytes: no partitions.
    op.execute("""
        CREATE TABLE capacity_history (
            at                                timestamptz PRIMARY KEY,
            slots_used                        integer NOT NULL,
            slots_free                        integer NOT NULL,
            slots_free_with_largest_node_lost integer,
            binding                           text,
            pending                           integer,
            strategies                        integer NOT NULL,
            ready                             integer NOT NULL,
            ports_used                        integer NOT NULL,
            ports                             integer NOT NULL,
            cpu_requested                     double precision,
            memory_requested                  double precision,
            pods_requested                    double precision
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE capacity_history")
