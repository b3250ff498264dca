"""The chart's life on a cluster with a bot that trades: tested, upgraded, rolled back, removed, installed again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import chart, stack
from support.chart import CHART, NAMESPACE
from support.kubectl import until
from support.manifests import STEPPER, namespace, strategy
from support.orders import Orders
from support.stack import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

COMPONENTS = ("operator", "api", "worker", "collector")
SOON = {"BTCWATCHER_COLLECT_CYCLE_SECONDS": "1", "BTCWATCHER_RECOVER_AFTER_SECONDS": "10"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    extra = [{"name": name, "value": value} for name, value in SOON.items()]
    values = tmp_path_factory.mktemp("values") / "values.json"
    # The Job that makes keys runs too, and finds them.
    values.write_text(json.dumps({"collector": {"extraEnv": extra}, "keys": {"existingSecret": ""}}))
    with stack.running(tmp_path_factory.mktemp("stack-chart"), "21600-21699", "--values", str(values)) as started:
        yield started


def helm(running: RunningStack, *arguments: str, version: int = 4) -> str:
    kubeconfig = str(running.folder / "kubeconfig")
    return chart.helm(version, "--kubeconfig", kubeconfig, "--namespace", NAMESPACE, *arguments, timeout=280)


def upgrade(running: RunningStack, *arguments: str) -> None:
    helm(running, "upgrade", "btcwatcher", str(CHART), "--reuse-values", "--wait", "--timeout", "240s", *arguments)


def level(running: RunningStack, component: str) -> str:
    """The log level in the environment of the Deployment's pods that are there now."""
    pods = running.kubectl.list("pods", "btcwatcher", "-l", f"app.kubernetes.io/component={component}")
    (environment,) = [
        pod["spec"]["containers"][0]["env"] for pod in pods if not pod["metadata"].get("deletionTimestamp")
    ]
    return next(str(entry["value"]) for entry in environment if entry["name"] == "BTCWATCHER_LOG_LEVEL")


def the_bot(running: RunningStack) -> dict[str, Any]:
    """What would be another one after a restart."""
    pod = running.kubectl.get("pod", "steps-0", "desk") or {}
    port = (running.kubectl.get("strategy", "steps", "desk") or {})["status"]["port"]
    return {
        "uid": pod["metadata"]["uid"],
        "restarts": [one["restartCount"] for one in pod["status"]["containerStatuses"]],
        "process": running.listener(port),
    }


def test_from_one_version_to_the_next_and_back(running: RunningStack) -> None:
    kubectl = running.kubectl
    assert "Succeeded" in helm(running, "test", "btcwatcher", "--timeout", "120s")
    steps = Orders(running, running.database_url, "desk", "steps")
    kubectl.apply(namespace("desk"), strategy("steps", "desk", STEPPER, "Stepper"))
    kubectl("-n", "desk", "wait", "--for=condition=Ready", "strategy/steps", "--timeout=180s", timeout=190)
    until(lambda: steps.count > 0, "a fill", 60)
    before = the_bot(running)
    resources = _versions(running)

    sets = [f"--set={component}.logLevel=DEBUG" for component in COMPONENTS]
    upgrade(running, *sets)
    assert {level(running, component) for component in COMPONENTS} == {"DEBUG"}
    assert the_bot(running) == before, "no bot restarts"
    helm(running, "rollback", "btcwatcher", "--wait", "--timeout", "240s")
    assert {level(running, component) for component in COMPONENTS} == {"INFO"}
    assert the_bot(running) == before, "nor on the way back"
    # The other major version goes on with what this one has installed.
    helm(running, "upgrade", "btcwatcher", str(CHART), "--reuse-values", "--wait", "--timeout", "240s", version=3)
    assert the_bot(running) == before
    assert _versions(running) == resources, "nothing of the bot was written"

    fills = steps.count
    until(lambda: steps.count > fills, "signals arrive", 120)
    kubectl.patch("strategy", "steps", "desk", {"spec": {"state": "Paused"}})
    until(lambda: steps.ordered()[1] == 0, "the bot has left all its trades", 180)
    until(lambda: not steps.differences(), "every order is one row", 90)


def test_the_charts_roles_hold_all_that_its_parts_ask_for(running: RunningStack) -> None:
    log = running.folder / "logs" / "apiserver.log"
    assert [line for line in log.read_text().splitlines() if "refused: " in line] == []


def test_removed_and_installed_again(running: RunningStack, tmp_path: Path) -> None:
    kubectl = running.kubectl
    before = the_bot(running)
    keys = (kubectl.get("secret", "btcwatcher-keys", "btcwatcher") or {})["data"]
    values = tmp_path / "values.json"
    values.write_text(helm(running, "get", "values", "btcwatcher", "-o", "json"))
    helm(running, "uninstall", "btcwatcher", "--wait", "--timeout", "120s")
    assert kubectl.list("deployments", "btcwatcher") == []
    assert the_bot(running) == before, "the bot trades on"
    assert kubectl.get("crd", "strategies.btcwatcher.io", "default"), "and its kind stays"

    helm(running, "install", "btcwatcher", str(CHART), "-f", str(values), "--wait", "--timeout", "240s")
    assert (kubectl.get("secret", "btcwatcher-keys", "btcwatcher") or {})["data"] == keys, "tokens stay what they were"
    kubectl.patch("strategy", "steps", "desk", {"spec": {"expose": {"enabled": False}}})
    until(lambda: kubectl.get("ingress", "steps", "desk") is None, "the operator works", 60)
    assert the_bot(running) == before
    assert running.signals(strategy="steps"), "and its signals are still there"


def _versions(running: RunningStack) -> dict[str, str]:
    kinds = "statefulsets,services,secrets,persistentvolumeclaims,ingresses"
    items = running.kubectl.list(kinds, "desk")
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in items}
