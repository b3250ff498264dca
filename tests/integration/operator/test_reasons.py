"""What keeps a bot from trading is told apart, in the words of whoever knows: scheduler, kubelet, API server, bot."""

from datetime import UTC, datetime
from typing import Any

import pytest

from btcwatcher_crds import names
from support.kubectl import Kubectl, until
from support.operated import RUNNING, condition, container, ended, pod, report, settled
from support.operator_process import Operator

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

FULL = pytest.mark.full
PASSED = [container(names.CONTAINER_PREFLIGHT, ended(0), ready=True)]
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}
PULL = 'Back-off pulling image "nowhere/freqtrade:1": ErrImagePull: no such host'
DISK = '{"reason": "BotExited", "message": "OSError: No space left on device"}'
KEYS = '{"reason": "CredentialsMissing", "message": "binance requires \\"secret\\" credential"}'


def crashed(words: str, reason: str = "Error", code: int = 1) -> Object:
    end = {"terminated": {"exitCode": code, "reason": reason, "message": words}}
    bot = {**container(names.CONTAINER_BOT, BACK_OFF), "restartCount": 4, "lastState": end}
    return {"initContainerStatuses": PASSED, "containerStatuses": [bot]}


def waiting(reason: str, message: str) -> Object:
    waits = container(names.CONTAINER_PREFLIGHT, {"waiting": {"reason": reason, "message": message}})
    return {"initContainerStatuses": [waits]}


UNSCHEDULABLE = {
    "phase": "Pending",
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/3 nodes are available: 3 Insufficient memory.",
        }
    ],
}


@pytest.fixture
def with_pod(kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object) -> str:
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    pod(kubectl, namespace)
    return namespace


def told(kubectl: Kubectl, namespace: str, reason: str, words: str) -> None:
    until(lambda: condition(kubectl, namespace).get("reason") == reason, f"Ready says {reason}", 60)
    assert condition(kubectl, namespace)["status"] == "False"
    assert words in condition(kubectl, namespace)["message"]


@pytest.mark.parametrize(
    ("status", "reason", "words", "stalled"),
    [
        (UNSCHEDULABLE, "Unschedulable", "3 Insufficient memory", False),
        pytest.param(
            waiting("ImagePullBackOff", PULL), "ImagePullFailed", "no such host", True, marks=pytest.mark.full
        ),
        (crashed(DISK), "CrashLooping", "(restarts: 4): OSError: No space left on device", False),
        pytest.param(
            crashed("", "OOMKilled", 137), "CrashLooping", "exit code 137 (OOMKilled)", False, marks=pytest.mark.full
        ),
        pytest.param(crashed(KEYS), "CredentialsMissing", 'requires "secret" credential', True, marks=FULL),
    ],
    ids=["unschedulable", "image", "crash", "out-of-memory", "keys"],
)
def test_what_a_pod_says(
    kubectl: Kubectl, with_pod: str, status: Object, reason: str, words: str, stalled: bool
) -> None:
    report(kubectl, with_pod, status)
    told(kubectl, with_pod, reason, words)
    assert condition(kubectl, with_pod, "Stalled" if stalled else "Reconciling").get("status") == "True"
    report(kubectl, with_pod, {**RUNNING, "conditions": [{"type": "PodScheduled", "status": "True"}]})
    until(lambda: condition(kubectl, with_pod)["reason"] == "Running", "it runs after all", 60)


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        ("exceeded quota: desk, requested: pods=1, used: pods=3, limited: pods=3", "QuotaExceeded", "limited: pods=3"),
        ('violates PodSecurity "restricted:latest": privileged', "ChildRefused", "violates PodSecurity"),
    ],
)
def test_why_a_pod_is_not_made(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object, answer: str, reason: str, words: str
) -> None:
    kubectl.apply(manifest)
    made = settled(kubectl, namespace)["StatefulSet", "ema"]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "ema", "namespace": namespace}
    refusal = f'create Pod ema-0 in StatefulSet ema failed error: pods "ema-0" is forbidden: {answer}'
    kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "ema.refused", "namespace": namespace},
            "involvedObject": {**about, "uid": made["metadata"]["uid"]},
            "type": "Warning",
            "reason": "FailedCreate",
            "message": refusal,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": "statefulset-controller"},
        }
    )
    told(kubectl, namespace, reason, words)
    assert condition(kubectl, namespace, "Stalled")["status"] == "True"
    # Somebody made room.
    pod(kubectl, namespace)
    report(kubectl, namespace, RUNNING)
    until(lambda: condition(kubectl, namespace)["reason"] == "Running", "it runs after all", 60)
