"""The client under the controllers: caches that stay true, and the work queue."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from btcwatcher_local.client import ApiError, Client, Connection, Informer, WorkQueue, load_kubeconfig
from btcwatcher_local.client.quantity import parse_quantity
from btcwatcher_local.client.resources import CONFIG_MAPS, selector_matches

if TYPE_CHECKING:
    from pathlib import Path

Obj = dict[str, Any]


def config_map(name: str, version: int, uid: str = "") -> Obj:
    metadata = {"namespace": "ns", "name": name, "uid": uid or name, "resourceVersion": str(version)}
    return {"metadata": metadata}


class FakeServer:
    """Answers LIST and WATCH of ConfigMaps from two scripts, one entry a request."""

    def __init__(self, lists: list[list[Obj]], watches: list[list[Obj]]) -> None:
        self.lists = lists
        self.watches = watches
        self.asked: list[str] = []
        self._over = asyncio.Event()
        self._runner: web.AppRunner | None = None

    async def start(self) -> Connection:
        app = web.Application()
        app.router.add_get("/api/v1/configmaps", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return Connection(f"http://127.0.0.1:{self._runner.addresses[0][1]}", "token")

    async def stop(self) -> None:
        self._over.set()
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"] == "Bearer token"
        if request.query.get("watch") != "true":
            self.asked.append("list")
            items = self.lists.pop(0)
            return web.json_response({"metadata": {"resourceVersion": str(100 * len(self.asked))}, "items": items})
        self.asked.append(f"watch {request.query['resourceVersion']}")
        response = web.StreamResponse()
        await response.prepare(request)
        if not self.watches:
            await self._over.wait()
        for event in self.watches.pop(0) if self.watches else []:
            await response.write(json.dumps(event).encode() + b"\n")
        return response


async def told(lists: list[list[Obj]], watches: list[list[Obj]], count: int) -> tuple[list[str], FakeServer]:
    """What an informer tells its listener, until `count` changes are told."""
    server = FakeServer(lists, watches)
    said: list[str] = []
    done = asyncio.Event()

    def listener(old: Obj | None, new: Obj | None) -> None:
        obj = new or old
        assert obj is not None
        kind = "added" if old is None else "deleted" if new is None else "changed"
        said.append(f"{kind} {obj['metadata']['name']}")
        if len(said) >= count:
            done.set()

    async with Client(await server.start(), "test") as client:
        informer = Informer(client, CONFIG_MAPS)
        informer.listen(listener)
        informer.start()
        async with asyncio.timeout(5):
            await done.wait()
        await informer.stop()
    await server.stop()
    return said, server


async def test_after_410_a_fresh_list_tells_what_was_missed() -> None:
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}
    said, server = await told(
        [[config_map("a", 1), config_map("b", 1)], [config_map("b", 2), config_map("c", 3)]], [[gone]], 5
    )
    assert said == ["added a", "added b", "deleted a", "changed b", "added c"]
    assert server.asked[:3] == ["list", "watch 100", "list"]


async def test_watch_goes_on_from_the_last_bookmark() -> None:
    events = [
        {"type": "ADDED", "object": config_map("a", 101)},
        {"type": "MODIFIED", "object": config_map("a", 102)},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "150"}}},
    ]
    more = [{"type": "DELETED", "object": config_map("a", 151)}]
    said, server = await told([[]], [events, more], 3)
    assert said == ["added a", "changed a", "deleted a"]
    assert server.asked[:3] == ["list", "watch 100", "watch 150"]


async def test_an_object_made_again_is_told_as_gone_and_new() -> None:
    events = [{"type": "ADDED", "object": config_map("a", 101, uid="second")}]
    said, _ = await told([[config_map("a", 1, uid="first")]], [events], 3)
    assert said == ["added a", "deleted a", "added a"]


async def test_index_follows_the_cache() -> None:
    server = FakeServer([[config_map("a", 1, "x"), config_map("b", 1, "x")]], [])
    async with Client(await server.start(), "test") as client:
        informer = Informer(client, CONFIG_MAPS)
        by_uid = informer.index(lambda obj: [obj["metadata"]["uid"]])
        informer.start()
        await informer.wait_synced()
        assert [obj["metadata"]["name"] for obj in by_uid.get("x")] == ["a", "b"]
        informer.note(config_map("a", 2, "x"))
        assert len(by_uid.get("x")) == 2
        assert by_uid.get("nothing") == []
        await informer.stop()
    await server.stop()


async def test_queue_joins_equal_keys_and_runs_again_what_came_meanwhile() -> None:
    runs: list[str] = []
    at_once: set[str] = set()
    idle = asyncio.Event()

    async def reconcile(key: str) -> None:
        assert key not in at_once, "one key worked on twice at once"
        at_once.add(key)
        runs.append(key)
        if runs.count("a") == 1:
            queue.add("a")
        await asyncio.sleep(0.05)
        at_once.discard(key)
        if len(runs) == 3:
            idle.set()

    queue: WorkQueue[str] = WorkQueue("test", reconcile)
    for key in "aaab":
        queue.add(key)
    task = asyncio.create_task(queue.run())
    async with asyncio.timeout(2):
        await idle.wait()
    await asyncio.sleep(0.1)
    task.cancel()
    assert sorted(runs) == ["a", "a", "b"]


async def test_queue_tries_a_failed_key_again_and_takes_delays() -> None:
    runs: list[float] = []
    done = asyncio.Event()

    async def reconcile(_: str) -> float | None:
        runs.append(asyncio.get_running_loop().time())
        if len(runs) <= 2:
            raise ApiError(500, "InternalError", "not now")
        if len(runs) == 3:
            return 0.2
        done.set()
        return None

    queue: WorkQueue[str] = WorkQueue("test", reconcile)
    queue.add("a")
    task = asyncio.create_task(queue.run())
    async with asyncio.timeout(3):
        await done.wait()
    task.cancel()
    pauses = [round(after - before, 2) for before, after in itertools.pairwise(runs)]
    assert pauses[0] >= 0.05
    assert pauses[1] >= 0.1
    assert pauses[2] >= 0.2


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("250m", 0.25), ("1Gi", 2**30), ("1k", 1000), ("2e3", 2000), (None, 0), ("1.5Ki", 1536)],
)
def test_quantities(text: str | None, value: float) -> None:
    assert parse_quantity(text) == value


def test_what_is_no_quantity_is_said() -> None:
    with pytest.raises(ValueError, match="'lots' is not a resource quantity"):
        parse_quantity("lots")


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, False),
    ],
)
def test_selectors(selector: Obj | None, matches: bool) -> None:
    assert selector_matches(selector, {"a": "1"}) is matches


def test_kubeconfig_of_another_kind_is_refused_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(
        "current-context: c\n"
        "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
        "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:1/'}}]\n"
        "users: [{name: u, user: {token: secret}}]\n"
    )
    connection = load_kubeconfig(path)
    assert (connection.server, connection.token) == ("http://127.0.0.1:1", "secret")
    assert "secret" not in repr(connection)
    path.write_text(path.read_text().replace("token: secret", "exec: {}"))
    with pytest.raises(ValueError, match="use a token"):
        load_kubeconfig(path)
