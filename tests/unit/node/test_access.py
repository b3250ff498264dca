"""Which token a container's kubeconfig names, and when a token is renewed."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from btcwatcher_local.client.config import Connection
from btcwatcher_local.node.access import environment, kubeconfig, token_of
from btcwatcher_local.node.tokens import renewal

if TYPE_CHECKING:
    from pathlib import Path

USUAL = "/var/run/secrets/kubernetes.io/serviceaccount"


def pod(*sources: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    volumes = [{"name": name, "projected": {"sources": [source]}} for name, source in sources]
    return {"metadata": {"namespace": "n"}, "spec": {"volumes": [*volumes, {"name": "e", "emptyDir": {}}]}}


def token(path: str = "token", audience: str = "") -> dict[str, Any]:
    return {"serviceAccountToken": {"path": path, **({"audience": audience} if audience else {})}}


def mounts(**paths: str) -> dict[str, Any]:
    return {"volumeMounts": [{"name": name, "mountPath": path} for name, path in paths.items()]}


@pytest.mark.parametrize(
    ("made", "container", "wanted"),
    [
        (pod(("t", token())), mounts(t=USUAL), ("t", "token")),
        (pod(("t", token("a/b"))), mounts(e="/e", t="/x"), ("t", "a/b")),
        (pod(("o", token()), ("t", token())), mounts(o="/x", t=USUAL), ("t", "token")),
        (pod(("t", token(audience="vault"))), mounts(t="/x"), None),
        (pod(("t", token())), mounts(e="/e"), None),
        (pod(("c", {"configMap": {"name": "x"}})), mounts(c="/x"), None),
        (pod(), {}, None),
    ],
)
def test_the_token_of_a_container(made: dict[str, Any], container: dict[str, Any], wanted: object) -> None:
    assert token_of(made, container) == wanted


def test_the_environment_of_a_container_with_a_token(tmp_path: Path) -> None:
    api = Connection("https://127.0.0.1:6443", "the cluster's own", authority="PEM")
    folder = tmp_path / "c"
    found = environment(pod(("t", token())), mounts(t=USUAL), {"t": tmp_path / "v"}, folder, api)
    assert found == {
        "KUBECONFIG": str(folder / "kubeconfig"),
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": "6443",
        "KUBERNETES_SERVICE_PORT_HTTPS": "6443",
    }
    text = (folder / "kubeconfig").read_text()
    assert "the cluster's own" not in text
    written = yaml.safe_load(text)
    assert written["users"][0]["user"] == {"tokenFile": str(tmp_path / "v" / "token")}
    authority = written["clusters"][0]["cluster"]["certificate-authority-data"]
    assert base64.b64decode(authority) == b"PEM"
    assert environment(pod(), {}, {}, tmp_path / "none", api) == {}
    assert not (tmp_path / "none").exists()


def test_a_server_whose_certificate_is_not_looked_at() -> None:
    found = kubeconfig(Connection("https://x", insecure=True), "/t", "n")["clusters"][0]["cluster"]
    assert found == {"server": "https://x", "insecure-skip-tls-verify": True}


def test_a_token_is_renewed_after_a_share_of_its_life_and_once_a_day() -> None:
    asked = datetime(2026, 11, 1, tzinfo=UTC)
    assert renewal(asked, asked + timedelta(hours=1), 0.8) == asked + timedelta(minutes=48)
    assert renewal(asked, asked + timedelta(days=365), 0.8) == asked + timedelta(days=1)
