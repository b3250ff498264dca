"""What makes a bot small without touching freqtrade: each idea is a file, in place before freqtrade is imported.

Nothing is taken away from a strategy: what is not loaded at the start is loaded when it is asked for.
"""

from collections.abc import Mapping

SWITCH = "BTCWATCHER_SLIM"


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether the user has not switched it off."""
    return environ.get(SWITCH, "").strip().lower() not in ("false", "0", "no", "off")


def activate(environ: Mapping[str, str]) -> None:
    """Put all of it in place, unless it is switched off. Called before the first import of freqtrade."""
    if not wanted(environ):
        return
    from btcwatcher_bot.slim import lazy_exchanges, lazy_modules

    lazy_exchanges.install()
    # freqtrade takes one test of significance from it, for /profit with enough trades.
    lazy_modules.install("scipy.stats")
