"""Turns at a host: in order, one of each asker, bounded."""

import asyncio

import pytest

from btcwatcher_api.market.lane import Banned, Crowded, Lane

ENOUGH = 1_000_000


async def wait_in(lane: Lane, asker: str, done: list[str], hold: asyncio.Event | None = None) -> None:
    async with lane.turn(asker, 1):
        done.append(asker)
        if hold is not None:
            await hold.wait()


def lane(concurrent: int = 1, waiting: int = 100, patience: float = 5, per_minute: int = ENOUGH) -> Lane:
    return Lane(per_minute, concurrent, most_waiting=waiting, patience=patience)


async def test_askers_take_turns() -> None:
    way, done, hold = lane(), list[str](), asyncio.Event()
    first = asyncio.create_task(wait_in(way, "first", done, hold))
    await asyncio.sleep(0)
    others = [asyncio.create_task(wait_in(way, asker, done)) for asker in ("much", "much", "much", "little")]
    await asyncio.sleep(0)
    assert (done, way.waiting) == (["first"], 4)
    hold.set()
    await asyncio.gather(first, *others)
    assert done == ["first", "much", "little", "much", "much"]


async def test_no_more_than_may_be_under_way() -> None:
    way, done, hold = lane(concurrent=2), list[str](), asyncio.Event()
    tasks = [asyncio.create_task(wait_in(way, "a", done, hold)) for _ in range(5)]
    await asyncio.sleep(0.01)
    assert len(done) == 2
    hold.set()
    await asyncio.gather(*tasks)
    assert len(done) == 5


async def test_who_gives_up_leaves_his_place() -> None:
    way, done, hold = lane(), list[str](), asyncio.Event()
    first = asyncio.create_task(wait_in(way, "first", done, hold))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(wait_in(way, "second", done))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert way.waiting == 0
    hold.set()
    await first
    await wait_in(way, "third", done)
    assert done == ["first", "third"]


async def test_what_is_too_much_is_said() -> None:
    way, hold = lane(waiting=1), asyncio.Event()
    tasks = [asyncio.create_task(wait_in(way, "a", [], hold)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Crowded) as caught:
        await wait_in(way, "b", [])
    assert caught.value.retry_after >= 1
    hold.set()
    await asyncio.gather(*tasks)


async def test_patience_ends() -> None:
    way, hold = lane(patience=0.02), asyncio.Event()
    first = asyncio.create_task(wait_in(way, "a", [], hold))
    await asyncio.sleep(0)
    with pytest.raises(Crowded):
        await wait_in(way, "b", [])
    assert way.waiting == 0
    hold.set()
    await first


async def test_a_ban_ends_the_wait_of_all() -> None:
    way, hold = lane(), asyncio.Event()
    first = asyncio.create_task(wait_in(way, "a", [], hold))
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(wait_in(way, "b", [])) for _ in range(3)]
    await asyncio.sleep(0)
    assert way.ban(60, 418)
    assert not way.ban(30, 429)
    for said in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(said, Banned)
        assert said.status == 418
    with pytest.raises(Banned):
        await wait_in(way, "c", [])
    hold.set()
    await first
    assert way.banned_until > 0


async def test_an_exchange_that_has_changed_keeps_its_ban() -> None:
    way = lane()
    way.ban(60, 429)
    way.adjust(1200, 4)
    with pytest.raises(Banned):
        await wait_in(way, "a", [])
