"""Reads from the cluster what a report is made of."""

import argparse
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from btcwatcher_crds import names
from btcwatcher_plugin.kubectl import Kubectl, KubectlError, Object, ask
from btcwatcher_plugin.output import warn
from btcwatcher_plugin.story import condition
from btcwatcher_plugin.words import READY

_DECLARED: Final = tuple(
    f"{plural}.{names.GROUP}"
    for plural in (names.STRATEGY_PLURAL, names.PROXY_PLURAL, names.NOTIFICATION_CHANNEL_PLURAL)
)
_OF_BOTS: Final = (
    "pods", "statefulsets.apps", "jobs.batch", "services", "persistentvolumeclaims", "ingresses.networking.k8s.io",
    "secrets",
)  # fmt: skip
_OF_THE_PLATFORM: Final = (*_OF_BOTS, "deployments.apps", "configmaps", "poddisruptionbudgets.policy")
_OF_THE_CLUSTER: Final = (
    f"{names.FLEET_CAPACITY_PLURAL}.{names.GROUP}", f"{names.EXCHANGE_PLURAL}.{names.GROUP}", "nodes",
)  # fmt: skip
_REFERENCES: Final = ("credentialsRef", "urlSecretRef", "proxySecretRef")
_PLATFORM: Final = "app.kubernetes.io/name=btc-watcher"
_MOST_LOGS: Final = 60


@dataclass(slots=True)
class Found:
    """Objects by kind, logs by name, and what could not be read."""

    objects: dict[str, list[Object]] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Any] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Log:
    namespace: str
    pod: str
    container: str
    previous: bool

    @property
    def name(self) -> str:
        return f"{self.namespace}/{self.pod}/{self.container}{'-previous' if self.previous else ''}"


def everything(kubectl: Kubectl, parsed: argparse.Namespace) -> Found:
    """Of the namespace or of all, and of BTC Watcher's own namespace. What cannot be read is noted."""
    found = Found(versions=_versions(kubectl))
    warn("reading what the cluster holds")
    _objects(kubectl, parsed, found)
    wanted = list(_logs(found, parsed.logs, parsed.platform_namespace))
    if len(wanted) > _MOST_LOGS:
        found.unreadable.append(f"{len(wanted) - _MOST_LOGS} of {len(wanted)} logs: a report holds {_MOST_LOGS}")
    warn(f"reading {min(len(wanted), _MOST_LOGS)} logs")
    with ThreadPoolExecutor(max_workers=8) as pool:
        for log, (text, error) in zip(
            wanted, pool.map(lambda one: _log(kubectl, one, parsed.tail), wanted[:_MOST_LOGS]), strict=False
        ):
            if error:
                found.unreadable.append(f"log of {log.name} ({error})")
            else:
                found.logs[log.name] = text
    return found


def _objects(kubectl: Kubectl, parsed: argparse.Namespace, found: Found) -> None:
    """Only what belongs to BTC Watcher: other people's objects are no business of a report."""
    where = ("--all-namespaces",) if parsed.all_namespaces else ()
    platform = f"--namespace={parsed.platform_namespace}"
    _read(
        kubectl,
        found,
        [
            *[(kind, *where) for kind in (*_DECLARED, "events", "resourcequotas")],
            *[(kind, *where, f"--selector={names.LABEL_STRATEGY}") for kind in _OF_BOTS],
            ("networkpolicies.networking.k8s.io", *where, f"--selector={names.LABEL_MANAGED_BY}={names.MANAGED_BY}"),
            *[(kind, platform, f"--selector={_PLATFORM}") for kind in _OF_THE_PLATFORM],
            ("events", platform),
            *[(kind,) for kind in _OF_THE_CLUSTER],
        ],
    )
    _read(kubectl, found, _referenced(found.objects))
    found.objects["events"] = _about(found.objects, parsed.platform_namespace)


