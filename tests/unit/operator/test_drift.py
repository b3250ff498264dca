from typing import Any

import pytest

from btcwatcher_operator.drift import ANNOTATION_APPLIED, differences, stamped


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {}}, {}),
        (
            {"containers": [{"name": "x", "image": "i"}]},
            {"containers": [{"name": "side"}, {"name": "x", "image": "i"}]},
        ),
        ({"spec": {"resources": {"requests": {"cpu": "1000m"}}}}, {"spec": {"resources": {"requests": {"cpu": "1"}}}}),
        ({"spec": {"resources": {"limits": {"m": "1024Mi"}}}}, {"spec": {"resources": {"limits": {"m": "1Gi"}}}}),
        ({"emptyDir": {"sizeLimit": "1024Ki"}}, {"emptyDir": {"sizeLimit": "1Mi"}}),
        # OpenShift adds its own to every ServiceAccount.
        ({"imagePullSecrets": [{"name": "ours"}]}, {"imagePullSecrets": [{"name": "dockercfg"}, {"name": "ours"}]}),
    ],
)
def test_no_drift(desired: dict[str, Any], live: dict[str, Any]) -> None:
    assert list(differences(desired, live)) == []


@pytest.mark.parametrize(
    ("desired", "live", "path"),
    [
        ({"a": 1}, {"a": 2}, ".a"),
        ({"a": 1}, {}, ".a"),
        ({"a": {"b": 1}}, {"a": 3}, ".a"),
        ({"a": [1, 2]}, {"a": [1]}, ".a"),
        ({"a": [1, 2]}, {"a": [1, 3]}, ".a[1]"),
        ({"args": ["x"]}, {"args": "x"}, ".args"),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "value": "2"}]}, ".env[A].value"),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "B"}]}, ".env[A]"),
        ({"resources": {"cpu": "1"}}, {"resources": {"cpu": "2"}}, ".resources.cpu"),
        ({"label": "1"}, {"label": "1000m"}, ".label"),
    ],
)
def test_drift(desired: dict[str, Any], live: dict[str, Any], path: str) -> None:
    assert list(differences(desired, live)) == [path]


def test_a_field_no_longer_wanted_changes_the_stamp() -> None:
    more = stamped({"metadata": {"name": "x"}, "spec": {"a": 1, "b": 2}})
    less = stamped({"metadata": {"name": "x"}, "spec": {"a": 1}})
    assert list(differences(less, more)) == [f".metadata.annotations.{ANNOTATION_APPLIED}"]
