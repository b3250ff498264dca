"""`suspend`, `pause` and `resume`: spec.state of Strategies."""

import argparse

from btcwatcher_crds.names import ANNOTATION_RECONCILE
from btcwatcher_crds.names import RECONCILE_PAUSED as PAUSED_VALUE
from btcwatcher_plugin import kubectl, targets
from btcwatcher_plugin.confirm import confirmed
from btcwatcher_plugin.kubectl import KubectlError, Object
from btcwatcher_plugin.output import say, warn
from btcwatcher_plugin.words import LIVE, PAUSED, RUNNING, SUSPENDED

_EFFECT = {
    RUNNING: "it trades again",
    PAUSED: "it opens no new trades and looks after open ones",
    SUSPENDED: "its pod ends; port, volume and history stay",
}


def run(parsed: argparse.Namespace) -> int:
    """1 if the change of one of them was refused; the others have it nevertheless."""
    client = kubectl.find(parsed.kubectl_flags)
    found = targets.strategies(client, parsed)
    changing = [one for one in found if state_of(one) != parsed.state]
    if parsed.dry_run == "none" and (question := risk(changing, parsed.state)):
        confirmed(question, yes=parsed.yes)
    status = 0
    for strategy in found:
        if strategy not in changing:
            say(f"{targets.label(strategy)}  is {parsed.state} already")
            continue
        try:
            _change(client, strategy, parsed)
        except KubectlError as error:
            warn(f"{targets.label(strategy)}  not changed: {error}")
            status = 1
    return status


def risk(strategies: list[Object], state: str) -> str:
    """What must be asked first: a suspended bot guards no trade, and with real money that is the user's to decide."""
    live = [targets.label(one) for one in strategies if one["spec"].get("mode") == LIVE]
    if state != SUSPENDED or not live:
        return ""
    return (
        f"{', '.join(live)}: trades real money. While it is suspended nobody looks after its open trades: a stop-loss"
        " that does not lie at the exchange does not act. Suspend it?"
    )


def state_of(strategy: Object) -> str:
    return str(strategy["spec"].get("state", RUNNING))


def _change(client: kubectl.Kubectl, strategy: Object, parsed: argparse.Namespace) -> None:
    tried = parsed.dry_run == "server"
    arguments = ("--dry-run=server",) if tried else ()
    client.patch(*targets.key(strategy), {"spec": {"state": parsed.state}}, *arguments)
    effect = "(dry run: nothing was changed)" if tried else f": {_EFFECT[parsed.state]}"
    say(f"{targets.label(strategy)}  {state_of(strategy)} -> {parsed.state}{' ' if tried else ''}{effect}")
    annotations = strategy["metadata"].get("annotations") or {}
    if annotations.get(ANNOTATION_RECONCILE) == PAUSED_VALUE:
        warn(
            f"{targets.label(strategy)}  but its annotation {ANNOTATION_RECONCILE}={PAUSED_VALUE} keeps the operator"
            " from acting on it"
        )
