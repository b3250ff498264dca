"""The history of deliveries: filters, pages both ways, and one with its attempts and what it is of."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from support import api
from support.api import Api
from support.notifications import REFUSED, Queue, Vendor, always, channel, until, working

pytestmark = pytest.mark.integration

PATH = "/api/v1/notifications/"


@pytest.fixture
async def served(queue: Queue, tmp_path: Path) -> AsyncIterator[Api]:
    async with api.running(queue.url, tmp_path) as running:
        yield running


async def page(served: Api, **filters: Any) -> dict[str, Any]:
    answer = await served.read(PATH, **filters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def count(served: Api, **filters: Any) -> int:
    return len((await page(served, limit=500, **filters))["items"])


async def test_each_filter_finds_its_own(served: Api, queue: Queue) -> None:
    queue.add("desk", "mail", count=2)
    queue.add("desk", priority=1, ago=timedelta(hours=2))
    queue.run("UPDATE deliveries SET channel_namespace = 'ops' WHERE channel = 'mail'")
    queue.run("UPDATE deliveries SET strategy = 'trading.other' WHERE priority = 1")
    queue.run("UPDATE deliveries SET state = 'Failed', reason = 'Rejected', settled_at = now() WHERE priority = 1")
    queue.add_test("desk")
    subject = queue.rows("SELECT subject_id FROM deliveries WHERE priority = 1")[0]["subject_id"]
    middle = queue.rows("SELECT now() - interval '1 hour' AS at")[0]["at"].isoformat()
    expected: list[tuple[dict[str, Any], int]] = [
        ({}, 6),
        ({"namespace": "ops"}, 2),
        ({"channel": "desk"}, 4),
        ({"channel": "trading.desk"}, 4),
        ({"channel": "ops.desk"}, 0),
        ({"channel": "trading.desk", "namespace": "ops"}, 0),
        ({"strategy_id": "trading.other"}, 1),
        ({"subject_id": str(subject)}, 1),
        ({"priority": "P1"}, 1),
        ({"priority": ["P0", "P1"]}, 6),
        ({"kind": "Test"}, 1),
        ({"state": "Failed"}, 1),
        ({"state": ["Failed", "Pending"], "kind": "Signal"}, 5),
        ({"reason": "Rejected"}, 1),
        ({"since": middle}, 5),
        ({"until": middle}, 1),
        ({"since": middle, "reason": "Rejected"}, 0),
    ]
    assert [(filters, await count(served, **filters)) for filters, _ in expected] == expected
    (line,) = (await page(served, priority="P1"))["items"]
    assert [line[name] for name in ("channel", "strategy_id", "priority", "state", "reason", "next_attempt_at")] == [
        "trading.desk",
        "trading.other",
        "P1",
        "Failed",
        "Rejected",
        None,
    ]


async def test_pages_lead_there_and_back_also_among_those_of_one_moment(served: Api, queue: Queue) -> None:
    queue.add("desk", count=7)
    queue.add("desk", count=4, ago=timedelta(hours=1))
    everything = [one["id"] for one in (await page(served))["items"]]
    assert len(everything) == 11
    seen: list[str] = []
    cursor, pages = None, []
    while True:
        found = await page(served, limit=3, **({"cursor": cursor} if cursor else {}))
        pages.append(found)
        seen += [one["id"] for one in found["items"]]
        cursor = found["next"]
        if cursor is None:
            break
    assert seen == everything
    back = await page(served, limit=3, cursor=pages[2]["previous"])
    assert [one["id"] for one in back["items"]] == seen[3:6]
    # What is written later is found by whoever asks for what is newer, and moves nobody's page.
    nothing = await page(served, cursor=pages[0]["previous"])
    assert (nothing["items"], nothing["previous"]) == ([], pages[0]["previous"])
    queue.add("mail", count=2)
    assert len((await page(served, cursor=nothing["previous"]))["items"]) == 2
    assert [one["id"] for one in (await page(served, limit=3, cursor=pages[0]["next"]))["items"]] == seen[3:6]


async def test_what_is_no_filter_and_no_cursor_is_named(served: Api) -> None:
    for filters, field in (
        ({"chanel": "desk"}, "chanel"),
        ({"state": "Gone"}, "state[0]"),
        ({"channel": ".desk"}, "channel"),
        ({"cursor": "rubbish"}, "cursor"),
        ({"limit": 501}, "limit"),
        ({"since": "0001-01-01T00:00:00Z"}, "since"),
    ):
        answer = await served.read(PATH, **filters)
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field]), answer.text


async def test_a_cursor_of_the_signals_is_none_of_the_deliveries(served: Api, queue: Queue) -> None:
    queue.add("desk")
    of_signals = (await served.read("/api/v1/signals/")).json()["previous"]
    of_deliveries = (await page(served))["previous"]
    for path, cursor in ((PATH, of_signals), ("/api/v1/signals/", of_deliveries)):
        answer = await served.read(path, cursor=cursor)
        assert (answer.status_code, "another list" in answer.text) == (422, True)


async def test_one_shows_its_attempts_and_what_it_is_of(served: Api, queue: Queue, telegram: Vendor) -> None:
    telegram.answer = always(REFUSED)
    desk = channel(endpoint=telegram.url, grouping={"groupWait": "1s"})
    served.channels.replace([desk])
    served.registry.replace([api.strategy(notify={"channels": ["desk"]})])
    for pair in ("BTC/USDT", "ETH/USDT", "ADA/USDT"):
        assert (await served.send({**api.FREQTRADE["exit_fill"], "pair": pair})).status_code == 202
    async with working(queue.url, [desk]):
        await until(lambda: queue.states() == {"Failed": 3}, queue.deliveries)
    identifier = queue.deliveries()[0]["id"]
    found = (await served.read(f"{PATH}{identifier}")).json()
    assert (found["state"], found["reason"], found["attempt_count"]) == ("Failed", "Rejected", 1)
    (attempt,) = found["attempts"]
    assert (attempt["number"], attempt["reason"], attempt["together"]) == (1, "Rejected", 3)
    assert "message is too long" in attempt["answer"]
    assert attempt["duration_ms"] >= 0
    assert (found["signal"]["id"], found["notice"]) == (found["subject_id"], None)
    assert found["signal"]["strategy_id"] == found["strategy_id"] == "trading.ema-cross"
    missing = await served.read(f"{PATH}{UUID(int=1)}")
    assert (missing.status_code, missing.json()["detail"]) == (404, "there is no such delivery")
    queue.run("DELETE FROM signals")
    assert (await served.read(f"{PATH}{identifier}")).json()["signal"] is None
