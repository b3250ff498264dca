"""Entry point `kubectl-btcwatcher`, which kubectl runs as `kubectl btcwatcher`."""

import importlib
import os
import sys
from collections.abc import Sequence

from btcwatcher_plugin.arguments import PROG, parse
from btcwatcher_plugin.errors import PluginError

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status. What goes wrong is told on standard error."""
    parsed = parse(arguments)
    try:
        # Each command brings only the modules that it needs: most of a short command's time is importing.
        command = importlib.import_module(f"btcwatcher_plugin.{parsed.handler}")
        status: int = command.run(parsed)
        sys.stdout.flush()
    except PluginError as error:
        print(f"{PROG}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read (`| head`) has enough. Python would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status


if __name__ == "__main__":
    sys.exit(main())
