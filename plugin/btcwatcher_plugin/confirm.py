"""Asking before something is done that cannot be taken back."""

import sys

from btcwatcher_plugin.errors import PluginError


def confirmed(question: str, *, yes: bool) -> None:
    """Returns when the user agrees or has with -y. Raises PluginError when not, or when there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise PluginError(
            f"{question}\nNothing was changed: there is no terminal to ask at. To agree beforehand, give -y."
        )
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise PluginError("Nothing was changed.")
