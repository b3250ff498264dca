"""`switch`: one order to many bots at once, by a FleetSwitch, or a ClusterFleetSwitch with -A."""

import argparse
import json
import subprocess
import time
from datetime import UTC, datetime
from typing import Any, Final

from btcwatcher_crds.names import API_VERSION, CLUSTER_FLEET_SWITCH_KIND, FLEET_SWITCH_KIND, GROUP
from btcwatcher_plugin import kubectl
from btcwatcher_plugin.confirm import confirmed
from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.kubectl import FIELD_MANAGER, Kubectl, KubectlError, Object
from btcwatcher_plugin.output import say, warn
from btcwatcher_plugin.switch_selection import spec_of

_LOOK_SECONDS: Final = 1.0
_ASKED: Final = {
    "close": "All their open trades are sold. Close them?",
    "stop": "Their pods end, and nobody looks after their open trades. Stop them?",
}


def run(parsed: argparse.Namespace) -> int:
    """1 unless it is done at every bot."""
    client = kubectl.find(parsed.kubectl_flags)
    if parsed.action == "lift":
        return _lift(client, parsed)
    spec = spec_of(parsed, _whoami(client))
    if parsed.action in _ASKED and not parsed.dry_run:
        confirmed(f"{_whom(client, parsed)} {_ASKED[parsed.action]}", yes=parsed.yes)
    name = parsed.name or f"{parsed.action}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    kind = CLUSTER_FLEET_SWITCH_KIND if parsed.all_namespaces else FLEET_SWITCH_KIND
    manifest = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
    _create(client, manifest)
    title = f"{kind.lower()}/{name}"
    if not parsed.dry_run:
        say(f"{title}  made; lift it with: kubectl btcwatcher switch lift {name}{_where(client, parsed)}")
    try:
        return _follow(client, f"{kind.lower()}s".replace("switchs", "switches"), name, parsed)
    finally:
        if parsed.dry_run:
            _delete(client, kind, name)


def _follow(client: Kubectl, plural: str, name: str, parsed: argparse.Namespace) -> int:
    """Tells of the progress until it is done, blocked or too late."""
    ends = time.monotonic() + parsed.timeout
    told = ""
    while True:
        (switch,) = client.get(f"{plural}.{GROUP}", name)
        said = _said(switch)
        if (line := _line(switch)) != told and said:
            say(told := line)
        if said and (said["status"] == "True" or said["reason"] == "Blocked"):
            break
        if parsed.no_wait:
            return 0
        if time.monotonic() > ends:
            warn(f"not done after {parsed.timeout:.0f} s; the operator goes on: {said.get('message', 'not begun yet')}")
            return 1
        time.sleep(_LOOK_SECONDS)
    for one in switch["status"].get("bots", []):
        if parsed.dry_run or one["phase"] != "Done":
            say(f"{one['strategy'].replace('.', '/', 1)}  {one['phase']}: {one.get('message', '')}")
    return 0 if said["status"] == "True" else 1


def _line(switch: Object) -> str:
    counts = switch.get("status", {}).get("counts", {})
    parts = [f"{counts.get('done', 0)} of {counts.get('selected', 0)} bots done"]
    parts += [f"{counts[key]} {words}" for key, words in _OTHERS if counts.get(key)]
    return ", ".join(parts)


_OTHERS: Final = (
    ("inProgress", "under way"),
    ("pending", "not answering or not asked yet"),
    ("blocked", "waiting for a person"),
    ("openTrades", "trades open"),
    ("closedTrades", "trades closed"),
)


def _said(switch: Object) -> dict[str, Any]:
    conditions = switch.get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == "Complete"), {})


def _lift(client: Kubectl, parsed: argparse.Namespace) -> int:
    if len(parsed.names) != 1:
        raise PluginError(
            "say which switch to lift, by its name", "See which there are: kubectl get fleetswitches,cfsw"
        )
    (name,) = parsed.names
    _delete(client, CLUSTER_FLEET_SWITCH_KIND if parsed.all_namespaces else FLEET_SWITCH_KIND, name)
    say(f"{name}  lifted: bots that it held go on as their Strategies say")
    return 0


def _delete(client: Kubectl, kind: str, name: str) -> None:
    client.run("delete", f"{kind.lower()}.{GROUP}", name)


def _create(client: Kubectl, manifest: Object) -> None:
    line = client.line("create", "-f", "-", f"--field-manager={FIELD_MANAGER}")
    done = subprocess.run(line, check=False, input=json.dumps(manifest), capture_output=True, text=True)
    if done.returncode:
        raise KubectlError(done.stderr.strip())


def _whoami(client: Kubectl) -> str:
    """Who asks, as the cluster knows him; empty where it does not say."""
    try:
        said = json.loads(client.run("auth", "whoami", "-o", "json"))
    except (KubectlError, ValueError):
        return ""
    return str(said.get("status", {}).get("userInfo", {}).get("username", ""))[:253]


def _whom(client: Kubectl, parsed: argparse.Namespace) -> str:
    if parsed.names:
        return f"{', '.join(parsed.names)}:"
    chosen = [*([f"labels {parsed.selector}"] if parsed.selector else []), *parsed.mode, *parsed.exchange]
    place = "every namespace" if parsed.all_namespaces else f"the namespace {client.flag('--namespace') or 'in use'}"
    return f"Bots of {place}{f' ({chr(44).join(chosen)})' if chosen else ''}:"


def _where(client: Kubectl, parsed: argparse.Namespace) -> str:
    if parsed.all_namespaces:
        return " -A"
    namespace = client.flag("--namespace")
    return f" -n {namespace}" if namespace else ""
