"""`approve`: a changed config that waits for its user (updateStrategy Manual) is shown, agreed to and applied."""

import argparse

from btcwatcher_plugin import kubectl, restart, targets
from btcwatcher_plugin.confirm import confirmed
from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.kubectl import STRATEGIES, Object
from btcwatcher_plugin.output import say
from btcwatcher_plugin.story import condition
from btcwatcher_plugin.words import CONFIG_DRIFT, LIVE, UPDATE_AVAILABLE


def run(parsed: argparse.Namespace) -> int:
    client = kubectl.find(parsed.kubectl_flags)
    strategy = client.get(STRATEGIES, parsed.name)[0]
    label = targets.label(strategy)
    say(f"{label}  {what_waits(strategy)}")
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
    label, drift = targets.label(strategy), condition(strategy, CONFIG_DRIFT)
    status = strategy.get("status") or {}
    if status.get("observedGeneration") != strategy["metadata"].get("generation"):
        raise PluginError(
            f"{label}: the operator has not come to its newest spec yet", "Try again in a moment; or does it not run?"
        )
    if drift is None or drift.get("status") != "True":
        raise PluginError(f"{label}: no changed config waits")
    if drift["reason"] != UPDATE_AVAILABLE:
        raise PluginError(
            f"{label}: what waits does not wait for you: {drift['reason']}: {drift['message']}",
        )
    # What follows is the same by other means.
    return str(drift["message"]).partition("; apply it with:")[0]


def _status(strategy: Object) -> str:
    namespace, name = targets.key(strategy)
    return f"kubectl btcwatcher status {name} -n {namespace}"
