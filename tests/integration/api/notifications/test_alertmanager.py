"""Alertmanager's webhook: alerts become notices and deliveries, told once, in one transaction."""

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from btcwatcher_api.accounts.roles import Role
from btcwatcher_api.notifications.subject import Kind, Subject
from btcwatcher_api.notifications.templates.render import render
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.notification_channel import Language
from support import api
from support.api import Api

pytestmark = pytest.mark.integration

PATH = "/api/v1/notifications/alertmanager"
# As https://prometheus.io/docs/alerting/latest/configuration/#webhook_config has it.
BODY: dict[str, Any] = json.loads((Path(__file__).parents[3] / "data" / "alertmanager_webhook.json").read_text())
TABLES = "notices, deliveries, delivery_attempts, channel_states"


def channel(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"type": "Email", "credentialsRef": {"name": "mail"}, **spec},
    }


@pytest.fixture
async def served(postgres_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"TRUNCATE {TABLES}")
    async with api.running(postgres_url, tmp_path, **api.signing_key(tmp_path)) as running:
        running.channels.replace(
            [
                channel("trading", "desk", strategies={}),
                channel("ops", "all", strategies={"namespaces": ["*"]}),
                channel("ops", "own"),
            ]
        )
        yield running


async def post(served: Api, body: Any, role: Role = Role.TRADER) -> httpx.Response:
    assert served.app is not None
    token = served.app.state.signer.access_token(uuid4(), "alertmanager", role)
    return await served.http.post(PATH, json=body, headers={"Authorization": f"Bearer {token}"})


