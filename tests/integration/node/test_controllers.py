"""StatefulSets, Jobs, volumes, garbage collection and the scheduler, with real pods."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from btcwatcher_local.client import Resource, resources
from btcwatcher_local.client.resources import (
    CONFIG_MAPS,
    CONTROLLER_REVISIONS,
    CRDS,
    JOBS,
    NAMESPACES,
    PODS,
    PVCS,
    PVS,
    SERVICE_ACCOUNTS,
    STATEFUL_SETS,
)
from support.localcluster import eventually, ready, running

if TYPE_CHECKING:
    from pathlib import Path

    from support.localcluster import LocalCluster, Obj

pytestmark = pytest.mark.integration

LOOP = "while :; do sleep 0.1; done"


def stateful_set(script: str, *, replicas: int = 1, policy: str = "Parallel", **pod_spec: Any) -> Obj:
    return {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "serviceName": "web",
            "podManagementPolicy": policy,
            "revisionHistoryLimit": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "terminationGracePeriodSeconds": 2,
                    "containers": [{"name": "main", "image": "busybox", "args": [script], "workingDir": "/bot"}],
                    **pod_spec,
                },
            },
        },
    }


def script_patch(script: str) -> Obj:
    container = {"name": "main", "image": "busybox", "args": [script], "workingDir": "/bot"}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


def settled(statefulset: Obj, count: int = 1) -> bool:
    status = statefulset.get("status") or {}
    return bool(
        status.get("observedGeneration") == statefulset["metadata"]["generation"]
        and status.get("readyReplicas", 0) == status.get("updatedReplicas", 0) == count
        and status.get("replicas", 0) == count
        and status["currentRevision"] == status["updateRevision"]
    )


async def count(cluster: LocalCluster, resource: Resource) -> int:
    return len((await cluster.client.list(resource, cluster.namespace))[0])


async def test_statefulset_life(full: LocalCluster) -> None:
    """Up, a broken revision, rolled forward, to zero and back, deleted with all it owns."""
    await full.create(STATEFUL_SETS, stateful_set(LOOP))
    first = await full.until("web", settled, resource=STATEFUL_SETS)
    pod = await full.until("web-0", ready)
    labels = pod["metadata"]["labels"]
    assert labels["apps.kubernetes.io/pod-index"] == "0"
    assert labels["controller-revision-hash"] == first["status"]["updateRevision"]
    assert pod["spec"]["hostname"] == "web-0"

    await full.client.patch(STATEFUL_SETS, full.namespace, "web", script_patch("exit 1"))
    broken = await full.until("web-0", lambda item: item["metadata"]["uid"] != pod["metadata"]["uid"])
    await full.client.patch(STATEFUL_SETS, full.namespace, "web", script_patch(f"echo third; {LOOP}"))
    third = await full.until("web", settled, resource=STATEFUL_SETS)
    assert third["status"]["updateRevision"] != first["status"]["updateRevision"]
    mended = await full.until("web-0", ready)
    assert mended["metadata"]["uid"] != broken["metadata"]["uid"]
    assert await full.until_logged("web-0") == "third\n"

    await full.client.patch(STATEFUL_SETS, full.namespace, "web", {"spec": {"replicas": 0}})
    await full.gone("web-0")
    await full.until("web", lambda item: settled(item, 0), resource=STATEFUL_SETS)
    await full.client.patch(STATEFUL_SETS, full.namespace, "web", {"spec": {"replicas": 1}})
    await full.until("web", settled, resource=STATEFUL_SETS)
    await full.until_told("web", "SuccessfulCreate", "SuccessfulDelete")

    await full.client.delete(STATEFUL_SETS, full.namespace, "web")
    await full.gone("web-0")

    async def no_revisions() -> bool:
        return await count(full, CONTROLLER_REVISIONS) == 0

    await eventually(no_revisions)


async def test_pod_deleted_by_hand_comes_back_only_when_it_is_gone(full: LocalCluster) -> None:
    await full.create(STATEFUL_SETS, stateful_set(f"trap '' TERM; {LOOP}"))
    pod = await full.until("web-0", ready)
    await asyncio.sleep(0.3)
    await full.client.delete(PODS, full.namespace, "web-0")
    still = await full.get("web-0")
    assert still is not None
    assert still["metadata"]["uid"] == pod["metadata"]["uid"]
    new = await full.until("web-0", lambda item: item["metadata"]["uid"] != pod["metadata"]["uid"] and ready(item))
    assert not resources.deleting(new)


async def test_ordered_set_starts_and_stops_in_order(full: LocalCluster) -> None:
    probe = {"exec": {"command": ["test", "-f", "ready"]}, "periodSeconds": 1}
    wanted = stateful_set(f"sleep 0.7; touch ready; {LOOP}", replicas=2, policy="OrderedReady")
    wanted["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
    await full.create(STATEFUL_SETS, wanted)
    second = await full.until("web-1", lambda _: True)
    first = await full.until("web-0", ready)
    became = resources.condition(first, "Ready")
    assert became is not None
    assert second["metadata"]["creationTimestamp"] >= became["lastTransitionTime"]
    await full.until("web", lambda item: settled(item, 2), resource=STATEFUL_SETS)


async def test_orphaned_pod_is_taken_over_by_a_set_made_again(full: LocalCluster) -> None:
    await full.create(STATEFUL_SETS, stateful_set(LOOP))
    pod = await full.until("web-0", ready)
    await full.client.delete(STATEFUL_SETS, full.namespace, "web", propagation="Orphan")
    await full.gone("web", resource=STATEFUL_SETS)
    left = await full.until("web-0", lambda item: not item["metadata"].get("ownerReferences"))
    assert left["metadata"]["uid"] == pod["metadata"]["uid"]
    made = await full.create(STATEFUL_SETS, stateful_set(LOOP))
    held = await full.until("web-0", lambda item: resources.owned_by(item, made["metadata"]["uid"]))
    assert held["metadata"]["uid"] == pod["metadata"]["uid"]


async def test_claim_templates_keep_their_data(full: LocalCluster) -> None:
    wanted = stateful_set(f"echo x >> data/lines; cat data/lines; {LOOP}")
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    wanted["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim}]
    mount = {"name": "data", "mountPath": "/bot/data"}
    wanted["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [mount]
    await full.create(STATEFUL_SETS, wanted)
    pod = await full.until("web-0", ready)
    assert await full.until_logged("web-0") == "x\n"
    await full.client.delete(PODS, full.namespace, "web-0")
    await full.until("web-0", lambda item: item["metadata"]["uid"] != pod["metadata"]["uid"] and ready(item))
    assert await full.until_logged("web-0") == "x\nx\n"
    assert (await full.until("data-web-0", lambda _: True, resource=PVCS))["status"]["phase"] == "Bound"


async def claim(cluster: LocalCluster, **extra: Any) -> Obj:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **extra}
    await cluster.create(PVCS, {"metadata": {"name": "data"}, "spec": spec})

    def bound(item: Obj) -> bool:
        return bool((item.get("status") or {}).get("phase") == "Bound")

    return await cluster.until("data", bound, resource=PVCS)


async def folder_of(cluster: LocalCluster, bound: Obj) -> Path:
    from pathlib import Path

    volume = await cluster.client.get(PVS, "", bound["spec"]["volumeName"])
    assert volume["status"]["phase"] == "Bound"
    return Path(volume["spec"]["hostPath"]["path"])


@pytest.mark.parametrize("storage_class", [None, "anything"])
async def test_claim_is_bound_to_a_folder_and_protected(full: LocalCluster, storage_class: str | None) -> None:
    bound = await claim(full, **({"storageClassName": storage_class} if storage_class else {}))
    assert bound["status"]["capacity"] == {"storage": "1Gi"}
    folder = await folder_of(full, bound)
    assert folder.is_dir()
    await full.create_pod(
        "user",
        LOOP,
        volumeMounts=[{"name": "d", "mountPath": "/bot/data"}],
        volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}],
    )
    await full.until("user", running)
    await full.client.delete(PVCS, full.namespace, "data")
    await asyncio.sleep(0.5)
    held = await full.get("data", PVCS)
    assert held is not None, "a claim in use must stay"
    assert resources.deleting(held)
    assert folder.is_dir()
    await full.client.delete(PODS, full.namespace, "user")
    await full.gone("data", resource=PVCS)
    await eventually(lambda: not folder.exists())

    async def no_volume() -> bool:
        return await full.client.get_or_none(PVS, "", bound["spec"]["volumeName"]) is None

    await eventually(no_volume)


async def test_jobs(full: LocalCluster) -> None:
    for name, script in (("good", "echo fine"), ("bad", "exit 3")):
        container = {"name": "main", "image": "busybox", "args": [script]}
        template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        spec = {"backoffLimit": 0, "ttlSecondsAfterFinished": 2, "template": template}
        await full.create(JOBS, {"metadata": {"name": name}, "spec": spec})
    good = await full.until("good", lambda item: resources.condition_true(item, "Complete"), resource=JOBS)
    assert good["status"]["succeeded"] == 1
    bad = await full.until("bad", lambda item: resources.condition_true(item, "Failed"), resource=JOBS)
    failed = resources.condition(bad, "Failed")
    assert failed is not None
    assert failed["reason"] == "BackoffLimitExceeded"
    await full.gone("good", resource=JOBS)
    await full.gone("bad", resource=JOBS)

    async def no_pods() -> bool:
        return await count(full, PODS) == 0

    await eventually(no_pods)


def config_map(name: str, *owners: Obj, block: bool = False) -> Obj:
    refs = [
        {
            "apiVersion": owner.get("apiVersion") or "v1",
            "kind": owner.get("kind") or "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
            "blockOwnerDeletion": block,
        }
        for owner in owners
    ]
    return {"metadata": {"name": name, "ownerReferences": refs}}


async def test_dependents_go_with_their_last_owner(full: LocalCluster) -> None:
    one = await full.create(CONFIG_MAPS, config_map("one"))
    two = await full.create(CONFIG_MAPS, config_map("two"))
    await full.create(CONFIG_MAPS, config_map("shared", one, two))
    own = await full.create(CONFIG_MAPS, config_map("own", one))
    await full.create(CONFIG_MAPS, config_map("deep", own))
    await full.client.delete(CONFIG_MAPS, full.namespace, "one")
    await full.gone("own", resource=CONFIG_MAPS)
    await full.gone("deep", resource=CONFIG_MAPS)
    shared = await full.until(
        "shared", lambda item: len(item["metadata"].get("ownerReferences") or []) == 1, resource=CONFIG_MAPS
    )
    assert shared["metadata"]["ownerReferences"][0]["name"] == "two"
    await full.client.delete(CONFIG_MAPS, full.namespace, "two")
    await full.gone("shared", resource=CONFIG_MAPS)


async def test_a_dependent_of_an_owner_that_never_was_goes(full: LocalCluster) -> None:
    ghost = {"metadata": {"name": "ghost", "uid": "00000000-0000-0000-0000-000000000000"}}
    await full.create(CONFIG_MAPS, config_map("child", ghost))
    await full.gone("child", resource=CONFIG_MAPS)


async def test_foreground_waits_for_blocking_dependents(full: LocalCluster) -> None:
    owner = await full.create(CONFIG_MAPS, config_map("owner"))
    child = config_map("child", owner, block=True)
    child["metadata"]["finalizers"] = ["tests.btcwatcher.io/hold"]
    await full.create(CONFIG_MAPS, child)
    await asyncio.sleep(0.5)
    await full.client.delete(CONFIG_MAPS, full.namespace, "owner", propagation="Foreground")
    await full.until("child", resources.deleting, resource=CONFIG_MAPS)
    assert await full.get("owner", CONFIG_MAPS) is not None
    await full.client.patch(CONFIG_MAPS, full.namespace, "child", {"metadata": {"finalizers": None}})
    await full.gone("child", resource=CONFIG_MAPS)
    await full.gone("owner", resource=CONFIG_MAPS)


async def test_orphan_keeps_dependents_without_the_reference(full: LocalCluster) -> None:
    owner = await full.create(CONFIG_MAPS, config_map("owner"))
    await full.create(CONFIG_MAPS, config_map("child", owner))
    await asyncio.sleep(0.5)
    await full.client.delete(CONFIG_MAPS, full.namespace, "owner", propagation="Orphan")
    await full.gone("owner", resource=CONFIG_MAPS)
    child = await full.until("child", lambda _: True, resource=CONFIG_MAPS)
    assert not child["metadata"].get("ownerReferences")


async def test_custom_resources_own_and_are_owned(full: LocalCluster) -> None:
    plural = f"things{full.namespace.removeprefix('t-')}"
    kind = plural.capitalize()
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    crd: Obj = {
        "metadata": {"name": f"{plural}.tests.btcwatcher.io"},
        "spec": {
            "group": "tests.btcwatcher.io",
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": plural, "kind": kind},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    things = Resource("tests.btcwatcher.io", "v1", plural, kind)
    await full.client.create(CRDS, crd)
    try:

        async def served() -> bool:
            held = await full.client.get(CRDS, "", crd["metadata"]["name"])
            return resources.condition_true(held, "Established")

        await eventually(served)
        await asyncio.sleep(0.3)
        owner = await full.create(things, {"metadata": {"name": "owner"}})
        child = config_map("child", owner)
        await full.create(CONFIG_MAPS, child)
        owned = {"metadata": {"name": "owned", "ownerReferences": child["metadata"]["ownerReferences"]}}
        await full.create(things, owned)
        await asyncio.sleep(1)
        assert await full.get("child", CONFIG_MAPS) is not None
        await full.client.delete(things, full.namespace, "owner")
        await full.gone("child", resource=CONFIG_MAPS)
        await full.gone("owned", resource=things)
    finally:
        await full.client.delete(CRDS, "", crd["metadata"]["name"])


async def test_unschedulable_pod_says_why_and_goes_when_it_can(full: LocalCluster) -> None:
    pod = full.pod("big", LOOP, resources={"requests": {"memory": "900Ti"}})
    del pod["spec"]["nodeName"]
    await full.create(PODS, pod)

    def too_big(item: Obj) -> bool:
        # Until the node is ready, its taint is the reason.
        found = resources.condition(item, "PodScheduled") or {}
        return "Insufficient memory" in found.get("message", "")

    held = await full.until("big", too_big)
    told = resources.condition(held, "PodScheduled")
    assert told is not None
    assert (told["status"], told["reason"]) == ("False", "Unschedulable")
    await full.until_told("big", "FailedScheduling")

    waiting = full.pod("later", LOOP, volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}])
    del waiting["spec"]["nodeName"]
    await full.create(PODS, waiting)

    def missing(item: Obj) -> bool:
        found = resources.condition(item, "PodScheduled") or {}
        return 'persistentvolumeclaim "data" not found' in found.get("message", "")

    await full.until("later", missing)
    await claim(full)
    await full.until("later", running)
    await full.until_told("later", "Scheduled")


async def test_namespace_has_its_account_and_is_emptied(full: LocalCluster) -> None:
    name = f"{full.namespace}-x"
    await full.client.create(NAMESPACES, {"metadata": {"name": name}})

    async def account() -> bool:
        return await full.client.get_or_none(SERVICE_ACCOUNTS, name, "default") is not None

    await eventually(account)
    await full.client.create(CONFIG_MAPS, {"metadata": {"name": "c", "namespace": name}})
    await full.client.delete(NAMESPACES, "", name)

    async def gone() -> bool:
        return await full.client.get_or_none(NAMESPACES, "", name) is None

    await eventually(gone, seconds=15)
