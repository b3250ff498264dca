"""A changed revision of a running bot is tried by a Job first. The tests report what becomes of the Job's pod."""

import json
from typing import Any

import pytest

from btcwatcher_crds import names
from support.kubectl import Kubectl, until
from support.operated import RUNNING, condition, container, ended, pod, report, revision, settled, strategy
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]


@pytest.fixture
def ready(kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object) -> str:
    """A bot that is Ready; its revision."""
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    pod(kubectl, namespace)
    report(kubectl, namespace, RUNNING)
    current = revision(kubectl, namespace)
    until(lambda: strategy(kubectl, namespace)["status"].get("readyRevision") == current, "it was ready")
    return current


def jobs(kubectl: Kubectl, namespace: str) -> list[str]:
    return [job["metadata"]["name"] for job in kubectl.list("jobs", namespace)]


def change(kubectl: Kubectl, namespace: str, timeframe: str, *besides: str) -> Object:
    """The Job that comes of another timeframe."""
    kubectl.patch("strategy", "ema", namespace, {"spec": {"timeframe": timeframe}})
    name = until(lambda: [job for job in jobs(kubectl, namespace) if job not in besides], "a Job")[0]
    return kubectl.get("job", name, namespace) or {}


def end(kubectl: Kubectl, namespace: str, job: Object, state: Object) -> None:
    """The Job's pod, at its end."""
    template = job["spec"]["template"]
    name = f"{job['metadata']['name']}-x"
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"labels": template["metadata"]["labels"], "name": name, "namespace": namespace},
            "spec": template["spec"],
        }
    )
    status = {"containerStatuses": [container(names.CONTAINER_PREFLIGHT, state)]}
    kubectl.patch("pod", name, namespace, {"status": status}, "--subresource=status")


def test_a_revision_that_fails_leaves_the_bot_alone_and_a_mended_one_takes_its_place(
    kubectl: Kubectl, namespace: str, ready: str
) -> None:
    job = change(kubectl, namespace, "7m")
    assert kubectl.get("secret", job["metadata"]["name"], namespace), "what the Job tries"
    until(lambda: condition(kubectl, namespace, "Reconciling"), "the change is in progress")
    assert condition(kubectl, namespace)["status"] == "True"
    assert revision(kubectl, namespace) == ready

    words = json.dumps({"reason": "TimeframeUnsupported", "message": "Invalid timeframe '7m'"})
    end(kubectl, namespace, job, ended(1, words))
    until(lambda: condition(kubectl, namespace, "ConfigValid")["reason"] == "TimeframeUnsupported", "the verdict")
    assert condition(kubectl, namespace, "ConfigValid")["message"] == "Invalid timeframe '7m'"
    drift = condition(kubectl, namespace, "ConfigDrift")
    assert drift["reason"] == "PreflightFailed"
    assert f"revision {ready} goes on" in drift["message"]
    assert condition(kubectl, namespace, "Stalled")["status"] == "True"
    assert (condition(kubectl, namespace)["status"], condition(kubectl, namespace)["reason"]) == ("True", "Running")
    assert revision(kubectl, namespace) == ready

    def told() -> bool:
        events = kubectl.list("events", namespace)
        return any((one["type"], one["reason"]) == ("Warning", "PreflightFailed") for one in events)

    until(told, "an Event")

    mended = change(kubectl, namespace, "15m", job["metadata"]["name"])
    kubectl("-n", namespace, "delete", "pod", f"{job['metadata']['name']}-x", "--now")
    gone = job["metadata"]["name"]
    until(lambda: kubectl.get("secret", gone, namespace) is None and gone not in jobs(kubectl, namespace), "pruned")
    end(kubectl, namespace, mended, ended(0))
    new = mended["metadata"]["labels"][names.LABEL_REVISION]
    until(lambda: revision(kubectl, namespace) == new, "the mended revision")
    assert jobs(kubectl, namespace) == [mended["metadata"]["name"]], "it stays for its log"


def test_a_reverted_change_needs_no_trial(kubectl: Kubectl, namespace: str, ready: str) -> None:
    change(kubectl, namespace, "7m")
    kubectl.patch("strategy", "ema", namespace, {"spec": {"timeframe": "5m"}})
    until(lambda: not jobs(kubectl, namespace), "the Job is gone")
    until(lambda: not condition(kubectl, namespace, "ConfigDrift"), "nothing waits")
    assert revision(kubectl, namespace) == ready
    assert condition(kubectl, namespace, "ConfigValid")["reason"] == "Valid"


def test_nothing_is_written_while_reconciliation_is_paused(
    kubectl: Kubectl, namespace: str, operator: Operator, ready: str
) -> None:
    annotation = names.ANNOTATION_RECONCILE
    kubectl("-n", namespace, "annotate", "strategy", "ema", f"{annotation}=paused")
    paused = until(lambda: condition(kubectl, namespace, "ReconcilePaused"), "ReconcilePaused")
    assert f"{annotation}-" in paused["message"]
    kubectl.patch("strategy", "ema", namespace, {"spec": {"timeframe": "15m", "expose": {"enabled": False}}})
    kubectl("-n", namespace, "delete", "service", "ema")
    # The pod's fate is still told, by which we see that the operator has looked.
    report(kubectl, namespace, {"containerStatuses": [container(names.CONTAINER_BOT, ended(1))]})
    until(lambda: condition(kubectl, namespace)["reason"] == "CrashLooping", "the status goes on")
    seen = strategy(kubectl, namespace)
    assert seen["status"]["observedGeneration"] < seen["metadata"]["generation"]
    assert kubectl.get("service", "ema", namespace) is None
    assert kubectl.get("ingress", "ema", namespace) is not None
    assert jobs(kubectl, namespace) == []

    kubectl("-n", namespace, "annotate", "strategy", "ema", f"{annotation}-")
    until(lambda: kubectl.get("service", "ema", namespace), "work goes on")
    until(lambda: jobs(kubectl, namespace), "the change is tried")
    assert condition(kubectl, namespace, "ReconcilePaused") == {}
