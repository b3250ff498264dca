"""API keys of machines, and users who may no longer sign in."""

from alembic import op

revision = "0008"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE users ADD COLUMN deactivated_at timestamptz")
    op.execute("""
        CREATE TABLE api_keys (
            id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            name         text NOT NULL,
            role         text NOT NULL CHECK (role IN ('viewer', 'trader', 'admin')),
            key_hash     bytea NOT NULL UNIQUE,
            created_by   text NOT NULL,
            created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
            expires_at   timestamptz,
            last_used_at timestamptz,
            revoked_at   timestamptz
        )
    """)
    # The audit log names a key by its name: of those that are good, only one may have it.
    op.execute("CREATE UNIQUE INDEX api_keys_name ON api_keys (name) WHERE revoked_at IS NULL")
    op.execute("CREATE INDEX audit_log_subject ON audit_log (subject, id)")
    op.execute("CREATE INDEX audit_log_actor ON audit_log (actor, id)")


def downgrade() -> None:
    op.execute("DROP INDEX audit_log_subject, audit_log_actor")
    op.execute("DROP TABLE api_keys")
    op.execute("ALTER TABLE users DROP COLUMN deactivated_at")
