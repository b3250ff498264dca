"""Run a coroutine as a program: until it ends, or until SIGINT or SIGTERM cancels it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from collections.abc import Coroutine


def run_until_signal(main: Coroutine[Any, Any, None]) -> None:
    """Cancel `main` on the first SIGINT or SIGTERM and wait for its clean-up. Logs from INFO on."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))

    async def guarded() -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(main)

        def stop() -> None:
            # Once only: Ctrl-C reaches every process of a terminal and a supervisor then sends SIGTERM as well,
            # which must not cut the clean-up short.
            if not task.cancelling():
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(guarded())
