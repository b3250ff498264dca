"""A worker on a real Postgres, sending over HTTP to a vendor on loopback."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.notifications import (
    NO_AUTH,
    REFUSED,
    TROUBLE,
    YES,
    Answer,
    Box,
    Queue,
    Vendor,
    always,
    channel,
    figures,
    too_many,
    until,
    working,
)

pytestmark = pytest.mark.integration

TESTS = Path(__file__).parents[2]


async def test_a_delivery_is_sent_and_its_attempt_noted(queue: Queue, telegram: Vendor) -> None:
    queue.add("desk", pair="ETH/USDT")
    async with working(queue.url, [channel(endpoint=telegram.url)]) as service:
        await until(lambda: queue.states() == {"Sent": 1}, queue.attempts)
        queue.add("desk", pair="ADA/USDT", priority=1)
        await until(lambda: queue.states() == {"Sent": 2}, queue.attempts)
        assert service.problems == []
        ended = {("desk", "trading", "P0", "Sent"): 1, ("desk", "trading", "P1", "Sent"): 1}
        await until(lambda: figures(service, "btcwatcher_notification_deliveries_total") == ended)
        assert figures(service, "btcwatcher_notification_latency_seconds_count")["P0",] == 1
    assert ["ETH/USDT" in telegram.texts()[0], "ADA/USDT" in telegram.texts()[1]] == [True, True]
    first, second = queue.attempts()
    assert (first["number"], first["reason"], first["channel"]) == (1, "Sent", "desk")
    assert first["duration_ms"] >= 0
    assert first["message_id"] != second["message_id"]
    delivery = queue.deliveries()[0]
    assert (delivery["reason"], delivery["attempts"]) == ("Sent", 1)
    assert delivery["settled_at"] is not None


async def test_a_row_that_cannot_be_read_holds_up_no_other_channel(queue: Queue, telegram: Vendor) -> None:
    queue.add_test("poisoned")
    queue.run("UPDATE notices SET starts_at = 'infinity'")
    queue.add("desk")
    async with working(queue.url, [channel(name, endpoint=telegram.url) for name in ("poisoned", "desk")]):
        await until(lambda: queue.states() == {"Pending": 1, "Sent": 1}, queue.attempts)


_READY = """
import asyncio, sys
from support.notifications import channel, working

async def run():
    for kind in ("Telegram", "Apprise"):
        async with working(sys.argv[1], [channel(type=kind)]) as service:
            while service.problems:
                await asyncio.sleep(0.02)
            print("apprise.plugins.custom_json" in sys.modules, "is what is loaded")

