"""Sending again: one, or many by a filter; each with its audit row, sent by a real worker."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from btcwatcher_api.accounts.roles import Role
from support import api
from support.api import Api
from support.notifications import REFUSED, Queue, Vendor, always, channel, until, working

pytestmark = pytest.mark.integration

PATH = "/api/v1/notifications"


@pytest.fixture
async def served(queue: Queue, tmp_path: Path) -> AsyncIterator[Api]:
    async with api.running(queue.url, tmp_path, **api.signing_key(tmp_path)) as running:
        running.channels.replace([channel(), channel("mail")])
        yield running


async def post(served: Api, path: str, body: Any = None, role: Role = Role.TRADER) -> httpx.Response:
    assert served.app is not None
    token = served.app.state.signer.access_token(uuid4(), "ada", role)
    headers = {"Authorization": f"Bearer {token}"}
    return await served.http.post(f"{PATH}{path}", json=body, headers=headers)


async def many(served: Api, **body: Any) -> dict[str, Any]:
    answer = await post(served, "/replay", body)
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = answer.json()
    return found


def fail(queue: Queue, state: str = "Failed", reason: str = "Exhausted") -> None:
    """All that waits is given up."""
    queue.run(
        "UPDATE deliveries SET state = %(state)s, reason = %(reason)s, settled_at = now(), attempts = 8"
        " WHERE state = 'Pending'",
        {"state": state, "reason": reason},
    )


def audit(queue: Queue) -> list[tuple[str, Any]]:
    rows = queue.rows("SELECT subject, detail FROM audit_log WHERE action = 'notification.replay' ORDER BY id")
    return [(row["subject"], row["detail"]) for row in rows]


async def test_one_that_failed_two_days_ago_is_sent(served: Api, queue: Queue, telegram: Vendor) -> None:
    telegram.answer = always(REFUSED)
    queue.add("desk")
    async with working(queue.url, [channel(endpoint=telegram.url)]):
        await until(lambda: queue.states() == {"Failed": 1}, queue.deliveries)
        await queue.alter("UPDATE deliveries SET created_at = created_at - interval '2 days'")
        identifier = queue.deliveries()[0]["id"]
        telegram.answer = None
        answer = await post(served, f"/{identifier}/replay")
        assert answer.status_code == 202, answer.text
        said = answer.json()
        assert (said["id"], said["state"], said["reason"], said["attempt_count"]) == (
            str(identifier),
            "Pending",
            None,
            0,
        )
        assert said["settled_at"] is None
        assert said["replayed_at"] == said["next_attempt_at"]
        await until(lambda: queue.states() == {"Sent": 1}, queue.deliveries)
    seen = (await served.read(f"{PATH}/{identifier}")).json()
    assert [(one["number"], one["reason"]) for one in seen["attempts"]] == [(1, "Rejected"), (1, "Sent")]
    assert audit(queue) == [(str(identifier), {})]


async def test_one_that_waits_or_is_not_there_or_whose_channel_is_gone_is_not(served: Api, queue: Queue) -> None:
    queue.add("desk")
    waiting = await post(served, f"/{queue.deliveries()[0]['id']}/replay")
    assert (waiting.status_code, waiting.json()["detail"]) == (409, "it waits to be sent already")
    assert (await post(served, f"/{UUID(int=1)}/replay")).status_code == 404
    fail(queue)
    served.channels.replace([channel("mail")])
    gone = await post(served, f"/{queue.deliveries()[0]['id']}/replay")
    assert (gone.status_code, gone.json()["detail"]) == (
        409,
        "the NotificationChannel trading.desk is no longer there",
    )
    assert (audit(queue), queue.states()) == ([], {"Failed": 1})


async def test_many_are_those_that_failed_within_a_day_unless_something_else_is_asked_for(
    served: Api, queue: Queue
) -> None:
    queue.add("desk", "gone", count=3)
    queue.add("mail", priority=1)
    queue.add("desk", ago=timedelta(hours=25))
    fail(queue)
    queue.add("desk", count=2)
    fail(queue, "Skipped", "TooOld")
    queue.add("desk")
    assert await many(served, dry_run=True) == {
        "dry_run": True,
        "deliveries": 4,
        "more": False,
        "gone": [{"channel": "trading.gone", "deliveries": 3}],
    }
    assert (await many(served, dry_run=True, state=["Skipped"]))["deliveries"] == 2
    assert (await many(served, dry_run=True, state=["Skipped"], reason=["Suspended"]))["deliveries"] == 0
    assert (await many(served, dry_run=True, channel="trading.mail"))["deliveries"] == 1
    assert (await many(served, dry_run=True, channel="trading.mail", namespace="ops"))["deliveries"] == 0
    assert (await many(served, dry_run=True, priority=["P0"], strategy_id="trading.ema-cross"))["deliveries"] == 3
    assert (await many(served, dry_run=True, kind=["Manual"]))["deliveries"] == 0
    assert (queue.states(), audit(queue)) == ({"Failed": 8, "Skipped": 2, "Pending": 1}, [])
    done = await many(served, limit=3)
    assert (done["deliveries"], done["more"], done["dry_run"]) == (3, True, False)
    assert queue.states() == {"Failed": 5, "Skipped": 2, "Pending": 4}
    assert audit(queue) == [("deliveries", {"deliveries": 3, "filter": {"limit": 3}})]
    again = queue.rows("SELECT * FROM deliveries WHERE replayed_at IS NOT NULL")
    assert {(row["channel"], row["attempts"], row["reason"], row["settled_at"]) for row in again} <= {
        ("desk", 0, None, None),
        ("mail", 0, None, None),
    }
    assert len({row["next_attempt_at"] for row in again}) == 1
    assert (await many(served))["deliveries"] == 1, "the rest of them"
    assert (await many(served))["deliveries"] == 0


async def test_many_are_sent_though_they_are_old(served: Api, queue: Queue, telegram: Vendor) -> None:
    queue.add("desk", priority=1, count=40, ago=timedelta(days=3))
    async with working(queue.url, [channel(endpoint=telegram.url)]):
        await until(lambda: queue.states() == {"Skipped": 40}, queue.states)
        since = queue.rows("SELECT now() - interval '4 days' AS at")[0]["at"].isoformat()
        done = await many(served, state=["Skipped"], reason=["TooOld"], since=since)
        assert done["deliveries"] == 40
        await until(lambda: queue.states() == {"Sent": 40}, queue.states)
    assert len(telegram.taken) == 1, "grouped, like new ones"


async def test_a_mistake_is_named_and_who_may_only_read_sends_nothing_again(served: Api, queue: Queue) -> None:
    queue.add("desk")
    fail(queue)
    for body, field in (
        ({"state": ["Pending"]}, "state[0]"),
        ({"state": []}, "state"),
        ({"limit": 0}, "limit"),
        ({"since": "2026-01-01T00:00:00Z", "until": "2026-06-01T00:00:00Z"}, "since"),
        ({"chanel": "desk"}, "chanel"),
    ):
        answer = await post(served, "/replay", body)
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field]), answer.text
    assert (await post(served, "/replay", {}, Role.VIEWER)).status_code == 403
    assert (await post(served, f"/{queue.deliveries()[0]['id']}/replay", role=Role.VIEWER)).status_code == 403
    assert queue.states() == {"Failed": 1}
