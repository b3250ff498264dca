"""What ServiceAccount admission mounts into a pod, and into which."""

from __future__ import annotations

from typing import Any

import pytest

from btcwatcher_local.apiserver.access.pod_admission import TOKEN_PATH, mount_token, wants_token


@pytest.mark.parametrize(
    ("pod", "account", "wanted"),
    [
        (None, None, True),
        (None, False, False),
        (True, False, True),
        (False, True, False),
        (False, None, False),
    ],
)
def test_the_pod_has_the_word_then_its_account(pod: bool | None, account: bool | None, wanted: bool) -> None:
    said: list[dict[str, Any]] = [
        {} if value is None else {"automountServiceAccountToken": value} for value in (pod, account)
    ]
    assert wants_token(said[0], said[1]) is wanted


def test_every_container_without_a_mount_at_the_usual_place_gets_one() -> None:
    own = {"name": "mine", "mountPath": TOKEN_PATH}
    spec: dict[str, Any] = {
        "initContainers": [{"name": "i"}],
        "containers": [{"name": "a", "volumeMounts": [{"name": "x", "mountPath": "/x"}]}, {"name": "b"}],
        "volumes": [{"name": "x", "emptyDir": {}}],
    }
    spec["containers"][1]["volumeMounts"] = [own]
    mount_token(spec)
    volume = spec["volumes"][1]
    mount = {"name": volume["name"], "readOnly": True, "mountPath": TOKEN_PATH}
    assert volume["name"].startswith("kube-api-access-")
    assert spec["initContainers"][0]["volumeMounts"] == [mount]
    assert spec["containers"][0]["volumeMounts"] == [{"name": "x", "mountPath": "/x"}, mount]
    assert spec["containers"][1]["volumeMounts"] == [own]


def test_a_pod_that_mounts_everything_itself_stays_as_it_is() -> None:
    spec: dict[str, Any] = {"containers": [{"volumeMounts": [{"name": "mine", "mountPath": TOKEN_PATH}]}]}
    mount_token(spec)
    assert "volumes" not in spec


def test_a_copied_pod_keeps_its_one_volume() -> None:
    spec: dict[str, Any] = {"containers": [{"name": "a"}], "volumes": [{"name": "kube-api-access-abcde"}]}
    mount_token(spec)
    assert [volume["name"] for volume in spec["volumes"]] == ["kube-api-access-abcde"]
    assert spec["containers"][0]["volumeMounts"][0]["name"] == "kube-api-access-abcde"