def _read(kubectl: Kubectl, found: Found, questions: Sequence[Sequence[str]]) -> None:
    for question, asked in zip(questions, ask(kubectl, *questions), strict=True):
        held = found.objects.setdefault(question[0].partition(".")[0], [])
        seen = {_identity(item) for item in held}
        held += [item for item in asked.items if _identity(item) not in seen]
        if asked.error:
            found.unreadable.append(f"{' '.join(question)} ({asked.error.words.splitlines()[0]})")


def _referenced(objects: dict[str, list[Object]]) -> list[tuple[str, ...]]:
    """What Strategies, Proxies and channels name, as questions: Secrets, whose values must not appear, and sources."""
    wanted: dict[tuple[str, str], set[str]] = {}
    for kind in _DECLARED:
        for item in objects[kind.partition(".")[0]]:
            for what, name in _names_in(item.get("spec")):
                wanted.setdefault((what, item["metadata"]["namespace"]), set()).add(name)
    return [
        (what, f"--namespace={namespace}", "--ignore-not-found", *sorted(found))
        for (what, namespace), found in sorted(wanted.items())
    ]


def _names_in(value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key in _REFERENCES and isinstance(one, dict) and "name" in one:
                yield "secrets", str(one["name"])
            elif key == "configMapRef" and isinstance(one, dict) and "name" in one:
                yield "configmaps", str(one["name"])
            else:
                yield from _names_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from _names_in(one)


def _about(objects: dict[str, list[Object]], platform: str) -> list[Object]:
    """The Events about what the report has, and those of BTC Watcher's own namespace."""
    ours = {_identity(item) for kind, items in objects.items() if kind != "events" for item in items}

    def about(event: Object) -> tuple[str, str]:
        return event["involvedObject"].get("namespace", ""), event["involvedObject"].get("name", "")

    return [event for event in objects["events"] if event["metadata"]["namespace"] == platform or about(event) in ours]


def _identity(item: Object) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _logs(found: Found, which: str, platform: str) -> Iterable[_Log]:
    """BTC Watcher's own first, then the bots'."""
    if which == "none":
        return
    ready = {
        _identity(one) for one in found.objects["strategies"] if (condition(one, READY) or {}).get("status") == "True"
    }
    pods = found.objects["pods"]
    own = [
        pod
        for pod in pods
        if pod["metadata"]["namespace"] == platform and _label(pod, names.LABEL_NAME) == "btc-watcher"
    ]
    for pod in own:
        yield from _of(pod)
    for pod in pods:
        strategy = _label(pod, names.LABEL_STRATEGY)
        if strategy and (which == "all" or (pod["metadata"]["namespace"], strategy) not in ready):
            yield from _of(pod)


def _of(pod: Object) -> Iterable[_Log]:
    metadata, status = pod["metadata"], pod.get("status") or {}
    states: Sequence[Object] = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    for one in states:
        if (one.get("state") or {}).get("waiting") and not one.get("restartCount"):
            continue
        yield _Log(metadata["namespace"], metadata["name"], one["name"], previous=False)
        if one.get("restartCount"):
            yield _Log(metadata["namespace"], metadata["name"], one["name"], previous=True)


def _label(pod: Object, name: str) -> str:
    return str((pod["metadata"].get("labels") or {}).get(name, ""))


def _log(kubectl: Kubectl, log: _Log, tail: int) -> tuple[str, str]:
    """The text, or why there is none."""
    previous = ("--previous",) if log.previous else ()
    limits = (f"--tail={tail}", "--timestamps")
    try:
        return kubectl.run(
            "logs", "--namespace", log.namespace, log.pod, "--container", log.container, *limits, *previous
        ), ""
    except KubectlError as error:
        return "", error.words


def _versions(kubectl: Kubectl) -> dict[str, Any]:
    from importlib.metadata import version  # slow, and of use here only

    try:
        told = json.loads(kubectl.run("version", "--output=json"))
    except KubectlError as error:
        told = {"error": error.words}
    return {"btc-watcher": version("btc-watcher"), **told}
