"""Which mode runs."""

import os
import sys
from collections.abc import Sequence

from btcwatcher_bot import slim

_USAGE = "usage: python -m btcwatcher_bot preflight|trade"
_USAGE_EXIT = 64


def run(arguments: Sequence[str]) -> int:
    """Run the mode that the arguments name and return the exit status."""
    # One thread each: a bot's arrays are small, and every BLAS thread costs memory. Read when numpy loads.
    for library in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "NUMEXPR_MAX_THREADS"):
        os.environ.setdefault(library, "1")
    # freqtrade breaks its log lines at the width of a terminal; without one, a line of the log is a line.
    os.environ.setdefault("COLUMNS", "8192")
    slim.before_imports(os.environ)
    match list(arguments):
        case ["trade"]:
            from btcwatcher_bot.trade import trade

            return trade()
        case ["preflight"]:
            from btcwatcher_bot.preflight import preflight

            return preflight()
    sys.stderr.write(f"{_USAGE}\n")
    return _USAGE_EXIT
