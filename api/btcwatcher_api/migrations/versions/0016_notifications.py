"""Notifications: what is told besides signals, every attempt to tell, and how each channel is doing."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A delivery is of a signal or of a notice; both have uuids. Its own id is what people ask for by. A replay makes it
    # Pending again: it counts its attempts, and its age, from `replayed_at` on.
    op.execute("ALTER TABLE deliveries RENAME COLUMN signal_id TO subject_id")
    op.execute("""
        ALTER TABLE deliveries
            ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
            ADD COLUMN kind text NOT NULL DEFAULT 'Signal' CHECK (kind IN ('Signal', 'Alert', 'Manual', 'Test')),
            ADD COLUMN strategy text,
            ADD COLUMN reason text,
            ADD COLUMN settled_at timestamptz,
            ADD COLUMN fallback_of uuid,
            ADD COLUMN replayed_at timestamptz
    """)
    op.execute("CREATE INDEX deliveries_id ON deliveries (id)")
    op.execute("CREATE INDEX deliveries_history ON deliveries (created_at, id)")
    op.execute("""
        CREATE INDEX deliveries_due ON deliveries (channel_namespace, channel, priority, next_attempt_at)
        WHERE state = 'Pending'
    """)
    op.execute("""
        CREATE TABLE notices (
            id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            created_at  timestamptz NOT NULL,
            kind        text NOT NULL CHECK (kind IN ('Alert', 'Manual', 'Test')),
            namespace   text NOT NULL,
            strategy    text,
            priority    smallint NOT NULL CHECK (priority BETWEEN 0 AND 2),
            title       text NOT NULL,
            body        text NOT NULL,
            labels      jsonb NOT NULL DEFAULT '{}',
            annotations jsonb NOT NULL DEFAULT '{}',
            fingerprint text,
            resolved    boolean NOT NULL DEFAULT false,
            starts_at   timestamptz,
            ends_at     timestamptz,
            author      text
        )
    """)
    op.execute("CREATE INDEX notices_created ON notices (created_at)")
    op.execute(
        "CREATE INDEX notices_fingerprint ON notices (fingerprint, created_at DESC) WHERE fingerprint IS NOT NULL"
    )
    # An attempt is written before anything is sent and settled afterwards: one that was never settled tells that its
    # worker ended in between. Several deliveries that went out as one message share `message_id`.
    op.execute("""
        CREATE TABLE delivery_attempts (
            delivery_id       uuid NOT NULL,
            number            smallint NOT NULL,
            started_at        timestamptz NOT NULL,
            message_id        uuid NOT NULL,
            channel_namespace text NOT NULL,
            channel           text NOT NULL,
            priority          smallint NOT NULL,
            duration_ms       integer,
            reason            text,
            answer            text,
            PRIMARY KEY (delivery_id, number, started_at)
        ) PARTITION BY RANGE (started_at)
    """)
    op.execute("CREATE TABLE delivery_attempts_default PARTITION OF delivery_attempts DEFAULT")
    # Shared by all workers: when a channel may send again, by priority, and whether it is paused.
    op.execute("""
        CREATE TABLE channel_states (
            namespace    text NOT NULL,
            channel      text NOT NULL,
            failures     integer NOT NULL DEFAULT 0,
            paused_until timestamptz,
            last_reason  text,
            last_answer  text,
            last_sent_at timestamptz,
            last_p1_at   timestamptz,
            last_p2_at   timestamptz,
            tokens       double precision,
            tokens_at    timestamptz,
            PRIMARY KEY (namespace, channel)
        )
    """)


def downgrade() -> None:
    op.execute("DROP TABLE channel_states, delivery_attempts, notices")
    op.execute("DROP INDEX deliveries_due, deliveries_history, deliveries_id")
    op.execute("""
        ALTER TABLE deliveries DROP COLUMN id, DROP COLUMN kind, DROP COLUMN strategy, DROP COLUMN reason,
            DROP COLUMN settled_at, DROP COLUMN fallback_of, DROP COLUMN replayed_at
    """)
    op.execute("ALTER TABLE deliveries RENAME COLUMN subject_id TO signal_id")
