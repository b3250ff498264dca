"""Entry point `kubectl-btcwatcher`, which kubectl runs as `kubectl btcwatcher`."""

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from btcwatcher_plugin.arguments import PROG, parse
from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.output import warn

_INTERRUPTED = 130
_TERMINATED = 143


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status. What goes wrong is told on standard error."""
    parsed = parse(arguments)
    # What a command has started beside itself (a port-forward) ends with it, however it is ended.
    signal.signal(signal.SIGTERM, _terminated)
    try:
        # Each command brings only the modules that it needs: most of a short command's time is importing.
        command = importlib.import_module(f"btcwatcher_plugin.{parsed.handler}")
        status: int = command.run(parsed)
        sys.stdout.flush()
    except PluginError as error:
        warn(f"{PROG}: {error}")
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read (`| head`) has enough. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


def _terminated(*_: object) -> NoReturn:
    raise SystemExit(_TERMINATED)


if __name__ == "__main__":
    sys.exit(main())