asyncio.run(run())
"""


async def test_what_its_channels_need_is_loaded_before_it_is_ready(queue: Queue) -> None:
    """In a process of its own, where no other test has loaded it."""
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-c", _READY, queue.url]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE)
    said, _ = await process.communicate()
    told = [line.split()[0] for line in said.decode().splitlines() if line.endswith("is what is loaded")]
    assert told == ["False", "True"]


async def test_two_workers_send_nothing_twice(queue: Queue, telegram: Vendor) -> None:
    queue.add("desk", "pager", count=150)
    channels = [channel(endpoint=telegram.url), channel("pager", endpoint=telegram.url)]
    async with working(queue.url, channels) as one, working(queue.url, channels) as other:
        await until(lambda: queue.states() == {"Sent": 300}, queue.states)
        metric = "btcwatcher_notification_deliveries_total"
        await until(lambda: sum([*figures(one, metric).values(), *figures(other, metric).values()]) == 300)
    assert len(telegram.taken) == 300
    assert {row["number"] for row in queue.attempts()} == {1}


async def test_a_p0_passes_ten_thousand_p2(queue: Queue, telegram: Vendor) -> None:
    """P2 messages are answered only once the P0 is there: however slow they are, it does not wait for them."""
    urgent = asyncio.Event()

    async def answer(chat: str, text: str) -> Answer:
        if "URGENT" in text:
            urgent.set()
        await urgent.wait()
        return YES

    telegram.answer = answer
    queue.add("desk", priority=2, count=10_000)
    digests = channel(endpoint=telegram.url, grouping={"digestInterval": "0s"})
    async with working(queue.url, [digests]):
        await until(lambda: len(telegram.came) > 0)
        queue.add("desk", pair="URGENT/USDT")
        await until(urgent.is_set, lambda: telegram.came)
        at = next(index for index, (_, text) in enumerate(telegram.came) if "URGENT" in text)
        assert at < 5, "it left before more than a handful of them"
        await until(lambda: queue.states() == {"Sent": 10_001}, queue.states)
    assert len(telegram.taken) == 1 + 10_000 // 500


async def test_a_slow_channel_holds_up_itself_only(queue: Queue, telegram: Vendor) -> None:
    released = asyncio.Event()

    async def answer(chat: str, text: str) -> Answer:
        if chat == "-7":
            await released.wait()
        return YES

    telegram.answer = answer
    slow = channel("slow", endpoint=telegram.url, credentialsRef={"name": "slow"})
    box = Box({"telegram": {"token": "1:a", "chatId": "-1"}, "slow": {"token": "1:a", "chatId": "-7"}})
    queue.add("slow", count=50)
    async with working(queue.url, [slow, channel(endpoint=telegram.url)], box, worker_slots_per_channel=3):
        await until(lambda: len(telegram.came) == 3, lambda: telegram.came)
        queue.add("desk", count=50)
        await until(lambda: len(telegram.taken) == 50, lambda: len(telegram.taken))
        assert len([chat for chat, _ in telegram.came if chat == "-7"]) == 3
        released.set()
        await until(lambda: queue.states() == {"Sent": 100}, queue.states)


async def test_quiet_hours_move_p1_and_let_p0_through(queue: Queue, telegram: Vendor) -> None:
    now = datetime.now(UTC)
    begin, end = now - timedelta(hours=1), (now + timedelta(hours=2)).replace(second=0, microsecond=0)
    quiet = {"start": f"{begin:%H:%M}", "end": f"{end:%H:%M}", "timeZone": "UTC"}
    queue.add("desk", priority=1)
    queue.add("desk", priority=0, pair="URGENT/USDT")
    async with working(queue.url, [channel(endpoint=telegram.url, quietHours=quiet)]):
        await until(lambda: [row["next_attempt_at"] for row in queue.deliveries() if row["priority"] == 1] == [end])
        await until(lambda: queue.states() == {"Sent": 1, "Pending": 1}, queue.states)
    waiting = next(row for row in queue.deliveries() if row["priority"] == 1)
    assert (waiting["attempts"], waiting["reason"]) == (0, None)


async def test_p1_go_out_at_once_and_then_together(queue: Queue, telegram: Vendor) -> None:
    async with working(queue.url, [channel(endpoint=telegram.url, grouping={"groupInterval": "3s"})]):
        queue.add("desk", priority=1, pair="FIRST/USDT")
        await until(lambda: len(telegram.taken) == 1, queue.deliveries)
        queue.add("desk", priority=1, count=4)
        await until(lambda: queue.states() == {"Sent": 5}, queue.deliveries)
    assert len(telegram.taken) == 2
    assert len(queue.messages()) == 2


async def test_p2_becomes_a_digest(queue: Queue, telegram: Vendor) -> None:
    queue.add("desk", priority=2, count=7, ago=timedelta(seconds=5))
    async with working(queue.url, [channel(endpoint=telegram.url, grouping={"digestInterval": "1s"})]):
        await until(lambda: queue.states() == {"Sent": 7}, queue.deliveries)
    assert len(telegram.taken) == 1
    assert len(queue.messages()) == 1


async def test_what_fails_is_tried_again_and_given_up_after_the_last_attempt(queue: Queue, telegram: Vendor) -> None:
    telegram.answer = always(TROUBLE)
    queue.add("desk")
    async with working(queue.url, [channel(endpoint=telegram.url)]) as service:
        await until(lambda: queue.deliveries()[0]["reason"] == "VendorError", queue.deliveries)
        waiting = queue.deliveries()[0]
        assert (waiting["state"], waiting["attempts"]) == ("Pending", 1)
        assert waiting["next_attempt_at"] > queue.attempts()[0]["started_at"] + timedelta(seconds=1)
        # Others went through meanwhile, so that the channel is not at fault: it is this message's last attempt.
        await queue.alter("UPDATE channel_states SET failures = 0")
        await queue.alter("UPDATE deliveries SET attempts = 7, next_attempt_at = now()")
        await until(lambda: queue.states() == {"Failed": 1}, queue.deliveries)
        assert queue.deliveries()[0]["reason"] == "Exhausted"
        failed = {("desk", "trading", "VendorError"): 2}
        await until(lambda: figures(service, "btcwatcher_notification_attempts_failed_total") == failed)
    assert [row["reason"] for row in queue.attempts()] == ["VendorError", "VendorError"]
    assert "Bad Gateway" in queue.attempts()[0]["answer"]


async def test_what_is_refused_is_not_sent_again(queue: Queue, telegram: Vendor) -> None:
    telegram.answer = always(REFUSED)
    queue.add("desk")
    async with working(queue.url, [channel(endpoint=telegram.url)]):
        await until(lambda: queue.states() == {"Failed": 1}, queue.deliveries)
    assert queue.deliveries()[0]["reason"] == "Rejected"
    assert queue.state()["paused_until"] is None, "it is the message's fault"


async def test_retry_after_is_respected_by_all_messages_of_the_channel(queue: Queue, telegram: Vendor) -> None:
    telegram.answer = always(too_many(600))
    queue.add("desk")
    async with working(queue.url, [channel(endpoint=telegram.url)]):
        await until(lambda: queue.deliveries()[0]["reason"] == "RateLimited", queue.deliveries)
        first = queue.deliveries()[0]
        assert first["next_attempt_at"] >= queue.attempts()[0]["started_at"] + timedelta(seconds=600)
        telegram.answer = None
        queue.add("desk", pair="SECOND/USDT")
        # A round of the lane later it is still held back, and has no attempt.
        await asyncio.sleep(1.5)
    assert [row["attempts"] for row in queue.deliveries()] == [1, 0]
    assert len(telegram.came) == 1


async def test_the_rate_limit_is_shared_and_what_is_urgent_shares_the_last_message(
    queue: Queue, telegram: Vendor
) -> None:
    queue.add("desk", count=12)
    limited = channel(endpoint=telegram.url, rateLimit={"messages": 3, "per": "1h"})
    async with working(queue.url, [limited]), working(queue.url, [limited]):
        await until(lambda: queue.states() == {"Sent": 12}, queue.states)
        assert len(telegram.taken) == 3
        assert queue.state()["tokens"] < 1
        queue.add("desk", pair="LATER/USDT")
        await asyncio.sleep(1.5)
    assert queue.states() == {"Sent": 12, "Pending": 1}
    assert queue.state()["tokens"] < 1


async def test_a_message_takes_one_of_the_messages_that_may_be_sent(queue: Queue, telegram: Vendor) -> None:
    """However many could have gone out with it."""
    queue.add("desk")
    async with working(queue.url, [channel(endpoint=telegram.url, rateLimit={"messages": 30, "per": "24h"})]):
        for count in (1, 2, 3):
            await until(lambda count=count: queue.states() == {"Sent": count}, queue.states)  # type: ignore[misc]
            assert 30 - count <= queue.state()["tokens"] < 30.1 - count
            queue.add("desk")
    assert len(telegram.taken) >= 3


async def test_a_channel_that_keeps_failing_is_paused_tried_with_one_and_recovers(
    queue: Queue, telegram: Vendor
) -> None:
    telegram.answer = always(NO_AUTH)
    queue.add("desk")
    async with working(queue.url, [channel(endpoint=telegram.url)]) as service:
        await until(lambda: queue.state().get("paused_until") is not None, queue.state)
        queue.add("desk", count=9)
        for tries in (2, 3):
            # The pause is over, and one message tries it; the others lose no attempts.
            await queue.time_passes()
            await until(lambda tries=tries: len(telegram.came) == tries, lambda: telegram.came)  # type: ignore[misc]
            await until(lambda tries=tries: queue.state()["failures"] == tries, queue.state)  # type: ignore[misc]
        assert sum(row["attempts"] for row in queue.deliveries()) == 3
        assert queue.states() == {"Pending": 10}
        await until(lambda: figures(service, "btcwatcher_notification_channel_paused") == {("desk", "trading"): 1})
        telegram.answer = None
        await queue.time_passes()
        await until(lambda: queue.states() == {"Sent": 10}, queue.deliveries)
    assert (queue.state()["failures"], queue.state()["paused_until"]) == (0, None)
    assert len(telegram.taken) == 10


async def test_a_changed_secret_or_channel_ends_the_pause_once(queue: Queue, telegram: Vendor) -> None:
    """Two workers: both see the change, and one message is sent for it."""

    async def answer(chat: str, text: str) -> Answer:
        return YES if chat == "-1" else NO_AUTH

    def chats() -> list[str]:
        return [chat for chat, _ in telegram.came]

    def paused(failures: int) -> Callable[[], bool]:
        return lambda: queue.state().get("failures") == failures and queue.state()["paused_until"] is not None

    telegram.answer = answer
    box = Box({"telegram": {"token": "1:a", "chatId": "-9"}, "good": {"token": "1:a", "chatId": "-1"}})
    queue.add("desk")
    before = channel(endpoint=telegram.url)
    async with working(queue.url, [before], box) as one, working(queue.url, [before], box) as other:
        await until(paused(1), queue.state)
        await queue.pause_long()
        box.secrets["telegram"] = {"token": "1:a", "chatId": "-8"}
        await until(paused(2), queue.state)
        await queue.pause_long()
        looks = box.looks
        await until(lambda: box.looks >= looks + 4)
        assert chats() == ["-9", "-8"], "seen by both, tried once"
        for service in (one, other):
            service.channels.put(channel(endpoint=telegram.url, credentialsRef={"name": "good"}))
        await until(lambda: queue.states() == {"Sent": 1}, queue.deliveries)
    assert chats() == ["-9", "-8", "-1"]
    assert (queue.state()["failures"], queue.state()["paused_until"]) == (0, None)


async def test_what_is_on_its_way_when_a_channel_is_mended_is_not_sent_again(queue: Queue, telegram: Vendor) -> None:
    released = asyncio.Event()

    async def answer(chat: str, text: str) -> Answer:
        if len(telegram.came) == 2:
            await released.wait()
        return NO_AUTH if len(telegram.came) == 1 else YES

    telegram.answer = answer
    box = Box({"telegram": {"token": "1:a", "chatId": "-1"}})
    queue.add("desk")
    async with working(queue.url, [channel(endpoint=telegram.url)], box):
        await until(lambda: queue.state().get("failures") == 1, queue.state)
        await queue.time_passes()
        await until(lambda: len(telegram.came) == 2, lambda: telegram.came)
        box.secrets["telegram"] = {"token": "1:b", "chatId": "-1"}
        ended = "SELECT FROM channel_states WHERE paused_until <= now()"
        await until(lambda: len(queue.rows(ended)) == 1, queue.state)
        looks = box.looks
        queue.add("desk", pair="NEXT/USDT")
        await until(lambda: len(telegram.taken) == 1, lambda: telegram.came)
        assert "NEXT" in telegram.texts()[0]
        assert box.looks == looks, "the pause is over"
        released.set()
        await until(lambda: queue.states() == {"Sent": 2}, queue.deliveries)
    assert len(telegram.came) == 3


async def test_the_fallback_gets_a_p0_once_and_only_a_p0(queue: Queue, telegram: Vendor) -> None:
    async def answer(chat: str, text: str) -> Answer:
        return YES if chat == "-2" else TROUBLE

    telegram.answer = answer
    box = Box({"telegram": {"token": "1:a", "chatId": "-1"}, "other": {"token": "1:a", "chatId": "-2"}})
    channels = [
        channel(endpoint=telegram.url, fallback={"name": "pager"}),
        channel("pager", endpoint=telegram.url, credentialsRef={"name": "other"}),
    ]
    queue.add("desk", pair="URGENT/USDT")
    queue.add("desk", priority=1, pair="CALM/USDT")
    async with working(queue.url, channels, box):
        await until(lambda: queue.states() == {"Sent": 1, "Pending": 2}, queue.deliveries)
        await queue.alter("UPDATE deliveries SET next_attempt_at = now() WHERE state = 'Pending'")
        await until(lambda: len(telegram.came) == 5, lambda: telegram.came)
        # While the channel is paused what is urgent does not even wait for an attempt.
        await queue.alter("UPDATE channel_states SET paused_until = now() + interval '1 hour' WHERE channel = 'desk'")
        queue.add("desk", pair="PAUSED/USDT")
        await until(lambda: queue.states()["Sent"] == 2, queue.deliveries)
    assert ["URGENT" in telegram.texts()[0], "PAUSED" in telegram.texts()[1]] == [True, True]
    first = next(row for row in queue.deliveries() if row["channel"] == "desk" and row["priority"] == 0)
    assert {row["fallback_of"] for row in queue.deliveries() if row["channel"] == "pager"} >= {first["id"]}
    assert len([row for row in queue.deliveries() if row["channel"] == "pager"]) == 2


async def test_what_cannot_be_sent_is_kept_with_its_reason(queue: Queue, telegram: Vendor) -> None:
    queue.add("desk", "gone", "asleep")
    queue.add("old", ago=timedelta(days=2))
    channels = [
        channel(endpoint=telegram.url, credentialsRef={"name": "nowhere"}),
        channel("asleep", endpoint=telegram.url, suspend=True),
        channel("old", endpoint=telegram.url),
    ]
    async with working(queue.url, channels):
        await until(lambda: queue.states() == {"Skipped": 3, "Pending": 1}, queue.deliveries)
        await until(lambda: len(queue.attempts()) == 1 and queue.attempts()[0]["reason"] is not None, queue.attempts)
    assert {row["channel"]: (row["state"], row["reason"]) for row in queue.deliveries()} == {
        "gone": ("Skipped", "ChannelMissing"),
        "asleep": ("Skipped", "Suspended"),
        "old": ("Skipped", "TooOld"),
        "desk": ("Pending", "SecretMissing"),
    }
    assert "there is no Secret nowhere" in queue.attempts()[0]["answer"]
    assert queue.state()["paused_until"] is not None
    assert telegram.came == []


async def test_what_is_replayed_is_as_old_as_its_replay_and_begins_anew(queue: Queue, telegram: Vendor) -> None:
    telegram.answer = always(REFUSED)
    queue.add("desk", pair="REFUSED/USDT")
    async with working(queue.url, [channel(endpoint=telegram.url)]) as service:
        await until(lambda: queue.states() == {"Failed": 1}, queue.deliveries)
        queue.add("desk", pair="LATE/USDT", ago=timedelta(days=2))
        await until(lambda: queue.states() == {"Failed": 1, "Skipped": 1}, queue.deliveries)
        telegram.answer = None
        await queue.replay()
        await until(lambda: queue.states() == {"Sent": 2}, queue.deliveries)
        metric = "btcwatcher_notification_latency_seconds_sum"
        await until(lambda: 0 < figures(service, metric)["P0",] < 3600, lambda: figures(service, metric))
    assert ["LATE" in text or "REFUSED" in text for text in telegram.texts()] == [True, True]
    twice = [(row["number"], row["reason"]) for row in queue.attempts()]
    assert twice == [(1, "Rejected"), (1, "Sent"), (1, "Sent")]


async def test_what_a_worker_held_before_a_replay_says_nothing_of_it(queue: Queue, telegram: Vendor) -> None:
    """The first attempt's answer comes when the delivery was given up by others, and is being sent anew."""
    first, second = asyncio.Event(), asyncio.Event()

    async def answer(chat: str, text: str) -> Answer:
        nth = len(telegram.came)
        await (first if nth == 1 else second).wait()
        return REFUSED if nth == 1 else YES

    telegram.answer = answer
    queue.add("desk")
    async with working(queue.url, [channel(endpoint=telegram.url)]):
        await until(lambda: len(telegram.came) == 1)
        await queue.alter("UPDATE deliveries SET state = 'Failed', reason = 'Exhausted', settled_at = now()")
        await queue.replay()
        await until(lambda: len(telegram.came) == 2)
        first.set()
        await until(lambda: queue.attempts()[0]["reason"] == "Rejected", queue.attempts)
        assert queue.states() == {"Pending": 1}
        second.set()
        await until(lambda: queue.states() == {"Sent": 1}, queue.deliveries)


