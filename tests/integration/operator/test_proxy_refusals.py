"""What a user must not apply as a Proxy is refused at apply, with a sentence that says what to do."""

from typing import Any

import pytest

from support.kubectl import Kubectl

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]

REFUSED: list[tuple[str, Object, str]] = [
    ("no Secret", {"spec": {}}, "spec.urlSecretRef: Required value"),
    ("a URL in the spec", {"spec": {"url": "socks5://u:p@h"}}, 'unknown field "spec.url"'),
    ("a name with a dot", {"metadata": {"name": "to.kyo"}}, "lower-case letters, digits and dashes only"),
    ("a long name", {"metadata": {"name": "a" * 64}}, "metadata.name must be at most 63 characters"),
    (
        "a test URL of another kind",
        {"spec": {"test": {"url": "ftp://example.com"}}},
        "must be an http:// or https:// URL",
    ),
    (
        "a password in the test URL",
        {"spec": {"test": {"url": "https://me:secret@example.com"}}},
        "must be an http:// or https:// URL without user name and password",
    ),
    (
        "a test longer than its interval",
        {"spec": {"test": {"intervalSeconds": 5, "timeoutSeconds": 6}}},
        "timeoutSeconds must not be longer than intervalSeconds",
    ),
    ("too short an interval", {"spec": {"test": {"intervalSeconds": 1}}}, "greater than or equal to 5"),
]


def proxy(namespace: str, change: Object) -> Object:
    spec = {"urlSecretRef": {"name": "tokyo"}, **change["spec"]} if change.get("spec") else change.get("spec")
    return {
        "apiVersion": "btcwatcher.io/v1alpha1",
        "kind": "Proxy",
        "metadata": {"name": "tokyo", "namespace": namespace, **change.get("metadata", {})},
        "spec": {"urlSecretRef": {"name": "tokyo"}} if spec is None else spec,
    }


@pytest.mark.parametrize(("change", "sentence"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(kubectl: Kubectl, namespace: str, change: Object, sentence: str) -> None:
    assert sentence in kubectl.refused(proxy(namespace, change))
    assert kubectl.list("proxies", namespace) == []


def test_taken_with_its_defaults_and_shown(kubectl: Kubectl, namespace: str) -> None:
    kubectl.apply(proxy(namespace, {}))
    spec = (kubectl.get("proxy", "tokyo", namespace) or {})["spec"]
    assert spec["urlSecretRef"] == {"name": "tokyo", "key": "url"}
    assert spec["test"] == {
        "url": "https://cp.cloudflare.com/generate_204",
        "intervalSeconds": 60,
        "timeoutSeconds": 10,
    }
    shown = kubectl("-n", namespace, "get", "pxy").split("\n")[0].split()
    assert shown == ["NAME", "HEALTHY", "REASON", "LATENCY-MS", "CHECKED", "AGE"]
    assert "proxy.btcwatcher.io/tokyo" in kubectl("-n", namespace, "get", "trading", "-o", "name")
