"""Fleet switches carried out by a real operator, at bots that answer over HTTP as freqtrade does."""

import base64
import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from btcwatcher_crds import names
from support.kubectl import Kubectl, until
from support.operated import RUNNING, condition
from support.operator_process import Operator
from support.paper_bots import PaperBots, paper_bots
from support.plugin import Plugin

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]


@pytest.fixture
def bots() -> Iterator[PaperBots]:
    with paper_bots() as made:
        yield made


@pytest.fixture
def fleet(kubectl: Kubectl, namespace: str, operator: Operator, bots: PaperBots) -> "Fleet":
    operator.kill()
    operator.start(bot_address=bots.address)
    return Fleet(kubectl, namespace, operator, bots)


class Fleet:
    """Strategies of one namespace, their pods as a kubelet would report them, and the switches.

    With no namespace: the switches of the whole cluster.
    """

    def __init__(self, kubectl: Kubectl, namespace: str, operator: Operator, bots: PaperBots) -> None:
        self.kubectl, self.namespace, self.operator, self.bots = kubectl, namespace, operator, bots
        self.kind = "FleetSwitch" if namespace else "ClusterFleetSwitch"

    def declare(self, name: str, labels: dict[str, str] | None = None, **spec: Any) -> None:
        self.kubectl.apply(
            {
                "apiVersion": "btcwatcher.io/v1alpha1",
                "kind": "Strategy",
                "metadata": {"name": name, "namespace": self.namespace, "labels": labels or {}},
                "spec": {
                    "strategyName": "Ema",
                    "exchange": {"name": "binance", "pairs": ["BTC/USDT"]},
                    "timeframe": "5m",
                    **spec,
                },
            }
        )

    def run(self, *strategies: str, **spec: Any) -> None:
        """Strategies with a bot each that runs."""
        for name in strategies:
            self.declare(name, **spec)
        for name in strategies:
            until(partial(self.kubectl.get, "statefulset", name, self.namespace), "the StatefulSet")
            self.pod(name)
        until(lambda: {self.reason(name) for name in strategies} == {"Running"}, "they run")

    def pod(self, name: str) -> None:
        template = (self.kubectl.get("statefulset", name, self.namespace) or {})["spec"]["template"]
        metadata = {**template["metadata"], "name": f"{name}-0", "namespace": self.namespace}
        self.kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]})
        self.kubectl.patch("pod", f"{name}-0", self.namespace, {"status": RUNNING}, "--subresource=status")

    def bot(self, name: str) -> Any:
        return self.bots[self.namespace, name]

    def reason(self, name: str, kind: str = "Ready") -> str | None:
        found: str | None = condition(self.kubectl, self.namespace, kind, name).get("reason")
        return found

    def starts_as(self, name: str) -> str:
        """The state that the bot's container starts in."""
        secret = self.kubectl.get("secret", names.access_secret(name), self.namespace) or {}
        state: str = json.loads(base64.b64decode(secret["data"][names.STATE_FILE]))["initial_state"]
        return state

    def switch(self, name: str, action: str, **spec: Any) -> None:
        self.kubectl.apply(
            {
                "apiVersion": "btcwatcher.io/v1alpha1",
                "kind": self.kind,
                "metadata": {"name": name} | ({"namespace": self.namespace} if self.namespace else {}),
                "spec": {"action": action, **spec},
            }
        )

    def lift(self, name: str) -> None:
        self.kubectl("-n", self.namespace, "delete", self.kind, name)

    def status(self, name: str) -> Object:
        found: Object = (self.kubectl.get(self.kind, name, self.namespace) or {}).get("status", {})
        return found

    def selected(self, switch: str) -> set[str]:
        """The ids of the Strategies that it has a result for."""
        return {one["strategy"] for one in self.status(switch).get("bots", [])}

    def result(self, switch: str, strategy: str) -> Object:
        wanted = f"{self.namespace}.{strategy}"
        return next((one for one in self.status(switch).get("bots", []) if one["strategy"] == wanted), {})

    def says(self, switch: str, kind: str = "Complete") -> tuple[str, str] | None:
        for one in self.status(switch).get("conditions", []):
            if one["type"] == kind:
                return one["status"], one["reason"]
        return None

    def completes(self, switch: str, reason: str = "AllDone") -> None:
        until(lambda: self.says(switch) == ("True", reason), f"{switch} is complete: {reason}", 30)