async def test_a_test_goes_out_though_the_channel_is_paused_and_quiet(queue: Queue, telegram: Vendor) -> None:
    now = datetime.now(UTC)
    quiet = {
        "start": f"{now - timedelta(hours=1):%H:%M}",
        "end": f"{now + timedelta(hours=2):%H:%M}",
        "timeZone": "UTC",
    }
    telegram.answer = always(NO_AUTH)
    queue.add("desk")
    async with working(queue.url, [channel(endpoint=telegram.url, quietHours=quiet)]):
        await until(lambda: queue.state().get("paused_until") is not None, queue.state)
        await queue.alter("UPDATE channel_states SET paused_until = now() + interval '1 hour'")
        queue.add_test("desk")
        await until(lambda: queue.states() == {"Failed": 1, "Pending": 1}, queue.deliveries)
        tested = next(row for row in queue.deliveries() if row["kind"] == "Test")
        assert (tested["reason"], tested["attempts"], len(telegram.came)) == ("Auth", 1, 2)
        assert queue.state()["failures"] == 2
        telegram.answer = None
        queue.add_test("desk")
        # The test that succeeds ends the pause, and what waited for it goes out when its time comes.
        await until(lambda: queue.state()["paused_until"] is None, queue.state)
        await queue.time_passes()
        await until(lambda: queue.states() == {"Failed": 1, "Sent": 2}, queue.deliveries)
    assert "test message" in telegram.texts()[0]
