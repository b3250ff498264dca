"""The plain way to take signals in, to compare ours with: FastAPI, models, a session and a commit a request.

`python plain_way.py DATABASE_URL PORT`. It does the same work as the API (checks the token, grades, writes the signal
and its delivery, answers after the commit) as most services are written, with the same server settings.
"""

import secrets
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID, uuid4

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, ConfigDict
from sqlalchemy import DateTime, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from btcwatcher_api.engines import sqlalchemy_url
from support import api


class Base(DeclarativeBase):
    pass


class Signal(Base):
    __tablename__ = "signals"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    event_time: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    event_key: Mapped[bytes]
    dated: Mapped[bool]
    namespace: Mapped[str]
    strategy: Mapped[str]
    source: Mapped[str]
    type: Mapped[str]
    pair: Mapped[str]
    direction: Mapped[str]
    trade_id: Mapped[str]
    price: Mapped[Decimal] = mapped_column(Numeric)
    amount: Mapped[Decimal] = mapped_column(Numeric)
    stake: Mapped[Decimal] = mapped_column(Numeric)
    stake_currency: Mapped[str]
    enter_tag: Mapped[str]
    strength: Mapped[Decimal] = mapped_column(Numeric)
    level: Mapped[str]
    priority: Mapped[int]
    recovered: Mapped[bool]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Delivery(Base):
    __tablename__ = "deliveries"
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel_namespace: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    priority: Mapped[int]
    next_attempt_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Body(BaseModel):
    model_config = ConfigDict(extra="allow")
    type: str
    pair: str
    direction: str
    trade_id: str
    order_rate: Decimal
    amount: Decimal
    stake_amount: Decimal
    stake_currency: str
    enter_tag: str
    open_date: datetime


class Accepted(BaseModel):
    id: UUID
    status: str = "accepted"


def create(database_url: str) -> FastAPI:
    engine = create_async_engine(sqlalchemy_url(database_url), pool_size=20, max_overflow=12)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    app = FastAPI()

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    @app.post("/api/v1/signals/webhook/{strategy_id}", status_code=202)
    async def receive(
        strategy_id: str,
        body: Body,
        credentials: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())],
        database: Annotated[AsyncSession, Depends(session)],
    ) -> Accepted:
        if not secrets.compare_digest(credentials.password, api.token()):
            raise HTTPException(401)
        namespace, _, name = strategy_id.partition(".")
        strength = Decimal(body.enter_tag.rpartition(":")[2])
        identifier, now = uuid4(), datetime.now(UTC)
        signal = Signal(
            id=identifier,
            event_time=body.open_date,
            received_at=now,
            event_key=identifier.bytes,
            dated=True,
            namespace=namespace,
            strategy=name,
            source="freqtrade",
            type=body.type,
            pair=body.pair,
            direction=body.direction.lower(),
            trade_id=body.trade_id,
            price=body.order_rate,
            amount=body.amount,
            stake=body.stake_amount,
            stake_currency=body.stake_currency,
            enter_tag=body.enter_tag,
            strength=strength,
            level="Strong" if strength > Decimal("0.8") else "Medium",
            priority=0,
            recovered=False,
            payload=body.model_dump(mode="json"),
        )
        delivery = Delivery(
            subject_id=identifier,
            channel_namespace=namespace,
            channel="desk",
            created_at=now,
            priority=0,
            next_attempt_at=now,
        )
        database.add_all([signal, delivery])
        await database.commit()
        return Accepted(id=identifier)

    return app


if __name__ == "__main__":
    url, port = sys.argv[1:]
    uvicorn.run(create(url), port=int(port), http="httptools", loop="uvloop", access_log=False, log_level="warning")
