"""Which Strategies a command is about."""

import argparse
from collections.abc import Sequence

from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.kubectl import STRATEGIES, Kubectl, Object


def strategies(kubectl: Kubectl, parsed: argparse.Namespace) -> list[Object]:
    """Those that were named or selected, sorted. Raises PluginError when nothing says which, or there are none."""
    return sorted(kubectl.get(*_question(parsed)), key=key) or _none(parsed)


def key(strategy: Object) -> tuple[str, str]:
    return strategy["metadata"]["namespace"], strategy["metadata"]["name"]


def label(strategy: Object) -> str:
    """How a Strategy is called in what is printed."""
    return "/".join(key(strategy))


def scope(parsed: argparse.Namespace) -> list[str]:
    """The part of a `kubectl get` that says which Strategies."""
    everywhere = getattr(parsed, "all_namespaces", False)
    if parsed.names and everywhere:
        raise PluginError("give names, or -A: a name is one of a namespace")
    if parsed.names and parsed.selector:
        raise PluginError("give names, or a selector, not both")
    words: list[str] = list(dict.fromkeys(parsed.names))
    if parsed.selector:
        words.append(f"--selector={parsed.selector}")
    if everywhere:
        words.append("--all-namespaces")
    return words


def _question(parsed: argparse.Namespace) -> Sequence[str]:
    if not (parsed.names or parsed.selector or getattr(parsed, "all", False)):
        whole = ", or all of the namespace with --all" if hasattr(parsed, "all") else ""
        raise PluginError(f"say which Strategies: by name, or by label with -l{whole}")
    return STRATEGIES, *scope(parsed)


def _none(parsed: argparse.Namespace) -> list[Object]:
    selected = f" with the labels {parsed.selector}" if parsed.selector else ""
    raise PluginError(f"there are no Strategies{selected}", "See which there are: kubectl btcwatcher status -A")
