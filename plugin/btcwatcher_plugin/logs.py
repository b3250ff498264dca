"""`logs`: the log of a Strategy's bot, by `kubectl logs`."""

import argparse
from collections.abc import Sequence

from btcwatcher_crds import names
from btcwatcher_plugin import kubectl, targets
from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.kubectl import STRATEGIES, Kubectl, KubectlError, Object
from btcwatcher_plugin.output import warn
from btcwatcher_plugin.state import state_of
from btcwatcher_plugin.story import condition
from btcwatcher_plugin.words import READY, SUSPENDED


def run(parsed: argparse.Namespace) -> int:
    """Ends as kubectl."""
    client = kubectl.find(parsed.kubectl_flags)
    pod = _trial(client, parsed.name) if parsed.trial else _bot(client, parsed.name)
    container = names.CONTAINER_PREFLIGHT if parsed.trial else parsed.container
    client.become("logs", "--namespace", *pod, "--container", container, *options(parsed))


def options(parsed: argparse.Namespace) -> list[str]:
    """What `kubectl logs` takes as it is."""
    chosen = [flag for flag in ("follow", "previous", "timestamps") if getattr(parsed, flag)]
    valued = [f"--{name}={value}" for name in ("tail", "since") if (value := getattr(parsed, name)) is not None]
    return [*(f"--{flag}" for flag in chosen), *valued]


def _bot(client: Kubectl, name: str) -> tuple[str, str]:
    strategy = client.get(STRATEGIES, name)[0]
    namespace = strategy["metadata"]["namespace"]
    pod = names.pod(name)
    try:
        client.get("pods", pod, "--namespace", namespace)
    except KubectlError as error:
        if not error.not_found:
            raise
        raise PluginError(f"{targets.label(strategy)} has no pod, and so no log", _why(strategy)) from error
    return namespace, pod


def _trial(client: Kubectl, name: str) -> tuple[str, str]:
    strategy = client.get(STRATEGIES, name)[0]
    namespace = strategy["metadata"]["namespace"]
    labels = f"{names.LABEL_STRATEGY}={name},{names.LABEL_COMPONENT}={names.COMPONENT_PREFLIGHT}"
    pods = client.get("pods", "--namespace", namespace, f"--selector={labels}")
    if not pods:
        raise PluginError(f"no changed config of {targets.label(strategy)} is being tried, and none that was is kept")
    newest = _newest(pods)
    if len(pods) > 1:
        warn(f"the newest of {len(pods)} trials: pod {newest}")
    return namespace, newest


def _newest(pods: Sequence[Object]) -> str:
    return str(max(pods, key=lambda pod: pod["metadata"]["creationTimestamp"])["metadata"]["name"])


def _why(strategy: Object) -> str:
    if state_of(strategy) == SUSPENDED:
        name = strategy["metadata"]["name"]
        return f"It is suspended; start it: kubectl btcwatcher resume {name} -n {strategy['metadata']['namespace']}"
    ready = condition(strategy, READY)
    return f"{ready['reason']}: {ready['message']}" if ready else "The operator has not looked at it yet: does it run?"