def test_entries_are_paused_for_those_selected_and_go_on_when_it_is_deleted(fleet: Fleet) -> None:
    fleet.run("ema", labels={"team": "a"})
    fleet.run("rsi", labels={"team": "b"})
    fleet.bot("ema").open_trades = 2
    fleet.switch("halt", "PauseEntries", selector={"matchLabels": {"team": "a"}}, reason="the market is mad")
    fleet.completes("halt")
    assert fleet.bot("ema").orders == ["pause"], "told at once, not when the kubelet brings the file"
    assert fleet.bot("rsi").orders == []
    assert fleet.result("halt", "ema")["message"] == "opens no new trades; 2 trades are looked after"
    assert fleet.starts_as("ema") == "paused", "and after a crash"
    assert fleet.starts_as("rsi") == "running"
    assert (fleet.reason("ema"), fleet.reason("ema", "Held"), fleet.reason("rsi", "Held")) == (
        "Paused",
        "PauseEntries",
        None,
    )
    message = condition(fleet.kubectl, fleet.namespace, "Held")["message"]
    assert "the market is mad" in message
    assert f"kubectl -n {fleet.namespace} delete fleetswitch/halt" in message
    spec = (fleet.kubectl.get("strategy", "ema", fleet.namespace) or {})["spec"]
    assert spec["state"] == "Running", "what a GitOps tool compares is as it was"

    # One that comes later is held from its start.
    fleet.declare("late", labels={"team": "a"})
    until(lambda: fleet.result("halt", "late").get("phase") == "Pending", "the new one is shown")
    assert fleet.starts_as("late") == "paused"
    fleet.kubectl("-n", fleet.namespace, "delete", "strategy", "late")
    fleet.completes("halt")

    fleet.lift("halt")
    until(lambda: fleet.bot("ema").orders == ["pause", "start"], "it goes on")
    until(lambda: fleet.reason("ema", "Held") is None, "nothing holds it")
    assert fleet.starts_as("ema") == "running"
    assert fleet.reason("ema") == "Running"
    told = [one["reason"] for one in fleet.kubectl.list("events", fleet.namespace)]
    assert told.count("PauseEntries") == 2
    assert told.count("Resuming") == 1


def test_a_bot_that_hangs_holds_up_nobody_and_is_paused_when_it_is_back(fleet: Fleet) -> None:
    fleet.run("ema", "rsi", "macd")
    fleet.bot("rsi").hangs = True
    fleet.bot("macd").away = True
    fleet.switch("halt", "PauseEntries")
    until(lambda: fleet.result("halt", "ema").get("phase") == "Done", "the one that answers", 15)
    until(lambda: "no answer within 5 s" in fleet.result("halt", "rsi").get("message", ""), "and it is said", 15)
    assert fleet.result("halt", "macd")["message"] == "does not do it (no connection): is tried until it does"
    assert fleet.says("halt") == ("False", "InProgress")
    assert fleet.says("halt", "Reconciling") == ("True", "InProgress")

    # Another process goes on where this one ended.
    fleet.operator.kill()
    fleet.operator.start(bot_address=fleet.bots.address)
    fleet.bot("rsi").hangs = fleet.bot("macd").away = False
    fleet.completes("halt")
    assert fleet.bot("ema").orders == ["pause"], "what was done is not done again"
    assert fleet.bot("rsi").orders == fleet.bot("macd").orders == ["pause"]


def test_a_restart_with_a_switch_that_is_done_writes_nothing_and_lets_nobody_go(fleet: Fleet) -> None:
    fleet.run("ema")
    fleet.switch("halt", "PauseEntries")
    fleet.completes("halt")
    until(lambda: fleet.reason("ema", "Held") == "PauseEntries", "the Strategy says so")

    def versions() -> list[str]:
        kinds = "fleetswitch,strategy,secret,statefulset"
        return [one["metadata"]["resourceVersion"] for one in fleet.kubectl.list(kinds, fleet.namespace)]

    before = versions()
    fleet.operator.kill()
    fleet.operator.start(bot_address=fleet.bots.address)
    # It has come round when it acts on a change.
    fleet.declare("other")
    until(lambda: fleet.result("halt", "other"), "the new operator works")
    fleet.kubectl("-n", fleet.namespace, "delete", "strategy", "other")
    until(lambda: fleet.result("halt", "other").get("phase") == "Done", "deleted")
    after = versions()
    assert set(before) - set(after) <= {before[0]}, "only the switch's own status, for the new Strategy"
    assert fleet.bot("ema").orders == ["pause"]


