"""`btcwatcher-local demo`: the main job without a person. Ends once real bots' fills are in Postgres and true."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import aclosing
from dataclasses import replace

from btcwatcher_local.stack.examples import apply_examples, follow_until_ready
from btcwatcher_local.stack.progress import Progress
from btcwatcher_local.stack.signals import Signal, arriving, line
from btcwatcher_local.stack.stack import Stack, Wishes, running_stack
from btcwatcher_local.stack.trades import SIDES, disagreement, filled_orders, volumes

FILLS = 5
BOTS = 2
SECONDS = 240.0
SETTLE_SECONDS = 10.0
"""A bot tells of a fill before its database has it on disk."""


class DemoFailedError(Exception):
    """The demonstration did not show what it should; the message says what is missing."""


async def demo(wishes: Wishes) -> None:
    """Raises DemoFailedError, or what the stack raises."""
    progress = Progress()
    # A demonstration starts from nothing: what an earlier one left would prove nothing.
    async with running_stack(replace(wishes, fresh=True), progress) as stack:
        progress.say("applying manifests/examples")
        await apply_examples(stack)
        following = asyncio.create_task(follow_until_ready(stack))
        try:
            async with asyncio.timeout(SECONDS):
                fills = await _collect(stack)
        except TimeoutError:
            raise DemoFailedError(
                f"no {FILLS} fills of {BOTS} bots within {SECONDS:.0f} s; see {stack.layout.logs}"
            ) from None
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        await _compare(stack, fills)
        bots = Counter(_bot(fill) for fill in fills)
        told = ", ".join(f"{count} of {bot}" for bot, count in sorted(bots.items()))
        progress.say(f"{len(fills)} fills in Postgres ({told}); all agree with the bots' own databases")


async def _collect(stack: Stack) -> list[Signal]:
    """Prints signals until there are enough fills of enough bots; those fills."""
    fills: list[Signal] = []
    failing = asyncio.create_task(stack.until_failure())
    try:
        async with aclosing(arriving(stack.api_url, stack.read_token)) as signals:
            async for signal in signals:
                if failing.done():
                    await failing
                stack.progress.say(line(signal))
                if signal["type"] in SIDES:
                    fills.append(signal)
                if len(fills) >= FILLS and len({_bot(fill) for fill in fills}) >= BOTS:
                    return fills
    finally:
        failing.cancel()
    raise DemoFailedError("the API stopped telling of signals")


async def _compare(stack: Stack, fills: list[Signal]) -> None:
    stack.progress.say("comparing with the bots' own databases")
    folders = await volumes(stack)
    problems: list[str] = []
    for _ in range(int(SETTLE_SECONDS)):
        problems = []
        for fill in fills:
            try:
                problem = disagreement(fill, filled_orders(folders[_bot(fill)]))
            except (KeyError, sqlite3.Error) as error:
                problem = f"its database cannot be read: {error!r}"
            if problem:
                problems.append(f"{_bot(fill)} {fill['type']}: {problem}")
        if not problems:
            return
        await asyncio.sleep(1)
    raise DemoFailedError("Postgres and the bots disagree:\n  " + "\n  ".join(problems))


def _bot(signal: Signal) -> str:
    return f"{signal['namespace']}.{signal['strategy']}"
