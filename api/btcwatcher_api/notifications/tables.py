"""The tables of notifications as queries see them. Their definition is the migrations'."""

from typing import Final

from sqlalchemy import Boolean, Column, DateTime, Integer, MetaData, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("subject_id", Uuid, primary_key=True),
    Column("channel_namespace", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("created_at", DateTime(timezone=True), primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("strategy", Text),
    Column("priority", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("attempts", SmallInteger, nullable=False),
    Column("next_attempt_at", DateTime(timezone=True), nullable=False),
    Column("settled_at", DateTime(timezone=True)),
    Column("fallback_of", Uuid),
    Column("replayed_at", DateTime(timezone=True)),
)

attempts: Final = Table(
    "delivery_attempts",
    metadata,
    Column("delivery_id", Uuid, primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("started_at", DateTime(timezone=True), primary_key=True),
    Column("message_id", Uuid, nullable=False),
    Column("duration_ms", Integer),
    Column("reason", Text),
    Column("answer", Text),
)

notices: Final = Table(
    "notices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("strategy", Text),
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("labels", JSONB, nullable=False),
    Column("annotations", JSONB, nullable=False),
    Column("fingerprint", Text),
    Column("resolved", Boolean, nullable=False),
    Column("starts_at", DateTime(timezone=True)),
    Column("ends_at", DateTime(timezone=True)),
    Column("author", Text),
)