def test_trades_are_closed_after_entries_are_paused_and_until_none_is_left(fleet: Fleet) -> None:
    fleet.run("ema", "late", "shy", "none")
    fleet.declare("away", state="Suspended")
    fleet.bot("ema").open_trades = 3
    late, shy = fleet.bot("late"), fleet.bot("shy")
    late.open_trades, late.opens_late = 1, 2
    shy.open_trades, shy.refuses = 1, "exchange not reachable"
    fleet.switch("out", "CloseTrades", orderType="Market")
    until(lambda: "exchange not reachable" in fleet.result("out", "shy").get("message", ""), "freqtrade's words", 30)
    assert fleet.bot("ema").told[0][0] == "pause", "else it would buy again"
    assert ("forceexit", {"tradeid": "all", "ordertype": "market"}) in fleet.bot("ema").told
    shy.refuses = ""
    until(lambda: fleet.says("out") == ("False", "Blocked"), "all that can be done is", 60)
    status = fleet.status("out")
    assert status["counts"] == {
        "selected": 5,
        "pending": 0,
        "inProgress": 0,
        "blocked": 1,
        "done": 4,
        "openTrades": 0,
        "closedTrades": 7,
    }
    assert fleet.says("out", "Stalled") == ("True", "Blocked")
    assert status["bots"][0]["strategy"] == f"{fleet.namespace}.away"
    assert "set spec.state: Paused to have it done" in status["bots"][0]["message"]
    assert fleet.bot("none").orders == ["pause"], "nothing to close"
    assert late.orders.count("forceexit") == 1
    assert fleet.result("out", "late")["closedTrades"] == 3

    # What the message says helps.
    fleet.bot("away").open_trades = 2
    fleet.declare("away", state="Paused")
    until(lambda: fleet.kubectl.get("statefulset", "away", fleet.namespace), "its StatefulSet")
    fleet.pod("away")
    fleet.completes("out")
    assert fleet.bot("away").open_trades == 0

    # Once done it is not done again: a trade that a person opens by hand stays.
    fleet.bot("ema").open_trades = 1
    before = len(fleet.bot("ema").told)
    fleet.operator.kill()
    fleet.operator.start(bot_address=fleet.bots.address)
    fleet.declare("rsi", state="Suspended")
    until(lambda: fleet.result("out", "rsi").get("phase") == "Blocked", "the new operator works")
    assert len(fleet.bot("ema").told) == before


def test_stop_ends_the_pods_and_the_stricter_of_spec_and_switch_holds(fleet: Fleet) -> None:
    fleet.run("ema")
    fleet.switch("halt", "PauseEntries")
    fleet.completes("halt")
    fleet.switch("stop", "Stop")
    until(lambda: _replicas(fleet, "ema") == 0, "no pod is wanted")
    until(lambda: fleet.result("stop", "ema").get("message") == "its pod is ending", "and it is waited for")
    fleet.kubectl("-n", fleet.namespace, "delete", "pod", "ema-0", "--grace-period=0", "--force")
    fleet.completes("stop")
    until(lambda: fleet.reason("ema") == "Suspended", "Suspended")
    assert "as fleetswitch/stop asks" in condition(fleet.kubectl, fleet.namespace)["message"]
    assert fleet.reason("ema", "Held") == "Stop"

    fleet.lift("stop")
    until(lambda: _replicas(fleet, "ema") == 1, "it is started again")
    assert fleet.starts_as("ema") == "paused", "the other one still holds it"
    until(lambda: fleet.reason("ema", "Held") == "PauseEntries", "and says so")


def test_a_resume_lifts_what_is_older_for_those_that_it_selects(fleet: Fleet) -> None:
    fleet.run("ema", "rsi")
    fleet.declare("calm", state="Paused")
    fleet.switch("halt", "PauseEntries")
    until(lambda: fleet.result("halt", "rsi").get("phase") == "Done", "rsi is paused")
    until(lambda: fleet.result("halt", "ema").get("phase") == "Done", "ema is paused")
    _next_second(fleet, "halt")
    fleet.switch("go", "Resume", strategies=["ema"])
    fleet.completes("go")
    assert fleet.bot("ema").orders == ["pause", "start"]
    assert fleet.bot("rsi").orders == ["pause"]
    assert (fleet.reason("ema", "Held"), fleet.reason("rsi", "Held")) == (None, "PauseEntries")
    assert fleet.says("halt", "Active") == ("True", "Holds")

    # What it has lifted stays lifted without it.
    fleet.lift("go")
    fleet.declare("ema", labels={"touched": "yes"})
    fleet.switch("rest", "Resume")
    fleet.completes("rest")
    assert fleet.says("halt", "Active") == ("False", "Lifted")
    assert fleet.bot("ema").orders == ["pause", "start"]
    assert fleet.bot("rsi").orders == ["pause", "start"]
    assert fleet.result("rest", "calm")["message"].startswith("lifted; it stays Paused")


