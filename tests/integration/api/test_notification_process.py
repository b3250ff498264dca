"""`btcwatcher-api worker` as it runs: killed at every step, with a cluster and a Postgres that go away."""

import asyncio
from pathlib import Path

import psycopg
import pytest

from btcwatcher_local.loopback import free_port
from btcwatcher_local.postgres import EmbeddedPostgres
from support.api_cluster import Cluster
from support.notifications import (
    NO_AUTH,
    YES,
    Answer,
    ChannelCluster,
    Queue,
    Vendor,
    always,
    channel,
    figures,
    until,
    worker_process,
    working,
)

pytestmark = pytest.mark.integration

DUPLICATES = "btcwatcher_notification_possible_duplicates_total"


@pytest.fixture
async def channels(cluster: Cluster, telegram: Vendor) -> ChannelCluster:
    made = ChannelCluster(cluster)
    await made.define()
    await made.secret()
    await made.apply(channel(endpoint=telegram.url))
    return made


async def test_killed_at_each_step_it_loses_nothing_and_counts_what_may_have_come_twice(
    queue: Queue, telegram: Vendor, channels: ChannelCluster, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    arrived, yes = asyncio.Event(), asyncio.Event()

    async def answer(chat: str, text: str) -> Answer:
        arrived.set()
        await yes.wait()
        return YES

    telegram.answer = answer
    queue.add("desk", pair="ONE/USDT")
    async with worker_process(queue.url, tmp_path, kubeconfig, free_port()) as worker:
        await arrived.wait()
        # Before the vendor has taken it.
        await worker.kill()
    assert [row["reason"] for row in queue.attempts()] == [None]
    yes.set()
    await queue.time_passes()
    async with worker_process(queue.url, tmp_path, kubeconfig, free_port()) as worker:
        await until(lambda: queue.states() == {"Sent": 1}, queue.attempts)
        assert (await worker.metric(DUPLICATES))[()] == 1
        assert [row["reason"] for row in queue.attempts()] == ["WorkerLost", "Sent"]
        telegram.taken.clear()

        # After the vendor's yes, before it is noted: settling waits for the channel's state, which we hold.
        arrived.clear()
        yes.clear()
        queue.add("desk", pair="TWO/USDT")
        await arrived.wait()
        with psycopg.connect(queue.url) as holding:
            holding.execute("SELECT * FROM channel_states FOR UPDATE")
            yes.set()
            await until(lambda: "TWO" in " ".join(telegram.texts()))
            await until(lambda: bool(waiting(queue)), lambda: waiting(queue))
            await worker.kill()
            holding.rollback()
    assert queue.states() == {"Sent": 1, "Pending": 1}
    await queue.time_passes()
    async with worker_process(queue.url, tmp_path, kubeconfig, free_port()) as worker:
        await until(lambda: queue.states() == {"Sent": 2}, queue.attempts)
        assert (await worker.metric(DUPLICATES))[()] == 1
        assert len(telegram.taken) == 2, "it came twice, in this window only"

        # After it is noted.
        queue.add("desk", pair="THREE/USDT")
        await until(lambda: queue.states() == {"Sent": 3}, queue.attempts)

        # While it claims.
        with psycopg.connect(queue.url) as holding:
            holding.execute("SELECT * FROM channel_states FOR UPDATE")
            queue.add("desk", pair="FOUR/USDT")
            await until(lambda: bool(waiting(queue)), lambda: waiting(queue))
            await worker.kill()
            holding.rollback()
    async with worker_process(queue.url, tmp_path, kubeconfig, free_port()) as worker:
        await until(lambda: queue.states() == {"Sent": 4}, queue.attempts)
        assert (await worker.metric(DUPLICATES))[()] == 0
    for pair in ("THREE", "FOUR"):
        assert len([text for text in telegram.texts() if pair in text]) == 1
    assert queue.attempts()[-1]["number"] == 1, "there was no other attempt"
    assert worker.process.returncode == 0, "an orderly end"


async def test_its_channels_tell_how_they_are_doing(
    queue: Queue, telegram: Vendor, channels: ChannelCluster, tmp_path: Path
) -> None:
    telegram.answer = always(NO_AUTH)
    quiet = channel("quiet", endpoint=telegram.url, template={"inline": "{{ nothing | at_all }}"})
    await channels.apply(quiet)
    kubeconfig = tmp_path / "kubeconfig"
    async with (
        worker_process(queue.url, tmp_path, kubeconfig, free_port()),
        worker_process(queue.url, tmp_path, kubeconfig, free_port()),
    ):
        await channels.until("desk", Ready=("Unknown", "NotTried"))
        await channels.until("quiet", Ready=("Unknown", "NotTried"), TemplateValid=("False", "TemplateInvalid"))
        queue.add("desk", "quiet")
        await channels.until("desk", Ready=("False", "Auth"), Paused=("True", "Paused"))
        telegram.answer = None
        await queue.time_passes()
        await channels.until("desk", Ready=("True", "Sent"))
        # The template says nothing, and the message goes out with the default's words.
        await until(lambda: queue.states() == {"Sent": 2}, queue.attempts)
        await channels.until("quiet", Ready=("True", "Sent"), TemplateValid=("False", "TemplateInvalid"))
        await channels.until_events("desk", ["Paused", "Recovered"])

        # The Secret is made: the pause ends without a word to the worker.
        await channels.apply(channel("new", endpoint=telegram.url, credentialsRef={"name": "later"}))
        queue.add("new")
        await channels.until("new", Ready=("False", "SecretMissing"), Paused=("True", "Paused"))
        await queue.pause_long()
        await channels.secret("later")
        await until(lambda: queue.states() == {"Sent": 3}, queue.deliveries)
        version = await channels.version("desk")
        await asyncio.sleep(7)
        assert await channels.version("desk") == version, "nothing changed, and nobody writes"
    text = "".join(path.read_text() for path in tmp_path.glob("worker-*.log"))
    assert "the-tests-own-token" not in text
    assert "the-tests-own-token" not in str(queue.attempts()) + str(queue.rows("SELECT * FROM channel_states"))


async def test_postgres_restarted_under_it(own: EmbeddedPostgres, telegram: Vendor) -> None:
    queue = Queue(own.url)
    held, first = asyncio.Event(), asyncio.Event()

    async def answer(chat: str, text: str) -> Answer:
        first.set()
        await held.wait()
        return YES

    telegram.answer = answer
    queue.add("desk", pair="BEFORE/USDT")
    async with working(own.url, [channel(endpoint=telegram.url)]) as service:
        await first.wait()
        await asyncio.to_thread(own.kill)
        held.set()
        # It was sent while Postgres is away: the outcome is kept until it can be noted.
        await until(lambda: len(telegram.taken) == 1)
        await until(lambda: service.problems != [])
        await asyncio.to_thread(own.start)
        await until(lambda: queue.states() == {"Sent": 1}, queue.attempts)
        queue.add("desk", pair="AFTER/USDT")
        await until(lambda: queue.states() == {"Sent": 2}, queue.attempts)
        await until(lambda: service.problems == [], lambda: service.problems)
        await until(lambda: figures(service, "btcwatcher_notification_worker_database_up")[()] == 1)
    assert len(telegram.taken) == 2


def waiting(queue: Queue) -> list[dict[str, object]]:
    """Statements that wait for a lock."""
    return queue.rows(
        "SELECT pid, query FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        " AND query LIKE '%channel_states%'"
    )
