"""The admission policy of mode Live, and what people of the cluster may do with the kinds."""

from __future__ import annotations

import yaml

from btcwatcher_crds import names
from support.chart import REPOSITORY, one, rendered

SOURCE = REPOSITORY / "manifests/policies/live-needs-a-label.yaml"
POLICY = "btcwatcher.btcwatcher.live-needs-a-label.btcwatcher.io"
VIEW, EDIT = "btcwatcher-btcwatcher-view", "btcwatcher-btcwatcher-edit"


def test_the_policy_is_the_manifests() -> None:
    policy, binding = yaml.safe_load_all(SOURCE.read_text())
    assert one(rendered(), "ValidatingAdmissionPolicy", POLICY)["spec"] == policy["spec"]
    bound = one(rendered(), "ValidatingAdmissionPolicyBinding", POLICY)["spec"]
    assert bound == {**binding["spec"], "policyName": POLICY}


def test_with_namespaces_it_is_about_these() -> None:
    spec = one(rendered({"namespaces": ["desk"]}), "ValidatingAdmissionPolicy", POLICY)["spec"]
    assert spec["matchConstraints"]["namespaceSelector"] == {
        "matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["desk"]}]
    }


def test_it_can_be_left_out() -> None:
    kinds = {item["kind"] for item in rendered({"policies": {"liveNeedsLabel": False}})}
    assert not kinds & {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}


def test_viewers_see_and_editors_change_what_is_declared() -> None:
    view, edit = (one(rendered(), "ClusterRole", name) for name in (VIEW, EDIT))
    declared = {names.STRATEGY_PLURAL, names.PROXY_PLURAL, names.NOTIFICATION_CHANNEL_PLURAL}
    declared |= {names.FLEET_SWITCH_PLURAL}
    of_the_cluster = {names.EXCHANGE_PLURAL, names.FLEET_CAPACITY_PLURAL, names.CLUSTER_FLEET_SWITCH_PLURAL}
    (seen,), (changed,) = view["rules"], edit["rules"]
    assert seen["apiGroups"] == changed["apiGroups"] == [names.GROUP]
    assert set(seen["resources"]) == declared | of_the_cluster
    assert set(seen["verbs"]) == {"get", "list", "watch"}
    assert set(changed["resources"]) == declared
    assert set(changed["verbs"]) == {"create", "update", "patch", "delete", "deletecollection"}


def test_they_are_added_to_the_clusters_own_roles() -> None:
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    found = {
        name: {
            label.removeprefix(prefix)
            for label in one(rendered(), "ClusterRole", name)["metadata"]["labels"]
            if label.startswith(prefix)
        }
        for name in (VIEW, EDIT)
    }
    assert found == {VIEW: {"view", "edit", "admin"}, EDIT: {"edit", "admin"}}


def test_they_can_be_left_out() -> None:
    found = {item["metadata"]["name"] for item in rendered({"rbac": {"aggregate": False}})}
    assert not found & {VIEW, EDIT}
