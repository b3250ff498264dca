"""Fleet switches by REST on the embedded API server, and what the collector tells of them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from btcwatcher_api.collector.ledger import Ledger
from btcwatcher_api.database import collecting_connection
from btcwatcher_api.fleet.teller import SwitchCopy, Teller
from btcwatcher_api.notifications.registry import ChannelRegistry
from btcwatcher_api.notifications.router import Router
from support.desk import NAMESPACED, Desk
from support.localcluster import eventually

pytestmark = pytest.mark.integration

SWITCHES = "/api/v1/fleet/switches"
CLUSTER = "/apis/btcwatcher.io/v1alpha1/clusterfleetswitches"


async def test_made_read_listed_and_lifted(desk: Desk) -> None:
    spec = {"action": "CloseTrades", "exchanges": ["okx"], "requestedBy": "somebody else"}
    made = await desk.ask("POST", f"{SWITCHES}/", json={"namespace": "trading", "name": "out", "spec": spec})
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"{SWITCHES}/trading.out"
    said = made.json()
    assert said["spec"]["requestedBy"] == "tess", "who is signed in, whatever the body says"
    assert (said["active"], said["complete"], said["bots"]) == (None, None, [])
    seen = await desk.kubernetes.get(f"{NAMESPACED}/fleetswitches/out")
    assert seen.json()["spec"] == said["spec"]

    whole = await desk.ask("POST", f"{SWITCHES}/", json={"spec": {"action": "PauseEntries"}})
    assert whole.status_code == 201, whole.text
    name = whole.json()["id"]
    assert name.startswith("pauseentries-")
    assert (await desk.kubernetes.get(f"{CLUSTER}/{name}")).status_code == 200

    status = {
        "counts": {"selected": 2, "done": 1, "pending": 1, "openTrades": 3},
        "bots": [{"strategy": "trading.ema", "phase": "Pending", "message": "no answer", "openTrades": 3}],
        "conditions": [
            {"type": "Active", "status": "True", "reason": "Holds", "message": "it holds"},
            {"type": "Complete", "status": "False", "reason": "InProgress", "message": "1 of 2 bots are done"},
        ],
    }
    body = seen.json() | {"status": status}
    assert (await desk.kubernetes.put(f"{NAMESPACED}/fleetswitches/out/status", json=body)).status_code == 200
    read = (await desk.ask("GET", f"{SWITCHES}/trading.out")).json()
    assert (read["active"], read["complete"], read["reason"]) == (True, False, "InProgress")
    assert (read["counts"]["selected"], read["counts"]["open_trades"]) == (2, 3)
    assert (read["bots"][0]["strategy"], read["bots"][0]["phase"]) == ("trading.ema", "Pending")

    page = (await desk.ask("GET", f"{SWITCHES}/")).json()
    assert ([one["id"] for one in page["items"]], page["total"]) == ([name, "trading.out"], 2)
    assert (await desk.ask("GET", f"{SWITCHES}/", params={"namespace": "trading"})).json()["total"] == 1

    for identifier in ("trading.out", name):
        assert (await desk.ask("DELETE", f"{SWITCHES}/{identifier}")).status_code == 204
        assert (await desk.ask("GET", f"{SWITCHES}/{identifier}")).status_code == 404
    assert desk.audit() == [
        ("tess", "fleetswitch.create", "trading.out"),
        ("tess", "clusterfleetswitch.create", name),
        ("tess", "fleetswitch.delete", "trading.out"),
        ("tess", "clusterfleetswitch.delete", name),
    ]


async def test_what_cannot_be_meant_is_refused_in_words(desk: Desk) -> None:
    for body, status, said in (
        ({"spec": {"action": "Panic"}}, 422, "Unsupported value"),
        ({"spec": {"action": "Stop", "orderType": "Market"}}, 422, "goes with action CloseTrades"),
        ({"spec": {"action": "Stop", "who": "all"}}, 400, "who"),
        ({"spec": {}, "name": "A/B"}, 422, "name"),
        ({"namespace": "nowhere", "spec": {"action": "Stop"}}, 404, "nowhere"),
    ):
        answer = await desk.ask("POST", f"{SWITCHES}/", json=body)
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, said in answer.text) == (status, True), answer.text


async def test_what_it_tells_is_told_once_with_its_audit_row(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("TRUNCATE audit_log")
        connection.execute("DELETE FROM notices")
        connection.execute("DELETE FROM deliveries")
    channels = ChannelRegistry()
    spec = {"type": "WeCom", "credentialsRef": {"name": "x"}}
    channels.replace([{"metadata": {"namespace": "desk", "name": "own"}, "spec": spec}])
    ledger = Ledger(
        lambda: collecting_connection(postgres_url, statement_seconds=10),
        Router(channels),
        notify_within=timedelta(minutes=15),
    )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    item = {
        "metadata": {"namespace": "desk", "name": "halt", "uid": "u-1"},
        "spec": {"action": "PauseEntries", "reason": "a test", "requestedBy": "ada"},
        "status": {
            "startedAt": now,
            "completedAt": now,
            "counts": {"selected": 1},
            "conditions": [
                {"type": "Active", "status": "True", "reason": "Holds"},
                {"type": "Complete", "status": "True", "reason": "AllDone", "message": "done at the one bot"},
            ],
        },
    }

    def rows(query: str) -> list[Any]:
        with psycopg.connect(postgres_url) as connection:
            return connection.execute(query).fetchall()

    told = "SELECT count(*) FROM deliveries"
    try:
        assert await ledger.lead()
        # Two collectors one after the other: the second finds what was told.
        for _ in range(2):
            copy = SwitchCopy()
            copy.replace([item])
            teller = asyncio.create_task(Teller(ledger, [copy], channels.channels).run())
            await eventually(lambda: rows(told)[0][0] >= 2, 20)
            copy.remove(item)
            await eventually(lambda: rows("SELECT count(*) FROM notices WHERE resolved") == [(1,)], 20)
            teller.cancel()
        assert rows("SELECT title, priority, author FROM notices ORDER BY created_at") == [
            ("Fleet switch desk.halt: PauseEntries begins", 0, "ada"),
            ("Fleet switch desk.halt: PauseEntries is done", 0, "ada"),
            ("Fleet switch desk.halt: PauseEntries is lifted", 0, "ada"),
        ]
        assert (
            rows("SELECT channel_namespace, channel, priority, kind FROM deliveries")
            == [("desk", "own", 0, "Alert")] * 3
        )
        assert rows("SELECT actor, action, subject FROM audit_log ORDER BY id") == [
            ("ada", "fleetswitch.begun", "desk.halt"),
            ("ada", "fleetswitch.done", "desk.halt"),
            ("ada", "fleetswitch.lifted", "desk.halt"),
        ]
    finally:
        await ledger.close()
