"""The table `signals` as queries see it. Its definition is the migrations'."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, DateTime, MetaData, Numeric, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()

signals: Final = Table(
    "signals",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("event_time", DateTime(timezone=True), primary_key=True),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("namespace", Text, nullable=False),
    Column("strategy", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("pair", Text),
    Column("direction", Text),
    Column("trade_id", Text),
    Column("trade_opened_at", DateTime(timezone=True)),
    Column("sub_trade", Boolean),
    Column("price", Numeric),
    Column("amount", Numeric),
    Column("stake", Numeric),
    Column("stake_currency", Text),
    Column("profit_ratio", Numeric),
    Column("profit_amount", Numeric),
    Column("enter_tag", Text),
    Column("exit_reason", Text),
    Column("message", Text),
    Column("strength", Numeric),
    Column("level", Text),
    Column("priority", SmallInteger),
    Column("recovered", Boolean, nullable=False),
    Column("arrival", BigInteger, nullable=False),
    Column("payload", JSONB, nullable=False),
)

listed: Final = [column for column in signals.columns if column.name != "payload"]
"""What lists show: all but the body."""
