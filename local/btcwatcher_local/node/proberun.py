"""Runs one probe of one container, round after round, and tells when its verdict changes."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Protocol

from btcwatcher_local.node.probes import Counter, ProbeSpec, Target, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from btcwatcher_local.client.resources import Obj


class Probed(Protocol):
    """What a prober needs of a container."""

    target: Target | None

    def unhealthy(self, kind: str, message: str) -> None: ...


class Prober:
    """`verdict(kind, healthy, grace)` is called when enough equal outcomes in a row say something new.

    `born` is the loop's time when the container was started: the initial delay counts from there. A startup
    verdict or a failed liveness verdict ends the prober.
    """

    def __init__(
        self,
        kind: str,
        probe: Obj,
        container: Probed,
        verdict: Callable[[str, bool, int | None], None],
        born: float,
    ) -> None:
        self.kind = kind
        self._probe = probe
        self._spec = ProbeSpec.read(probe)
        self._container = container
        self._verdict = verdict
        self._born = born
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"{self.kind} probe")

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        spec = self._spec
        born = self._born
        await asyncio.sleep(max(born + spec.initial_delay - asyncio.get_running_loop().time(), 0))
        # Containers started together must not be asked together for ever after.
        first_pause = spec.period * random.random()  # noqa: S311 - jitter, no secret
        counter = Counter(spec.success_threshold, spec.failure_threshold)
        target = self._container.target
        if target is None:
            return
        while True:
            held = counter.verdict
            outcome = await check(self._probe, target, spec.timeout)
            if not outcome.success:
                self._container.unhealthy(self.kind, outcome.message)
            told = counter.record(outcome.success)
            if told is not None and told != held:
                self._verdict(self.kind, told, spec.grace)
                if self.kind == "Startup" or (self.kind == "Liveness" and not told):
                    return
            # A container that is not ready is asked again soon, then settles into its period.
            await asyncio.sleep(first_pause if told and first_pause else spec.period)
            if told:
                first_pause = 0.0
