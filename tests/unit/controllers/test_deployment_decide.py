"""What a Deployment needs next: single decisions, and whole roll-outs played through against its promises."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from btcwatcher_local.controllers.deployment import revisions, sizes
from btcwatcher_local.controllers.deployment.decide import Decision, decide
from support.objects import deployment, set_member

Obj = dict[str, Any]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """A Deployment and its ReplicaSets, on which decisions are carried out. Pods start and end when told."""

    def __init__(self, wanted: Obj) -> None:
        self.wanted = wanted
        self.sets: list[Obj] = []
        self.now = NOW

    def step(self, *pods: Obj) -> Decision:
        decision = decide(self.wanted, self.sets, pods, self.now)
        self._metadata(self.wanted, {revisions.REVISION: decision.revision} if decision.revision else {})
        if decision.create is not None:
            self._add(decision.create)
        if decision.renew is not None:
            target, patch = decision.renew
            self._metadata(target, (patch.get("metadata") or {}).get("annotations") or {})
            target["spec"] |= patch.get("spec") or {}
        for target, count in decision.scale:
            target["spec"]["replicas"] = count
            self._metadata(target, sizes.notes(self.wanted))
        self.wanted["status"] = decision.status
        self.sets = [item for item in self.sets if item not in decision.delete]
        return decision

    def _add(self, made: Obj) -> None:
        made["metadata"] |= {
            "uid": f"rs-{len(self.sets)}",
            "generation": 1,
            "creationTimestamp": f"2026-01-01T00:00:{len(self.sets):02}Z",
            "ownerReferences": [{"kind": "Deployment", "uid": "deploy-web", "controller": True}],
        }
        self.sets.append(made)

    @staticmethod
    def _metadata(obj: Obj, annotations: Obj) -> None:
        obj["metadata"].setdefault("annotations", {}).update(annotations)

    def pods_follow(self, *, broken: str = "") -> None:
        """Every ReplicaSet has its pods, available unless their image is the broken one."""
        for item in self.sets:
            count = sizes.size(item)
            works = item["spec"]["template"]["spec"]["containers"][0]["image"] != broken
            item["status"] = {"replicas": count, "observedGeneration": 1}
            if works:
                item["status"] |= {"readyReplicas": count, "availableReplicas": count}

    def settle(self, *, broken: str = "") -> None:
        for _ in range(200):
            before = copy.deepcopy([self.wanted, self.sets])
            self.step()
            self.pods_follow(broken=broken)
            if [self.wanted, self.sets] == before:
                return
        raise AssertionError("it never came to rest")

    def image(self, name: str) -> None:
        self.wanted["spec"]["template"]["spec"]["containers"][0]["image"] = name
        self.wanted["metadata"]["generation"] += 1

    def sizes(self) -> dict[str, int]:
        found = {}
        for item in self.sets:
            found[item["spec"]["template"]["spec"]["containers"][0]["image"]] = sizes.size(item)
        return found

    def condition(self, kind: str) -> Obj:
        found: Obj = next(item for item in self.wanted["status"]["conditions"] if item["type"] == kind)
        return found


def settled(**wanted: Any) -> World:
    world = World(deployment(**wanted))
    world.settle()
    return world


def strategy(surge: Any, unavailable: Any) -> Obj:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def test_the_first_set_is_made_whole() -> None:
    world = World(deployment(replicas=3))
    made = world.step().create
    assert made is not None
    word = made["metadata"]["labels"]["pod-template-hash"]
    assert made["metadata"]["name"] == f"web-{word}"
    assert made["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": word}
    assert made["spec"]["replicas"] == 3
    assert world.condition("Progressing")["reason"] == "NewReplicaSetCreated"
    assert world.condition("Available")["status"] == "False"
    world.pods_follow()
    world.settle()
    assert world.condition("Progressing")["reason"] == "NewReplicaSetAvailable"
    assert world.condition("Available")["status"] == "True"
    assert world.wanted["status"]["updatedReplicas"] == 3


@pytest.mark.parametrize("replicas", [1, 2, 3, 4, 7, 10])
@pytest.mark.parametrize(
    ("surge", "unavailable"), [("25%", "25%"), (1, 0), (0, 1), ("0%", "0%"), (3, 3), ("100%", "0%"), (0, "100%")]
)
def test_a_roll_out_keeps_within_its_bounds_and_ends(replicas: int, surge: Any, unavailable: Any) -> None:
    """With pods that become available one step late, and with none late."""
    world = settled(replicas=replicas, strategy=strategy(surge, unavailable))
    most, least = sizes.bounds(world.wanted)
    world.image("b")
    for round_ in range(200):
        world.step()
        assert sum(world.sizes().values()) <= replicas + most
        available = sum(
            min((item.get("status") or {}).get("availableReplicas", 0), sizes.size(item)) for item in world.sets
        )
        assert available >= replicas - least
        if round_ % 2:
            world.pods_follow()
        if world.sizes() == {"a": 0, "b": replicas}:
            break
    world.settle()
    assert world.sizes() == {"a": 0, "b": replicas}
    assert world.condition("Progressing")["reason"] == "NewReplicaSetAvailable"


def test_a_broken_image_stops_the_roll_out_and_the_next_one_replaces_it_first() -> None:
    world = settled(replicas=4, strategy=strategy(1, 1))
    world.image("broken")
    world.settle(broken="broken")
    assert world.sizes() == {"a": 3, "broken": 2}
    world.image("c")
    world.step()
    world.step()
    assert world.sizes()["a"] == 3, "what works is kept while what is broken goes"
    world.settle(broken="broken")
    assert world.sizes() == {"a": 0, "broken": 0, "c": 4}


def test_a_roll_out_that_stands_still_is_late() -> None:
    world = settled(replicas=1, progressDeadlineSeconds=60)
    world.image("broken")
    world.settle(broken="broken")
    world.now += timedelta(seconds=59)
    assert world.step().again_after == pytest.approx(1.1)
    world.now += timedelta(seconds=2)
    assert world.step().again_after is None
    late = world.condition("Progressing")
    assert (late["status"], late["reason"]) == ("False", "ProgressDeadlineExceeded")
    world.settle()
    assert world.condition("Progressing")["reason"] == "NewReplicaSetAvailable"


def test_recreate_waits_until_no_old_pod_is_left() -> None:
    world = settled(replicas=2, strategy={"type": "Recreate"})
    world.image("b")
    world.step()
    assert world.sizes() == {"a": 0}
    going = set_member(0, world.sets[0], deletionTimestamp="2026-01-01T00:00:30Z")
    assert world.step(going).create is None
    over = set_member(0, world.sets[0], phase="Succeeded")
    assert world.step(over).create is not None
    world.settle()
    assert world.sizes() == {"a": 0, "b": 2}


def test_back_to_an_old_template_is_a_new_revision_of_the_old_set() -> None:
    world = settled(replicas=1)
    world.image("b")
    world.settle()
    world.image("a")
    world.settle()
    assert world.sizes() == {"a": 1, "b": 0}
    annotations = world.sets[0]["metadata"]["annotations"]
    assert annotations[revisions.REVISION] == "3"
    assert annotations[revisions.HISTORY] == "1"
    assert world.wanted["metadata"]["annotations"][revisions.REVISION] == "3"


def test_old_sets_beyond_the_limit_go_oldest_first() -> None:
    world = settled(replicas=1, revisionHistoryLimit=1)
    for image in ("b", "c", "d"):
        world.image(image)
        world.settle()
    assert world.sizes() == {"c": 0, "d": 1}


def test_scaling_in_the_middle_of_a_roll_out_keeps_the_shares() -> None:
    world = settled(replicas=10, strategy=strategy(3, 2))
    world.image("broken")
    world.settle(broken="broken")
    assert world.sizes() == {"a": 8, "broken": 5}
    world.wanted["spec"]["replicas"] = 15
    world.step()
    assert world.sizes() == {"a": 11, "broken": 7}
    world.wanted["spec"]["replicas"] = 5
    world.step()
    assert sum(world.sizes().values()) == 8
    assert world.sizes()["a"] >= 3


def test_scaling_without_a_roll_out_is_no_roll_out() -> None:
    world = settled(replicas=1)
    before = world.condition("Progressing")
    for count in (3, 0, 2):
        world.wanted["spec"]["replicas"] = count
        world.settle()
        assert world.sizes() == {"a": count}
    assert world.condition("Progressing") == before


def test_a_paused_deployment_scales_but_does_not_roll_out() -> None:
    world = settled(replicas=2)
    world.wanted["spec"]["paused"] = True
    world.image("b")
    world.wanted["spec"]["replicas"] = 3
    world.settle()
    assert world.sizes() == {"a": 3}
    assert world.condition("Progressing")["reason"] == "DeploymentPaused"
    world.wanted["spec"]["paused"] = False
    world.step()
    assert world.condition("Progressing")["reason"] in ("DeploymentResumed", "NewReplicaSetCreated")
    world.settle()
    assert world.sizes() == {"a": 0, "b": 3}


def test_what_a_set_cannot_do_is_told_of_the_deployment() -> None:
    world = settled(replicas=1)
    world.image("b")
    world.step()
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "no such account"}
    world.sets[-1]["status"] = {"conditions": [failure]}
    world.step()
    assert world.condition("ReplicaFailure")["message"] == "no such account"
    world.settle()
    assert all(item["type"] != "ReplicaFailure" for item in world.wanted["status"]["conditions"])


def test_annotations_follow_the_deployment_but_not_those_of_kubectl() -> None:
    world = settled(replicas=1)
    world.wanted["metadata"]["annotations"] |= {
        "kubernetes.io/change-cause": "by hand",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    world.wanted["spec"]["minReadySeconds"] = 5
    world.settle()
    (only,) = world.sets
    assert only["metadata"]["annotations"]["kubernetes.io/change-cause"] == "by hand"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in only["metadata"]["annotations"]
    assert only["spec"]["minReadySeconds"] == 5


def test_a_deployment_that_goes_only_shows_its_status() -> None:
    world = settled(replicas=1)
    world.image("b")
    world.wanted["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:30Z"
    decision = world.step()
    assert (decision.create, decision.scale, decision.delete) == (None, [], [])
    assert decision.status["replicas"] == 1