def test_a_dry_run_says_what_would_be_and_does_nothing(fleet: Fleet) -> None:
    fleet.run("ema")
    fleet.declare("away", state="Suspended")
    fleet.bot("ema").open_trades = 2
    fleet.switch("what", "CloseTrades", dryRun=True)
    fleet.completes("what")
    assert fleet.result("what", "ema")["message"] == (
        "would be told to open no new trades and to close all; now running, 2 trades are open"
    )
    assert "no bot runs" in fleet.result("what", "away")["message"]
    assert fleet.status("what")["counts"]["openTrades"] == 2
    assert fleet.says("what", "Active") == ("False", "DryRun")
    assert fleet.bot("ema").orders == []
    assert fleet.reason("ema", "Held") is None
    assert fleet.starts_as("ema") == "running"


def test_one_with_a_loss_limit_waits_until_the_collector_says_that_it_is_reached(fleet: Fleet) -> None:
    fleet.run("ema")
    fleet.switch("daily", "PauseEntries", onLoss={"amount": 500, "currency": "USDT"})
    until(lambda: fleet.says("daily", "Active") == ("False", "Armed"), "it waits")
    assert fleet.says("daily") == ("False", "Armed")
    assert fleet.says("daily", "Reconciling") is None
    assert (fleet.kubectl.get("fleetswitch", "daily", fleet.namespace) or {})["spec"]["onLoss"]["within"] == "24h"
    # A Resume lifts what holds, not what waits.
    _next_second(fleet, "daily")
    fleet.switch("go", "Resume")
    fleet.completes("go", "NothingSelected")
    # Two writes, as the collector makes them; the operator's own leave them as they are.
    loss = {"amount": "12.5", "bots": 1, "unknown": 0}
    fleet.kubectl.patch("fleetswitch", "daily", fleet.namespace, {"status": {"loss": loss}}, "--subresource=status")
    assert fleet.bot("ema").orders == []
    assert fleet.reason("ema", "Held") is None
    loss["amount"] = "501"
    change = {"status": {"loss": loss, "trippedAt": "2026-11-28T12:00:00Z"}}
    fleet.kubectl.patch("fleetswitch", "daily", fleet.namespace, change, "--subresource=status")
    fleet.completes("daily")
    assert fleet.says("daily", "Active") == ("True", "Holds")
    assert fleet.bot("ema").orders == ["pause"]
    assert fleet.starts_as("ema") == "paused"
    status = fleet.status("daily")
    assert (status["loss"], status["trippedAt"]) == (loss, change["status"]["trippedAt"])
    fleet.lift("daily")
    until(lambda: fleet.bot("ema").orders == ["pause", "start"], "it goes on")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"action": "Resume", "onLoss": {"amount": "5", "currency": "USDT"}}, "onLoss is when bots are held"),
        ({"dryRun": True, "onLoss": {"amount": "5", "currency": "USDT"}}, "onLoss is when bots are held"),
        ({"onLoss": {"amount": "0.00", "currency": "USDT"}}, "amount must be above 0"),
        ({"onLoss": {"amount": "-5", "currency": "USDT"}}, "must be a decimal string"),
        ({"onLoss": {"amount": 0, "currency": "USDT"}}, "amount must be above 0"),
        ({"onLoss": {"amount": "5"}}, "onLoss.currency: Required value"),
        ({"onLoss": {"amount": "5", "currency": "USDT", "within": "1d"}}, "must be a duration in hours"),
        ({"onLoss": {"amount": "5", "currency": "USDT", "within": "30s"}}, 'within must be between "1m" and "720h"'),
        ({"onLoss": {"amount": "5", "currency": "USDT", "within": "721h"}}, 'within must be between "1m" and "720h"'),
    ],
)
def test_a_loss_limit_that_cannot_be_meant_is_refused(
    kubectl: Kubectl, namespace: str, spec: Object, said: str
) -> None:
    words = kubectl.refused(
        {
            "apiVersion": "btcwatcher.io/v1alpha1",
            "kind": "FleetSwitch",
            "metadata": {"name": "daily", "namespace": namespace},
            "spec": {"action": "PauseEntries", **spec},
        }
    )
    assert said in words


