"""What the operator asks the cluster for, so that a Strategy never has two pods."""

from typing import Any

import pytest

from support.kubectl import Kubectl, until
from support.operator_process import Operator
from support.seen import condition, settled

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]


def claim(kubectl: Kubectl, namespace: str) -> Object:
    return kubectl.get("persistentvolumeclaim", "ema-data", namespace) or {}


def test_the_platform_can_ask_for_volumes_of_a_single_pod(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    operator.kill()
    operator.start(volume_access_mode="ReadWriteOncePod")
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    assert claim(kubectl, namespace)["spec"]["accessModes"] == ["ReadWriteOncePod"]


def test_a_claim_that_is_there_keeps_its_access_mode(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    """It cannot be changed: the Strategy must not be stuck for it."""
    kubectl.apply(manifest)
    uid = settled(kubectl, namespace)["PersistentVolumeClaim", "ema-data"]["metadata"]["uid"]
    operator.kill()
    operator.start(volume_access_mode="ReadWriteOncePod")
    kubectl.patch("strategy", "ema", namespace, {"spec": {"timeframe": "15m"}})
    settled(kubectl, namespace)
    until(lambda: condition(kubectl, namespace).get("reason") == "Starting", "it is not refused", 60)
    now = claim(kubectl, namespace)
    assert (now["metadata"]["uid"], now["spec"]["accessModes"]) == (uid, ["ReadWriteOnce"])


def test_the_strategy_never_asks_for_more_than_one_pod(
    kubectl: Kubectl, namespace: str, operator: Operator, manifest: Object
) -> None:
    """Scaled by hand, as `kubectl scale` or an autoscaler would: put back to one."""
    kubectl.apply(manifest)
    settled(kubectl, namespace)
    kubectl("-n", namespace, "scale", "statefulset", "ema", "--replicas=2")
    until(
        lambda: (kubectl.get("statefulset", "ema", namespace) or {})["spec"]["replicas"] == 1, "one replica again", 60
    )
