"""`python -m btcwatcher_bot preflight | trade`, with the container's working directory as the current one."""

import os
import signal
import sys

_SIGTERM_EXIT = 128 + signal.SIGTERM
_SIGINT_EXIT = 128 + signal.SIGINT


def main() -> None:
    """End with the mode's exit status.

    The signal handlers come before the heavy imports: as process 1, and while extension modules load, a SIGTERM
    would otherwise be lost. Nothing needs cleaning up then, so they leave at once.
    """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(_SIGTERM_EXIT))
    signal.signal(signal.SIGINT, lambda *_: os._exit(_SIGINT_EXIT))
    from btcwatcher_bot.cli import run

    status = run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: a thread that a strategy or a failed API server left behind must not keep a dead bot alive.
    os._exit(status)


if __name__ == "__main__":
    main()