def test_a_switch_is_refused_that_cannot_be_meant(fleet: Fleet) -> None:
    fleet.switch("halt", "PauseEntries")
    with pytest.raises(AssertionError, match="a switch cannot be changed"):
        fleet.switch("halt", "Stop")
    with pytest.raises(AssertionError, match="it goes with action CloseTrades"):
        fleet.switch("odd", "Stop", orderType="Market")
    with pytest.raises(AssertionError, match="Unsupported value"):
        fleet.switch("odd", "Panic")
    fleet.completes("halt", "NothingSelected")
    shown = fleet.kubectl("-n", fleet.namespace, "get", "fsw").splitlines()
    assert shown[0].split() == [
        "NAME",
        "ACTION",
        "ACTIVE",
        "COMPLETE",
        "REASON",
        "SELECTED",
        "DONE",
        "OPEN-TRADES",
        "AGE",
    ]
    assert shown[1].split()[:5] == ["halt", "PauseEntries", "True", "True", "NothingSelected"]


def test_the_plugin_makes_one_and_waits_until_it_is_done(fleet: Fleet) -> None:
    fleet.run("ema")
    fleet.bot("ema").open_trades = 1
    plugin, here = Plugin(fleet.kubectl.kubeconfig), ("-n", fleet.namespace)
    said = plugin("switch", "close", "--all", "--dry-run", *here)
    assert "would be told to open no new trades and to close all; now running, 1 trade is open" in said
    assert fleet.kubectl.list("fleetswitches", fleet.namespace) == [], "a dry run leaves nothing behind"
    assert "Nothing was changed" in plugin.refused("switch", "close", "--all", *here)
    said = plugin("switch", "close", "--all", "-y", "--name", "out", "--order-type", "Market", *here)
    assert "1 of 1 bots done" in said
    assert fleet.bot("ema").orders == ["pause", "forceexit"]
    assert "lifted" in plugin("switch", "lift", "out", *here)
    until(lambda: fleet.bot("ema").orders[-1] == "start", "it goes on")


# The last one here: its operator's account has the rights of the whole cluster from now on.
def test_one_of_the_cluster_reaches_two_namespaces_and_only_one_of_the_cluster_lifts_it(
    kubectl: Kubectl, namespace: str, bots: PaperBots, tmp_path: Path
) -> None:
    other = f"{namespace}-b"
    kubectl("create", "namespace", other)
    operator = Operator(kubectl, "", tmp_path, lease=namespace)
    here, there, everywhere = (Fleet(kubectl, where, operator, bots) for where in (namespace, other, ""))
    # The namespaces of the tests before are still there.
    ours: Object = {"selector": {"matchLabels": {"desk": namespace}}}
    narrow, wide, go = f"narrow-{namespace}", f"wide-{namespace}", f"go-{namespace}"
    operator.start(bot_address=bots.address)
    try:
        for one in (here, there):
            one.run("ema", labels={"desk": namespace})
        everywhere.switch(narrow, "PauseEntries", namespaces=[other], **ours)
        everywhere.completes(narrow)
        assert everywhere.selected(narrow) == {f"{other}.ema"}
        assert (here.bot("ema").orders, there.bot("ema").orders) == ([], ["pause"])

        everywhere.switch(wide, "PauseEntries", **ours)
        everywhere.completes(wide)
        assert everywhere.selected(wide) == {f"{namespace}.ema", f"{other}.ema"}
        assert here.bot("ema").orders == there.bot("ema").orders == ["pause"]
        assert [one.starts_as("ema") for one in (here, there)] == ["paused", "paused"]
        message = condition(kubectl, namespace, "Held")["message"]
        assert message.endswith(f"lift it with: kubectl delete clusterfleetswitch/{wide}")

        # A team's own right is not enough.
        _next_second(everywhere, wide)
        here.switch("go", "Resume")
        here.completes("go", "NothingSelected")
        assert everywhere.says(wide, "Active") == ("True", "Holds")
        assert (here.reason("ema", "Held"), here.bot("ema").orders) == ("PauseEntries", ["pause"])

        everywhere.switch(go, "Resume", **ours)
        everywhere.completes(go)
        assert here.bot("ema").orders == there.bot("ema").orders == ["pause", "start"]
        assert [one.reason("ema", "Held") for one in (here, there)] == [None, None]
        assert [one.starts_as("ema") for one in (here, there)] == ["running", "running"]
        assert everywhere.says(wide, "Active") == everywhere.says(narrow, "Active") == ("False", "Lifted")
    finally:
        operator.kill()


def _replicas(fleet: Fleet, name: str) -> int:
    spec: Object = (fleet.kubectl.get("statefulset", name, fleet.namespace) or {})["spec"]
    return int(spec["replicas"])


def _next_second(fleet: Fleet, switch: str) -> None:
    """Times of Kubernetes are whole seconds: what is made from now on is younger than the switch."""
    made = (fleet.kubectl.get(fleet.kind, switch, fleet.namespace) or {})["metadata"]["creationTimestamp"]
    until(lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) > made, "the next second")
