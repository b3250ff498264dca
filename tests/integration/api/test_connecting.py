"""Getting connected: what the API hands out works as it is, and the token is for who may trade."""

import json
import shlex
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from btcwatcher_api.accounts.roles import Role
from btcwatcher_api.signals.signatures import secret_of
from support import api
from support.api import READ_TOKEN, STRATEGY, Api, strategy, token, webhook

pytestmark = pytest.mark.integration

PATH = f"/api/v1/strategies/{STRATEGY}/webhook"
FILLED = {
    "{{strategy.order.action}}": "sell",
    "{{strategy.market_position}}": "flat",
    "{{strategy.prev_market_position}}": "long",
    "{{strategy.order.price}}": "67432.5",
    "{{strategy.order.contracts}}": "0.1",
    "{{strategy.order.id}}": "Long Entry",
    "{{strategy.order.comment}}": "take profit",
    "{{ticker}}": "BTCUSDT",
    "{{close}}": "67000",
}


@pytest.fixture
async def served(postgres_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE signals, signal_hours, deliveries, users CASCADE")
    settings = {**api.signing_key(tmp_path), "public_url": "https://btcwatcher.example.com/base/"}
    async with api.running(postgres_url, tmp_path, **settings) as running:
        yield running


async def connection(served: Api, role: Role | None = Role.TRADER) -> dict[str, Any]:
    assert served.app is not None
    bearer = READ_TOKEN if role is None else served.app.state.signer.access_token(UUID(int=1), "ann", role)
    answer = await served.http.get(PATH, headers={"Authorization": f"Bearer {bearer}"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    document: dict[str, Any] = answer.json()
    return document


def filled(message: str) -> bytes:
    """As TradingView does it."""
    for placeholder, value in {**FILLED, "{{timenow}}": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}.items():
        message = message.replace(placeholder, value)
    assert "{{" not in message
    return message.encode()


async def test_a_trader_is_given_all_it_takes(served: Api) -> None:
    given = await connection(served)
    assert given["url"] == f"https://btcwatcher.example.com/base{webhook()}"
    assert (given["token"], given["signing_secret"]) == (token(), secret_of(token()))
    text = {"Content-Type": "text/plain"}
    for message, kind in (("tradingview_strategy_message", "exit"), ("tradingview_alert_message", "entry")):
        answer = await served.http.post(webhook(), content=filled(given[message]), headers=text)
        assert answer.status_code == 202, answer.text
        assert [signal["type"] for signal in await served.history(limit=1, type=kind)] == [kind]
    command = shlex.split(given["curl"])
    user, password = command[command.index("--user") + 1].split(":")
    name, value = command[command.index("--header") + 1].split(": ")
    answer = await served.http.post(
        webhook(), content=command[command.index("--data") + 1], headers={name: value}, auth=(user, password)
    )
    assert answer.status_code == 202, answer.text
    assert command[-1] == given["url"]


async def test_rotation_shows_the_new_token(served: Api) -> None:
    served.registry.put(strategy(tokenGeneration=7))
    given = await connection(served, Role.ADMIN)
    assert (given["token_generation"], given["token"]) == (7, token(generation=7))
    assert json.loads(given["tradingview_strategy_message"])["token"] == token(generation=7)


@pytest.mark.parametrize("role", [Role.VIEWER, None])
async def test_who_may_only_read_is_not_given_the_token(served: Api, role: Role | None) -> None:
    given = await connection(served, role)
    assert (given["token"], given["signing_secret"]) == (None, None)
    assert token() not in json.dumps(given)
    assert given["url"].endswith(webhook())


async def test_an_unknown_strategy_is_404(served: Api) -> None:
    headers = {"Authorization": f"Bearer {READ_TOKEN}"}
    assert (await served.http.get("/api/v1/strategies/trading.no/webhook", headers=headers)).status_code == 404
