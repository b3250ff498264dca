"""`/send` and `/test`: messages by hand, written with their audit row, and sent by a real worker to a vendor."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from btcwatcher_api.accounts.roles import Role
from support import api
from support.api import Api
from support.notifications import NO_AUTH, Queue, Vendor, always, channel, until, working

pytestmark = pytest.mark.integration

SEND = "/api/v1/notifications/send"
TEST = "/api/v1/notifications/test"


@pytest.fixture
async def served(queue: Queue, tmp_path: Path) -> AsyncIterator[Api]:
    async with api.running(queue.url, tmp_path, **api.signing_key(tmp_path)) as running:
        running.channels.replace(
            [
                channel(),
                channel("strong", minLevel="Strong", strategies={}),
                channel("all", strategies={"selector": {"matchLabels": {"desk": "one"}}}),
            ]
        )
        running.registry.put(
            {
                "metadata": {"namespace": "trading", "name": "labelled", "labels": {"desk": "one"}},
                "spec": {"signals": {"notify": {"channels": ["desk", "gone"]}}},
            }
        )
        running.registry.put({"metadata": {"namespace": "other", "name": "alone"}, "spec": {}})
        yield running


async def post(served: Api, path: str, body: Any, role: Role = Role.TRADER) -> httpx.Response:
    assert served.app is not None
    token = served.app.state.signer.access_token(uuid4(), "ada", role)
    headers = {"Authorization": f"Bearer {token}", "X-Request-ID": "by-hand"}
    return await served.http.post(path, json=body, headers=headers)


def audit(queue: Queue) -> list[tuple[str, str, str, str]]:
    rows = queue.rows("SELECT actor, action, subject, request_id FROM audit_log ORDER BY id")
    return [(row["actor"], row["action"], row["subject"], row["request_id"]) for row in rows]


async def test_a_message_goes_to_the_channels_that_are_named(served: Api, queue: Queue) -> None:
    body = {
        "title": " Maintenance ",
        "body": "From 22:00.\nFor an hour.",
        "channels": ["trading.desk", "trading.strong"],
    }
    answer = await post(served, SEND, body)
    assert answer.status_code == 202, answer.text
    taken = answer.json()
    (notice,) = queue.rows("SELECT * FROM notices")
    assert str(notice["id"]) == taken["id"]
    assert [notice[name] for name in ("kind", "title", "body", "priority", "author", "namespace", "strategy")] == [
        "Manual",
        "Maintenance",
        "From 22:00.\nFor an hour.",
        1,
        "ada",
        "trading",
        None,
    ]
    deliveries = {(str(row["id"]), f"trading.{row['channel']}") for row in queue.deliveries()}
    assert deliveries == {(one["id"], one["channel"]) for one in taken["deliveries"]}
    assert {(row["kind"], row["priority"], row["state"], row["created_at"]) for row in queue.deliveries()} == {
        ("Manual", 1, "Pending", notice["created_at"])
    }
    assert audit(queue) == [("ada", "notification.send", taken["id"], "by-hand")]


async def test_or_to_those_that_the_strategys_signals_go_to_once_each(served: Api, queue: Queue) -> None:
    body = {"title": "Look", "priority": "P0", "strategy_id": "trading.labelled", "channels": ["trading.desk"]}
    taken = (await post(served, SEND, body)).json()
    told = [one["channel"] for one in taken["deliveries"]]
    # As with its signals: a channel that it names, and that is not there, is seen in the history.
    assert sorted(told) == ["trading.all", "trading.desk", "trading.gone", "trading.strong"]
    (notice,) = queue.rows("SELECT * FROM notices")
    assert (notice["namespace"], notice["strategy"]) == ("trading", "labelled")
    assert {row["strategy"] for row in queue.deliveries()} == {"trading.labelled"}
    calm = (await post(served, SEND, body | {"priority": "P2", "channels": []})).json()
    assert [one["channel"] for one in calm["deliveries"]] == ["trading.all"], "its notify.minLevel is Medium"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channels": ["trading.desk", "trading.nobody"]}, "channels[1]"),
        ({"channels": ["desk"]}, "channels[0]"),
        ({"channels": []}, "channels"),
        ({"channels": [], "strategy_id": "trading.nobody"}, "strategy_id"),
        ({"channels": [], "strategy_id": "other.alone"}, "strategy_id"),
        ({"title": "two\nlines"}, "title"),
        ({"title": "  "}, "title"),
        ({"body": "a NUL: \x00"}, "body"),
        ({"priority": "P3"}, "priority"),
        ({"chanels": []}, "chanels"),
    ],
)
async def test_a_mistake_is_named_and_nothing_is_sent(
    served: Api, queue: Queue, change: dict[str, Any], field: str
) -> None:
    answer = await post(served, SEND, {"title": "Hello", "channels": ["trading.desk"], **change})
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field]), answer.text
    assert (queue.deliveries(), audit(queue)) == ([], [])


async def test_without_an_audit_row_nothing_is_sent(served: Api, queue: Queue) -> None:
    queue.run("ALTER TABLE audit_log ADD CONSTRAINT t CHECK (action <> 'notification.send') NOT VALID")
    try:
        assert (await post(served, SEND, {"title": "Hello", "channels": ["trading.desk"]})).status_code == 500
    finally:
        queue.run("ALTER TABLE audit_log DROP CONSTRAINT t")
    assert (queue.deliveries(), queue.rows("SELECT * FROM notices")) == ([], [])


async def test_before_the_channels_are_known_nobody_can_say_who_is_told(served: Api) -> None:
    assert served.app is not None
    served.app.state.channels = type(served.channels)()
    for path, body in ((SEND, {"title": "Hello", "channels": ["trading.desk"]}), (TEST, {"channel": "trading.desk"})):
        answer = await post(served, path, body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_message_by_hand_arrives(served: Api, queue: Queue, telegram: Vendor) -> None:
    async with working(queue.url, [channel(endpoint=telegram.url)]):
        body = {"title": "Maintenance *tonight*", "body": "From 22:00.\nFor an hour.", "channels": ["trading.desk"]}
        taken = (await post(served, SEND, body)).json()
        await until(lambda: len(telegram.taken) == 1, queue.deliveries)
        await until(lambda: queue.states() == {"Sent": 1}, queue.deliveries)
    text = telegram.texts()[0]
    assert all(part in text for part in ("Maintenance *tonight*", "From 22:00.\nFor an hour.", "ada"))
    seen = (await served.read(f"/api/v1/notifications/{taken['deliveries'][0]['id']}")).json()
    assert (seen["notice"]["title"], seen["state"]) == ("Maintenance *tonight*", "Sent")


async def test_a_test_says_what_became_of_it(served: Api, queue: Queue, telegram: Vendor) -> None:
    async with working(queue.url, [channel(endpoint=telegram.url)]):
        answer = await post(served, TEST, {"channel": "trading.desk", "wait": 20})
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert (said["state"], said["reason"], said["kind"], said["priority"]) == ("Sent", "Sent", "Test", "P0")
        assert "test message" in telegram.texts()[0]
        telegram.answer = always(NO_AUTH)
        refused = (await post(served, TEST, {"channel": "trading.desk", "wait": 20})).json()
        assert (refused["state"], refused["reason"], refused["attempt_count"]) == ("Failed", "Auth", 1)
        (attempt,) = refused["attempts"]
        assert ("Unauthorized" in attempt["answer"], attempt["together"]) == (True, 1)
        # The channel is paused by now; a test that succeeds ends that at once.
        telegram.answer = None
        again = (await post(served, TEST, {"channel": "trading.desk", "wait": 20})).json()
        assert again["state"] == "Sent"
        await until(lambda: queue.state()["paused_until"] is None, queue.state)
    assert [row[1] for row in audit(queue)] == ["notification.test"] * 3


async def test_a_test_of_what_is_suspended_or_just_deleted_says_so(served: Api, queue: Queue) -> None:
    async with working(queue.url, [channel(suspend=True)]):
        for name, reason in (("desk", "Suspended"), ("strong", "ChannelMissing")):
            answer = await post(served, TEST, {"channel": f"trading.{name}", "wait": 20})
            said = answer.json()
            assert (answer.status_code, said["state"], said["reason"]) == (200, "Skipped", reason)


async def test_a_test_that_nobody_sends_is_told_as_such(served: Api, queue: Queue) -> None:
    answer = await post(served, TEST, {"channel": "trading.desk", "wait": 0})
    said = answer.json()
    assert (answer.status_code, said["state"], said["attempts"]) == (202, "Pending", [])
    assert answer.headers["location"] == f"/api/v1/notifications/{UUID(said['id'])}"
    for body, field in (
        ({"channel": "trading.nobody"}, "channel"),
        ({"channel": "trading.desk", "wait": 21}, "wait"),
        ({}, "channel"),
    ):
        refused = await post(served, TEST, body)
        assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (422, [field])
    assert len(queue.deliveries()) == 1


async def test_who_may_only_read_sends_nothing(served: Api, queue: Queue) -> None:
    for path, body in ((SEND, {"title": "Hello", "channels": ["trading.desk"]}), (TEST, {"channel": "trading.desk"})):
        assert (await post(served, path, body, Role.VIEWER)).status_code == 403
    assert queue.deliveries() == []


def test_the_words_of_a_message_are_not_in_the_audit_log(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT count(*) FROM audit_log WHERE detail::text LIKE '%Hello%'").fetchone()
    assert found == (0,)
