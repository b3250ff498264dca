"""The pod of an ordinal, and the revisions of a template."""

from __future__ import annotations

import copy

from btcwatcher_local.controllers.statefulset import pods, revisions
from support.objects import stateful_set


def test_pod_has_its_identity() -> None:
    wanted = stateful_set()
    revision = revisions.plan(wanted, [], set()).update
    pod = pods.build(wanted, revision, 3)
    labels = pod["metadata"]["labels"]
    assert pod["metadata"]["name"] == "web-3"
    assert labels["statefulset.kubernetes.io/pod-name"] == "web-3"
    assert labels["apps.kubernetes.io/pod-index"] == "3"
    assert labels["controller-revision-hash"] == revision["metadata"]["name"]
    assert labels["app"] == "web"
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-3", "web")
    owner = pod["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("StatefulSet", "sts-web", True)
    assert pods.ordinal(wanted, pod) == 3


def test_names_of_other_sets_are_not_ours() -> None:
    wanted = stateful_set()
    for name in ("web", "web-01", "web-x", "other-0", "web-a-0"):
        assert pods.ordinal(wanted, {"metadata": {"name": name}}) is None


def test_claims_of_templates_replace_volumes_of_their_name() -> None:
    template = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
    wanted = stateful_set(volumeClaimTemplates=[template])
    wanted["spec"]["template"]["spec"]["volumes"] = [
        {"name": "data", "emptyDir": {}},
        {"name": "run", "emptyDir": {}},
    ]
    revision = revisions.plan(wanted, [], set()).update
    volumes = pods.build(wanted, revision, 0)["spec"]["volumes"]
    assert volumes == [
        {"name": "run", "emptyDir": {}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}},
    ]
    claim = pods.claims(wanted, 0)[0]
    assert claim["metadata"]["name"] == "data-web-0"
    assert "ownerReferences" not in claim["metadata"]


def test_same_template_is_the_same_revision() -> None:
    wanted = stateful_set()
    first = revisions.plan(wanted, [], set())
    assert first.create is not None
    scaled = copy.deepcopy(wanted)
    scaled["spec"]["replicas"] = 0
    again = revisions.plan(scaled, [first.create], set())
    assert again.create is None
    assert again.update is first.create


def test_a_template_wanted_again_gets_the_newest_number() -> None:
    one = revisions.plan(stateful_set(image="a"), [], set()).update
    two = revisions.plan(stateful_set(image="b"), [one], set()).update
    assert (one["revision"], two["revision"]) == (1, 2)
    assert one["metadata"]["name"] != two["metadata"]["name"]
    back = revisions.plan(stateful_set(image="a"), [one, two], set())
    assert back.update is one
    assert back.renumber == 3


def test_history_keeps_what_is_used_and_the_limit() -> None:
    held: list[dict] = []  # type: ignore[type-arg]
    for image in "abcd":
        held.append(revisions.plan(stateful_set(image=image), held, set()).update)
    used = {held[0]["metadata"]["name"]}
    plan = revisions.plan(stateful_set(image="d", revisionHistoryLimit=1), held, used)
    assert plan.delete == [held[1]]


def test_revision_holds_the_template_for_pods_to_come() -> None:
    wanted = stateful_set(image="old")
    revision = revisions.plan(wanted, [], set()).update
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = "new"
    pod = pods.build(wanted, revision, 0)
    assert pod["spec"]["containers"][0]["image"] == "old"