def rows(url: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


def told(url: str) -> list[tuple[str, str, bool]]:
    return [
        (row["title"], row["channel"], row["resolved"])
        for row in rows(
            url,
            "SELECT n.title, d.channel_namespace || '/' || d.channel AS channel, n.resolved FROM deliveries d"
            " JOIN notices n ON n.id = d.subject_id ORDER BY n.created_at, n.title, channel",
        )
    ]


def resolved() -> dict[str, Any]:
    body = copy.deepcopy(BODY)
    for alert in body["alerts"]:
        alert |= {"status": "resolved", "endsAt": "2026-11-27T07:45:03.157076882Z"}
    return body | {"status": "resolved"}


def later(url: str, seconds: int) -> None:
    """Let that much time pass since what is stored."""
    with psycopg.connect(url) as connection:
        for table in ("notices", "deliveries"):
            statement = f"UPDATE {table} SET created_at = created_at - make_interval(secs => %s)"  # noqa: S608
            connection.execute(statement.encode(), (seconds,))


async def test_alerts_become_notices_and_deliveries(served: Api, postgres_url: str) -> None:
    answer = await post(served, BODY)
    assert (answer.status_code, answer.json()) == (202, {"received": 2, "told": 2, "deliveries": 3})
    assert told(postgres_url) == [
        ("BTCWatcherBotNotReady", "ops/all", False),
        ("BTCWatcherBotNotReady", "trading/desk", False),
        ("BTCWatcherCapacityShort", "ops/all", False),
    ]
    bot, capacity = rows(postgres_url, "SELECT * FROM notices ORDER BY title")
    assert (bot["namespace"], bot["strategy"], bot["priority"], bot["kind"]) == ("trading", "ema-cross", 0, "Alert")
    assert bot["starts_at"].isoformat() == "2026-11-27T07:15:03.157076+00:00"
    assert (bot["ends_at"], bot["fingerprint"], bot["author"]) == (None, "1a30ba71cca2921f", "alertmanager")
    assert bot["labels"] == BODY["alerts"][0]["labels"]
    assert (capacity["namespace"], capacity["strategy"], capacity["priority"]) == ("", None, 1)
    assert capacity["body"] == "Nodes have memory for 2 more bots"
    deliveries = rows(postgres_url, "SELECT * FROM deliveries ORDER BY priority, channel")
    assert [row["strategy"] for row in deliveries] == ["trading.ema-cross", "trading.ema-cross", None]
    assert all(row["next_attempt_at"] == row["created_at"] and row["state"] == "Pending" for row in deliveries)
    # What the worker reads from them has words.
    subject = Subject(bot["id"], Kind.ALERT, Priority(0), "trading", "ema-cross", bot["created_at"], bot)
    message = render([subject], language=Language.ENGLISH).message
    assert message.title == "Alert: BTCWatcherBotNotReady · ema-cross"
    assert "**Since**: 2026-11-27 07:15:03 UTC" in message.body


async def test_what_fires_is_told_once_in_the_repeat_interval_and_its_end_once(served: Api, postgres_url: str) -> None:
    assert (await post(served, resolved())).json()["deliveries"] == 0, "nobody was told that it fired"
    assert (await post(served, BODY)).json()["deliveries"] == 3
    assert (await post(served, BODY)).json() == {"received": 2, "told": 0, "deliveries": 0}
    later(postgres_url, 3 * 3600)
    assert (await post(served, BODY)).json()["deliveries"] == 0
    later(postgres_url, 3600)
    assert (await post(served, BODY)).json()["deliveries"] == 3
    assert (await post(served, resolved())).json()["deliveries"] == 3
    assert (await post(served, resolved())).json()["deliveries"] == 0
    assert [row for row in told(postgres_url) if row[2]] == [
        ("BTCWatcherBotNotReady", "ops/all", True),
        ("BTCWatcherBotNotReady", "trading/desk", True),
        ("BTCWatcherCapacityShort", "ops/all", True),
    ]
    assert (await post(served, BODY)).json()["deliveries"] == 3, "it fires again"


async def test_each_channel_has_its_own_interval_and_a_new_one_is_told(served: Api, postgres_url: str) -> None:
    served.channels.put(channel("ops", "all", strategies={"namespaces": ["*"]}, grouping={"repeatInterval": "1h"}))
    await post(served, BODY)
    later(postgres_url, 3600)
    served.channels.put(channel("ops", "new", strategies={"namespaces": ["*"]}))
    assert (await post(served, BODY)).json()["deliveries"] == 4
    assert {row[1] for row in told(postgres_url)[3:]} == {"ops/all", "ops/new"}


async def test_the_end_is_not_told_to_whom_the_alert_never_reached(served: Api, postgres_url: str) -> None:
    await post(served, BODY)
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE deliveries SET state = 'Failed', reason = 'Exhausted' WHERE channel = 'all'")
    assert (await post(served, resolved())).json()["deliveries"] == 1
    assert told(postgres_url)[-1] == ("BTCWatcherBotNotReady", "trading/desk", True)


async def test_two_alertmanagers_that_tell_the_same_at_once_are_heard_once(served: Api, postgres_url: str) -> None:
    answers = await asyncio.gather(*(post(served, BODY) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {202}
    assert sum(answer.json()["deliveries"] for answer in answers) == 3
    assert len(told(postgres_url)) == 3


async def test_an_alert_that_stands_in_a_body_twice_is_one(served: Api, postgres_url: str) -> None:
    body = BODY | {"alerts": [BODY["alerts"][1]] * 3}
    assert (await post(served, body)).json() == {"received": 3, "told": 1, "deliveries": 1}


async def test_all_of_a_body_is_stored_or_nothing(served: Api, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("ALTER TABLE deliveries ADD CONSTRAINT t CHECK (priority <> 1) NOT VALID")
    try:
        assert (await post(served, BODY)).status_code == 500
        assert rows(postgres_url, "SELECT * FROM notices") == []
    finally:
        with psycopg.connect(postgres_url) as connection:
            connection.execute("ALTER TABLE deliveries DROP CONSTRAINT t")
    assert (await post(served, BODY)).json()["deliveries"] == 3, "Alertmanager sends it again"


async def test_a_bad_body_names_the_field(served: Api) -> None:
    body = copy.deepcopy(BODY)
    body["alerts"][1]["status"] = "on fire"
    answer = await post(served, body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == ["alerts[1].status"]
    assert (await post(served, BODY, Role.VIEWER)).status_code == 403
    assert (await served.http.post(PATH, json=BODY)).status_code == 401


async def test_before_the_channels_are_known_alertmanager_is_asked_to_come_again(served: Api) -> None:
    assert served.app is not None
    served.app.state.channels = type(served.channels)()
    answer = await post(served, BODY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
