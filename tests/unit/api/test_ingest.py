"""Group commit over a writer that we hold in our hands."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from btcwatcher_api.metrics import Metrics
from btcwatcher_api.signals.ingest import GroupCommit, NotTaken
from btcwatcher_api.signals.writer import NewSignal, RowsRefused, Stored, Unavailable


class FakeWriter:
    """Stores in a dict. `gate` holds writes up; `away` and `bad` make them fail."""

    def __init__(self) -> None:
        self.stored: dict[UUID, NewSignal] = {}
        self.batches: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.away = False
        self.bad: set[UUID] = set()
        self.closed = False

    async def ping(self) -> None:
        if self.away:
            raise Unavailable("away")

    async def write(self, signals: Sequence[NewSignal]) -> list[Stored]:
        await self.gate.wait()
        if self.away:
            raise Unavailable("away")
        if any(signal.id in self.bad for signal in signals):
            raise RowsRefused("a bad row")
        self.batches.append(len(signals))
        result = [Stored(signal.id, signal.id not in self.stored) for signal in signals]
        self.stored.update({signal.id: signal for signal in signals})
        return result

    async def close(self) -> None:
        self.closed = True


def signal(key: bytes | None = None, size: int = 10) -> NewSignal:
    identifier = uuid4()
    return NewSignal(identifier, key or identifier.bytes, None, b"x" * size)


@asynccontextmanager
async def running(writer: FakeWriter, **options: float) -> AsyncIterator[GroupCommit]:
    commits = GroupCommit(writer, Metrics(), **options)  # type: ignore[arg-type]
    commits.start()
    try:
        yield commits
    finally:
        writer.gate.set()
        await commits.stop()


async def test_what_queued_during_one_commit_is_the_next() -> None:
    writer = FakeWriter()
    async with running(writer) as commits:
        writer.gate.clear()
        tasks = [asyncio.create_task(commits.commit(signal()))]
        await asyncio.sleep(0.02)
        tasks += [asyncio.create_task(commits.commit(signal())) for _ in range(40)]
        await asyncio.sleep(0.02)
        writer.gate.set()
        stored = await asyncio.gather(*tasks)
    assert writer.batches == [1, 40]
    assert all(one.new for one in stored)
    assert {one.id for one in stored} == set(writer.stored)
    assert writer.closed


async def test_a_batch_is_bounded() -> None:
    writer = FakeWriter()
    async with running(writer, batch=7) as commits:
        await asyncio.gather(*(commits.commit(signal()) for _ in range(30)))
    assert max(writer.batches) == 7
    assert sum(writer.batches) == 30


async def test_bad_rows_fail_alone() -> None:
    writer = FakeWriter()
    signals = [signal() for _ in range(25)]
    writer.bad = {signals[3].id, signals[17].id}
    async with running(writer) as commits:
        results = await asyncio.gather(*(commits.commit(one) for one in signals), return_exceptions=True)
    refused = [index for index, result in enumerate(results) if isinstance(result, RowsRefused)]
    assert refused == [3, 17]
    assert set(writer.stored) == {one.id for one in signals} - writer.bad


async def test_equal_bodies_in_one_batch_are_one_row() -> None:
    writer = FakeWriter()
    async with running(writer) as commits:
        writer.gate.clear()
        held = asyncio.create_task(commits.commit(signal()))
        await asyncio.sleep(0.02)
        twins = [asyncio.create_task(commits.commit(signal(b"same"))) for _ in range(3)]
        await asyncio.sleep(0.02)
        writer.gate.set()
        stored = await asyncio.gather(*twins)
        await held
    assert len({one.id for one in stored}) == 1
    assert [one.new for one in stored] == [True, False, False]
    assert len(writer.stored) == 2


async def test_a_full_queue_is_said_at_once_and_loses_nobody() -> None:
    writer = FakeWriter()
    async with running(writer, queue=3) as commits:
        writer.gate.clear()
        tasks = [asyncio.create_task(commits.commit(signal()))]
        await asyncio.sleep(0.02)
        tasks += [asyncio.create_task(commits.commit(signal())) for _ in range(3)]
        await asyncio.sleep(0.02)
        with pytest.raises(NotTaken, match="too many"):
            await commits.commit(signal())
        writer.gate.set()
        await asyncio.gather(*tasks)
    assert len(writer.stored) == 4


async def test_the_queue_is_bounded_in_bytes_and_counts_them_back() -> None:
    writer = FakeWriter()
    async with running(writer, queue_bytes=1000) as commits:
        for _ in range(5):
            await commits.commit(signal(size=900))
        with pytest.raises(NotTaken, match="too many"):
            await commits.commit(signal(size=1001))
    assert len(writer.stored) == 5


async def test_a_wait_is_bounded_and_then_everybody_is_told_at_once() -> None:
    writer = FakeWriter()
    writer.away = True
    loop = asyncio.get_running_loop()
    async with running(writer, patience=0.2) as commits:
        begin = loop.time()
        with pytest.raises(NotTaken):
            await commits.commit(signal())
        assert 0.15 < loop.time() - begin < 1.0
        await asyncio.sleep(0.25)
        assert commits.down == "the database does not answer"
        begin = loop.time()
        with pytest.raises(NotTaken, match="does not answer"):
            await commits.commit(signal())
        assert loop.time() - begin < 0.05
        writer.away = False
        await asyncio.sleep(1.5)
        assert commits.down is None
        assert (await commits.commit(signal())).new


async def test_a_short_absence_is_bridged() -> None:
    writer = FakeWriter()
    writer.away = True
    async with running(writer, patience=2.0) as commits:
        tasks = [asyncio.create_task(commits.commit(signal())) for _ in range(10)]
        await asyncio.sleep(0.1)
        writer.away = False
        assert len(await asyncio.gather(*tasks)) == 10
    assert len(writer.stored) == 10


async def test_a_hanging_write_answers_its_waiters_too() -> None:
    writer = FakeWriter()
    async with running(writer, patience=0.2) as commits:
        writer.gate.clear()
        with pytest.raises(NotTaken, match="in time"):
            await commits.commit(signal())


async def test_a_mistake_of_ours_does_not_end_ingest(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = FakeWriter()
    async with running(writer) as commits:

        async def broken(_: Sequence[NewSignal]) -> list[Stored]:
            raise KeyError("a bug")

        with monkeypatch.context() as patch:
            patch.setattr(writer, "write", broken)
            with pytest.raises(NotTaken):
                await commits.commit(signal())
        await asyncio.sleep(1.2)
        assert (await commits.commit(signal())).new


async def test_stopping_commits_what_waits() -> None:
    writer = FakeWriter()
    commits = GroupCommit(writer, Metrics())
    commits.start()
    tasks = [asyncio.create_task(commits.commit(signal())) for _ in range(20)]
    await asyncio.sleep(0)
    await commits.stop()
    assert all(stored.new for stored in await asyncio.gather(*tasks))
    with pytest.raises(NotTaken):
        await commits.commit(signal())
