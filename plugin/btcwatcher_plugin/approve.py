"""`approve`: a changed config that waits for its user (updateStrategy Manual) is shown, agreed to and applied."""

import argparse
import base64

from btcwatcher_crds import names
from btcwatcher_plugin import drift, kubectl, restart, targets
from btcwatcher_plugin.confirm import confirmed
from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.kubectl import STRATEGIES, Kubectl, KubectlError, Object
from btcwatcher_plugin.output import say, warn
from btcwatcher_plugin.story import APPLY_WITH, condition, revision_of
from btcwatcher_plugin.words import CONFIG_DRIFT, LIVE, UPDATE_AVAILABLE


def run(parsed: argparse.Namespace) -> int:
    client = kubectl.find(parsed.kubectl_flags)
    strategy = client.get(STRATEGIES, parsed.name)[0]
    label = targets.label(strategy)
    say(f"{label}  {what_waits(strategy)}")
    _show(client, strategy)
    tried = parsed.dry_run == "server"
    if not tried:
        money = " It trades real money." if strategy["spec"].get("mode") == LIVE else ""
        confirmed(f"Let {label} have it?{money}", yes=parsed.yes)
    # Only as it was read: nothing is agreed to that was not shown.
    restart.request(client, strategy, dry_run=tried)
    if tried:
        say(f"{label}  would be approved (dry run: nothing was changed)")
    else:
        say(f"{label}  approved: it is tried first; follow it with: {_status(strategy)}")
    return 0


def what_waits(strategy: Object) -> str:
    """The operator's words. Raises PluginError where nothing waits for the user, or what waits is of an older spec."""
    label, waiting = targets.label(strategy), condition(strategy, CONFIG_DRIFT)
    status = strategy.get("status") or {}
    if status.get("observedGeneration") != strategy["metadata"].get("generation"):
        raise PluginError(
            f"{label}: the operator has not come to its newest spec yet", "Try again in a moment; or does it not run?"
        )
    if waiting is None or waiting.get("status") != "True":
        raise PluginError(f"{label}: no changed config waits")
    if waiting["reason"] != UPDATE_AVAILABLE:
        raise PluginError(
            f"{label}: what waits does not wait for you: {waiting['reason']}: {waiting['message']}",
        )
    return str(waiting["message"]).partition(APPLY_WITH)[0]


def _show(client: Kubectl, strategy: Object) -> None:
    """What changes, as far as the user may read the running revision's Secret."""
    namespace, name = targets.key(strategy)
    where = ("--namespace", namespace)
    try:
        revision = revision_of(client.get("statefulsets.apps", names.stateful_set(name), *where)[0])
        secret = client.get("secrets", names.revision_secret(name, revision), *where)[0]
    except KubectlError as error:
        warn(f"what changes is not shown, for the running config cannot be read: {error.words}")
        return
    running = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    for line in drift.differences(strategy["spec"], running) or ["no setting that this command compares differs"]:
        say(f"  {line}")


def _status(strategy: Object) -> str:
    namespace, name = targets.key(strategy)
    return f"kubectl btcwatcher status {name} -n {namespace}"
