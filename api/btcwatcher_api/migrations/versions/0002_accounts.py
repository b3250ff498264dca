"""Accounts, their refresh tokens, and the audit log."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE TABLE users (
            id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            username            text NOT NULL UNIQUE CHECK (username = lower(username)),
            password_hash       text NOT NULL,
            role                text NOT NULL CHECK (role IN ('viewer', 'trader', 'admin')),
            created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
            password_changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
        )
    """)
    # A family is one sign-in: each refresh adds a row to it, and a token used twice ends the whole family.
    op.execute("""
        CREATE TABLE refresh_tokens (
            token_hash bytea PRIMARY KEY,
            family     uuid NOT NULL,
            user_id    uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            issued_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
            expires_at timestamptz NOT NULL,
            used_at    timestamptz,
            revoked_at timestamptz
        )
    """)
    op.execute("CREATE INDEX refresh_tokens_family ON refresh_tokens (family)")
    op.execute("CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id, expires_at)")
    op.execute("""
        CREATE TABLE audit_log (
            id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at         timestamptz NOT NULL DEFAULT clock_timestamp(),
            actor      text NOT NULL,
            action     text NOT NULL,
            subject    text NOT NULL,
            request_id text NOT NULL,
            detail     jsonb NOT NULL DEFAULT '{}'
        )
    """)
    op.execute("CREATE INDEX audit_log_at ON audit_log USING brin (at)")


def downgrade() -> None:
    op.execute("DROP TABLE audit_log, refresh_tokens, users")
