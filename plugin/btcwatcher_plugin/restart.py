"""`restart`: one restart of the bots of Strategies."""

import argparse
from datetime import UTC, datetime

from btcwatcher_crds.names import ANNOTATION_RESTARTED_AT
from btcwatcher_plugin import kubectl, targets
from btcwatcher_plugin.confirm import confirmed
from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.kubectl import STRATEGIES, Kubectl, KubectlError, Object
from btcwatcher_plugin.output import say, warn
from btcwatcher_plugin.state import state_of
from btcwatcher_plugin.story import condition
from btcwatcher_plugin.words import CONFIG_DRIFT, LIVE, SUSPENDED, UPDATE_AVAILABLE

_PATIENCE = 5
"""Times that a change of the status alone is overtaken."""


def run(parsed: argparse.Namespace) -> int:
    """1 if one of them was not restarted; the others are nevertheless."""
    client = kubectl.find(parsed.kubectl_flags)
    found = targets.strategies(client, parsed)
    reasons = {targets.label(one): obstacle(one) for one in found}
    restarting = [one for one in found if not reasons[targets.label(one)]]
    live = [targets.label(one) for one in restarting if one["spec"].get("mode") == LIVE]
    if live and parsed.dry_run == "none":
        confirmed(
            f"{', '.join(live)}: trades real money, and trades nothing while it restarts. Restart it?", yes=parsed.yes
        )
    status = 0
    for strategy in found:
        label = targets.label(strategy)
        if reasons[label]:
            warn(f"{label}  not restarted: {reasons[label]}")
            status = 1
            continue
        try:
            request(client, strategy, dry_run=parsed.dry_run == "server")
        except PluginError as error:
            warn(f"{label}  not restarted: {error}")
            status = 1
            continue
        done = "restarts" if parsed.dry_run == "none" else "would be restarted (dry run: nothing was changed)"
        say(f"{label}  {done}")
    return status


def request(client: Kubectl, strategy: Object, *, dry_run: bool = False) -> None:
    """Asks the operator for a restart of the Strategy as it was read.

    Raises PluginError, also when what the bot would start with is no longer what was read.
    """
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    asked = strategy
    for _ in range(_PATIENCE):
        try:
            client.annotate(asked, {ANNOTATION_RESTARTED_AT: now}, *(("--dry-run=server",) if dry_run else ()))
            return
        except KubectlError as error:
            namespace, name = targets.key(strategy)
            asked = client.get(STRATEGIES, name, "--namespace", namespace)[0] if error.conflict else asked
            if not error.conflict:
                raise
            if _would_start(asked) != _would_start(strategy):
                label = targets.label(strategy)
                raise PluginError(f"{label} was changed meanwhile: nothing was done", "Look at it again.") from error
    raise PluginError(f"{targets.label(strategy)} is changed again and again: nothing was done", "Try again.")


def _would_start(strategy: Object) -> tuple[object, ...]:
    """What tells two configs apart: the generation and, as a ConfigMap may hold the source, the drift's words."""
    drift = condition(strategy, CONFIG_DRIFT) or {}
    return strategy["metadata"]["uid"], strategy["metadata"].get("generation"), drift.get("message")


def obstacle(strategy: Object) -> str:
    """Why a restart is not what the user means; empty if it is."""
    drift = condition(strategy, CONFIG_DRIFT)
    namespace, name = targets.key(strategy)
    if drift and drift["reason"] == UPDATE_AVAILABLE:
        agree = f"kubectl btcwatcher approve {name} -n {namespace}"
        return f"a changed config waits, and a restart would apply it; look at it and agree: {agree}"
    if state_of(strategy) == SUSPENDED:
        return f"it is suspended; start it: kubectl btcwatcher resume {name} -n {namespace}"
    return ""
