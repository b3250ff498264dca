"""The outbox: what a signal has to be told to is written with it, once, and can be claimed by many."""

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest

from support import api
from support.api import FREQTRADE, Api, strategy

pytestmark = pytest.mark.integration

ENTRY = {**FREQTRADE["entry"], "enter_tag": "pulse:0.83"}

_CLAIM = """
UPDATE deliveries SET attempts = attempts + 1, next_attempt_at = clock_timestamp() + interval '30 seconds'
WHERE (subject_id, channel_namespace, channel, created_at) IN (
    SELECT subject_id, channel_namespace, channel, created_at FROM deliveries
    WHERE state = 'Pending' AND next_attempt_at <= clock_timestamp()
    ORDER BY priority, next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING subject_id, channel, priority
"""


def deliveries(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT subject_id::text, channel_namespace, channel, priority, state, attempts FROM deliveries"
            " ORDER BY subject_id, channel"
        ).fetchall()


async def test_a_signal_brings_a_delivery_for_each_channel_however_often_it_comes(
    served: Api, postgres_url: str
) -> None:
    served.registry.put(strategy(notify={"channels": ["phone", "desk"]}))
    answers = await asyncio.gather(*(served.send(ENTRY) for _ in range(5)))
    [identifier] = {answer.json()["id"] for answer in answers}
    assert deliveries(postgres_url) == [
        (identifier, "trading", channel, 0, "Pending", 0) for channel in ("desk", "phone")
    ]


async def test_only_what_is_urgent_enough_is_told(served: Api, postgres_url: str) -> None:
    served.registry.put(strategy(notify={"channels": ["desk"], "minLevel": "Medium"}))
    bodies = [
        ENTRY,
        {**ENTRY, "enter_tag": "pulse:0.1", "trade_id": "2"},
        FREQTRADE["exit"],
        FREQTRADE["warning"],
        {"type": "exception", "status": "it broke"},
    ]
    identifiers = [(await served.send(body)).json()["id"] for body in bodies]
    told = {(row[0], row[3]) for row in deliveries(postgres_url)}
    assert told == {(identifiers[0], 0), (identifiers[2], 1), (identifiers[4], 0)}


async def test_undated_retries_and_two_replicas_tell_once(served: Api, postgres_url: str, tmp_path: Path) -> None:
    notify = strategy(notify={"channels": ["desk"], "minLevel": "Weak"})
    served.registry.put(notify)
    async with api.running(postgres_url, tmp_path) as other:
        other.registry.put(notify)
        bodies = [FREQTRADE["warning"], FREQTRADE["entry_fill"], ENTRY, {**ENTRY, "sub_trade": "True"}]
        answers = await asyncio.gather(*(one.send(body) for body in bodies for one in (served, other) for _ in "abc"))
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(row[0] for row in deliveries(postgres_url)) == sorted({answer.json()["id"] for answer in answers})


async def test_without_channels_nobody_is_told(served: Api, postgres_url: str) -> None:
    assert (await served.send(ENTRY)).status_code == 202
    assert deliveries(postgres_url) == []


async def test_deliveries_can_be_claimed_by_many_the_most_urgent_first(served: Api, postgres_url: str) -> None:
    served.registry.put(strategy(notify={"channels": ["desk"], "minLevel": "Weak"}))
    bodies = [{**ENTRY, "trade_id": str(number), "enter_tag": f"x:0.{tag}"} for number in range(5) for tag in "579"]
    await asyncio.gather(*(served.send(body) for body in bodies))
    with psycopg.connect(postgres_url) as one, psycopg.connect(postgres_url) as two:
        # Neither has committed: what one holds, the other passes over.
        first = one.execute(_CLAIM, (5,)).fetchall()
        second = two.execute(_CLAIM, (5,)).fetchall()
        one.commit()
        two.commit()
        third = one.execute(_CLAIM, (100,)).fetchall()
        assert [{row[2] for row in claimed} for claimed in (first, second, third)] == [{0}, {1}, {2}]
        # All are on lease now; one whose holder died comes back when the lease ends.
        assert two.execute(_CLAIM, (100,)).fetchall() == []
        one.execute("UPDATE deliveries SET next_attempt_at = next_attempt_at - interval '31 seconds'")
        one.commit()
        assert len(two.execute(_CLAIM, (100,)).fetchall()) == len(bodies)
        # With the planner forbidden to sort, a plan without a sort shows that the index gives the order.
        for way in ("seqscan", "bitmapscan", "sort"):
            two.execute(f"SET LOCAL enable_{way} = off")
        plan = "\n".join(row[0] for row in two.execute("EXPLAIN " + _CLAIM, (5,)).fetchall())
    assert "->  Sort" not in plan, plan
    assert "priority_next_attempt_at" in plan, plan
