"""How often Python's cycle collector runs in a serving process."""

import gc
from typing import Final

_YOUNG: Final = 20_000
_OLDER: Final = 20


def collect_rarely() -> None:
    """Call once the app is made: what exists now is never looked at again, and collections become rarer.

    A request leaves next to no cycles behind, but with Python's defaults the collector took up to a third of the CPU
    time of a webhook, walking the thousands of objects that imports made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _OLDER, _OLDER)
