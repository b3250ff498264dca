"""In a process of its own: signals and their handlers are the whole process's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

IMAGE = Path(__file__).parents[3] / "images/freqtrade"

# A main thread that loses as many KeyboardInterrupts as it is told to, and a monitor beside it.
CHILD = """
import signal, sys, threading, time
from btcwatcher_bot.ending import Ending

lost, ends = 0, False

def term(number, frame):
    raise KeyboardInterrupt

signal.signal(signal.SIGTERM, term)
ending = Ending(lambda: ends, again_seconds=0.05)
ending.install()

def monitor():
    while True:
        ending.look(time.monotonic())
        time.sleep(0.01)

threading.Thread(target=monitor, daemon=True).start()
while True:
    try:
        if not lost:
            signal.raise_signal(signal.SIGTERM)
        time.sleep(10)
    except KeyboardInterrupt:
        if lost == int(sys.argv[1]):
            ends = True
            break
        lost += 1
time.sleep(0.5)  # a clean end takes its time, and is not disturbed
print("ended after", lost)
"""


@pytest.mark.parametrize("lost", [1, 3])
def test_a_signal_that_was_lost_comes_again_until_it_is_heeded(lost: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(lost)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(IMAGE)},
    )
    assert done.stdout == f"ended after {lost}\n", done.stderr
