"""Claims and the folders made for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from btcwatcher_local.controllers.volumes import claims_used, grown, in_use, volume_for

CLAIM: dict[str, Any] = {
    "metadata": {"name": "data", "namespace": "ns", "uid": "u1"},
    "spec": {"accessModes": ["ReadWriteOncePod"], "resources": {"requests": {"storage": "2Gi"}}},
}


def using(phase: str = "Running", node: str = "n") -> dict[str, Any]:
    return {
        "spec": {
            "nodeName": node,
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "e", "emptyDir": {}}],
        },
        "status": {"phase": phase},
    }


def test_volume_is_a_folder_named_for_a_person() -> None:
    volume = volume_for(CLAIM, Path("/v"), "Delete")
    assert volume["metadata"]["name"] == "pvc-u1"
    assert volume["spec"]["hostPath"]["path"] == "/v/pvc-u1_ns_data"
    assert volume["spec"]["capacity"] == {"storage": "2Gi"}
    assert volume["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert volume["spec"]["claimRef"]["uid"] == "u1"
    assert "storageClassName" not in volume["spec"]


def test_a_claim_is_in_use_by_pods_on_a_node_that_are_not_over() -> None:
    assert claims_used(using()) == {"data"}
    assert in_use(CLAIM, [using()])
    assert not in_use(CLAIM, [using("Succeeded"), using("Failed"), using("Pending", node="")])


def test_grown_compares_quantities() -> None:
    bound = {**CLAIM, "status": {"capacity": {"storage": "2048Mi"}}}
    assert not grown(bound)
    bound["status"]["capacity"]["storage"] = "1Gi"
    assert grown(bound)
