"""What makes a bot small without touching freqtrade: each idea is a file, in place before freqtrade is imported.

Nothing is taken away from a strategy: what is not loaded at the start is loaded when it is asked for.
"""

from collections.abc import Callable, Mapping

SWITCH = "BTCWATCHER_SLIM"


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether the user has not switched it off."""
    return environ.get(SWITCH, "").strip().lower() not in ("false", "0", "no", "off")


def before_imports(environ: Mapping[str, str]) -> None:
    """Put what concerns imports in place, unless it is switched off. Called before the first import of freqtrade."""
    if not wanted(environ):
        return
    from btcwatcher_bot.slim import bytecode, lazy_arrow, lazy_exchanges, lazy_modules, plain_event_loop

    bytecode.install()
    lazy_exchanges.install()
    lazy_arrow.install()
    plain_event_loop.install()
    # freqtrade takes one test of significance from it, for /profit with enough trades.
    lazy_modules.install("scipy.stats")


def after_imports(environ: Mapping[str, str]) -> None:
    """Once freqtrade is imported, and before it runs or a strategy is loaded."""
    if not wanted(environ):
        return
    from btcwatcher_bot.slim import lazy_arrow, upkeep

    lazy_arrow.keep_text_in_python()
    upkeep.after_imports()


def at_each_sign(environ: Mapping[str, str]) -> Callable[[float, bool], None]:
    """What to call in the thread of the trading loop when it has come round, and whether it was made anew."""
    if not wanted(environ):
        return lambda now, reloaded: None
    from btcwatcher_bot.slim.upkeep import Upkeep

    return Upkeep().sign
