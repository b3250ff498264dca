import asyncio

import pytest

from btcwatcher_operator.workqueue import WorkQueue


async def test_a_key_waits_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key in ("a", "b", "a"):
        queue.add(key)
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert len(queue) == 0


async def test_a_key_is_never_worked_on_twice_at_a_time() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.get(), 0.02)
    queue.done("a")
    assert await asyncio.wait_for(queue.get(), 1) == "a"


async def test_a_key_that_was_not_added_meanwhile_is_done_after_done() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    queue.done(await queue.get())
    assert len(queue) == 0


async def test_of_two_dates_the_earlier_counts() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 30)
    queue.add_after("a", 0.01)
    queue.add_after("a", 60)
    assert await asyncio.wait_for(queue.get(), 1) == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_failures_back_off_until_forgotten() -> None:
    queue: WorkQueue[str] = WorkQueue()
    delays = [queue.retry("a") for _ in range(12)]
    assert delays[0] < 0.3
    assert delays[3] > delays[0]
    assert max(delays) <= 60 * 1.2
    queue.forget("a")
    assert queue.retry("a") < 0.3


async def test_the_server_may_ask_for_more() -> None:
    queue: WorkQueue[str] = WorkQueue()
    assert queue.retry("a", at_least=7) >= 7


async def test_it_is_idle_when_nothing_waits_and_nothing_is_worked_on() -> None:
    queue: WorkQueue[str] = WorkQueue()
    await asyncio.wait_for(queue.idle(), 1)
    queue.add("a")
    queue.add("b")
    queue.done(await queue.get())
    last = await queue.get()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(queue.idle(), 0.02)
    queue.done(last)
    await asyncio.wait_for(queue.idle(), 1)


async def test_an_event_does_not_bring_a_key_up_before_the_time_the_server_asked_for() -> None:
    queue: WorkQueue[str] = WorkQueue()
    loop = asyncio.get_running_loop()
    queue.add("a")
    await queue.get()
    queue.add("a")  # an event while it is worked on
    queue.add_after("a", 0.01)
    until = loop.time() + 0.1
    queue.retry("a", at_least=0.1)
    queue.done("a")
    queue.add("a")  # an event while it waits
    queue.add_after("a", 0.01)
    assert await asyncio.wait_for(queue.get(), 5) == "a"
    assert loop.time() >= until
    queue.done("a")
    queue.add("a")
    assert await asyncio.wait_for(queue.get(), 1) == "a", "the hold ends with the retry"


async def test_a_held_key_does_not_hold_up_the_others() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.retry("a", at_least=30)
    queue.add("a")
    queue.add("b")
    assert await asyncio.wait_for(queue.get(), 1) == "b"
    queue.done("b")
    await asyncio.wait_for(queue.idle(), 1)


async def test_a_worker_that_is_cancelled_as_a_key_comes_ends_all_the_same() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 30)
    worker = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("b")
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert await queue.get() == "b"
