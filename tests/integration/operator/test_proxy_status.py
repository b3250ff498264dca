"""Proxies tested by a real operator through real proxies: what their status, Events and series say, and do not say."""

import contextlib
import http.server
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from btcwatcher_local.loopback import free_port
from support.kubectl import Kubectl, until
from support.operator_process import Operator
from support.proxies import Mode, Proxies, TestProxy, proxies

Object = dict[str, Any]

pytestmark = [pytest.mark.integration, pytest.mark.conformance]
PASSWORD = "p@ss:hunter2"


class Answers(http.server.BaseHTTPRequestHandler):
    status = 204

    def do_GET(self) -> None:
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def test_url() -> Iterator[str]:
    Answers.status = 204
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}/ping"
    server.shutdown()
    server.server_close()


@pytest.fixture
def make_proxy() -> Iterator[Proxies]:
    with proxies() as make:
        yield make


class Declared:
    """A Proxy and its Secret in the cluster."""

    def __init__(self, kubectl: Kubectl, namespace: str, url: str, interval: int = 3600) -> None:
        self.kubectl, self.namespace = kubectl, namespace
        self.manifest: Object = {
            "apiVersion": "btcwatcher.io/v1alpha1",
            "kind": "Proxy",
            "metadata": {"name": "tokyo", "namespace": namespace},
            "spec": {
                "urlSecretRef": {"name": "tokyo-proxy"},
                "test": {"url": url, "intervalSeconds": interval, "timeoutSeconds": 2},
            },
        }
        kubectl.apply(self.manifest)

    def holds(self, url: str) -> None:
        metadata = {"name": "tokyo-proxy", "namespace": self.namespace}
        self.kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"url": url}})

    def test_now(self) -> None:
        stamp = datetime.now(UTC).isoformat()
        self.kubectl(
            "-n", self.namespace, "annotate", "--overwrite", "proxy", "tokyo", f"btcwatcher.io/testRequestedAt={stamp}"
        )

    @property
    def status(self) -> Object:
        found: Object = (self.kubectl.get("proxy", "tokyo", self.namespace) or {}).get("status", {})
        return found

    @property
    def healthy(self) -> Object:
        return next((one for one in self.status.get("conditions", []) if one["type"] == "Healthy"), {})

    def says(self, words: str) -> None:
        until(lambda: words in self.healthy["message"], words)

    def becomes(self, reason: str, ask: bool = True) -> Object:
        if ask:
            self.test_now()
        until(lambda: self.healthy.get("reason") == reason, reason)
        return self.healthy


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_each_outcome_has_its_reason(
    kubectl: Kubectl, namespace: str, operator: Operator, make_proxy: Any, test_url: str, kind: Any
) -> None:
    proxy: TestProxy = make_proxy(kind, "me", PASSWORD)
    declared = Declared(kubectl, namespace, test_url)
    missing = declared.becomes("SecretMissing", ask=False)
    assert missing["message"] == "spec.urlSecretRef: there is no Secret 'tokyo-proxy'"
    assert missing["status"] == "False"
    assert "latencyMilliseconds" not in declared.status

    declared.holds("hunter2")
    assert "does not begin with http:// or socks5://" in declared.becomes("UrlInvalid")["message"]
    declared.holds(proxy.url)
    assert declared.becomes("TestPassed")["status"] == "True"
    status = declared.status
    assert status["latencyMilliseconds"] >= 0
    assert status["observedGeneration"] == 1
    assert proxy.asked[-1][0] == "localhost", "the name reaches the proxy"
    shown = kubectl("-n", namespace, "get", "proxies").splitlines()[1].split()
    assert shown[:3] == ["tokyo", "True", "TestPassed"]

    declared.holds(proxy.url.replace("hunter2", "hunter3"))
    assert declared.becomes("LoginRefused")["message"] == "the proxy refuses the user and password of its URL"
    declared.holds(proxy.url)
    for mode, words in (
        (Mode.HANGS, "within 2 s"),
        (Mode.CANNOT_REACH, "the proxy says that it cannot reach"),
        (Mode.NONSENSE, "the protocol"),
    ):
        proxy.mode = mode
        declared.test_now()
        declared.says(words)
        assert declared.healthy["reason"] == "TestFailed"
    proxy.mode = Mode.WORKS
    declared.becomes("TestPassed")
    Answers.status = 503
    assert "answered 503 through the proxy" in declared.becomes("TestFailed")["message"]
    proxy.stop()
    declared.test_now()
    declared.says("the proxy cannot be reached")
    assert "latencyMilliseconds" in declared.status, "that of the last test that passed"

    def events() -> list[str]:
        return sorted(event["reason"] for event in kubectl.list("events", namespace))

    told = ["LoginRefused", "SecretMissing", "TestFailed", "TestFailed", "TestPassed", "TestPassed", "UrlInvalid"]
    until(lambda: events() == told, "an Event for each change of the reason")
    said = kubectl("-n", namespace, "get", "proxies,events", "-o", "json") + operator.log.read_text()
    assert "hunter2" not in said
    assert "hunter3" not in said


def test_a_proxy_is_tested_in_its_interval_and_its_series_vanish_with_it(
    kubectl: Kubectl, namespace: str, operator: Operator, make_proxy: Any, test_url: str
) -> None:
    operator.kill()
    port = free_port()
    operator.start(metrics_port=str(port), metrics_address="127.0.0.1")

    def series() -> dict[str, float]:
        with contextlib.suppress(httpx.TransportError):
            lines = httpx.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
            parts = [line.rpartition(" ") for line in lines if line.startswith("btcwatcher_proxy_")]
            return {name.partition("{")[0]: float(value) for name, _, value in parts}
        return {}

    proxy: TestProxy = make_proxy("socks5")
    declared = Declared(kubectl, namespace, test_url, interval=5)
    declared.holds(proxy.url)
    declared.becomes("TestPassed", ask=False)
    until(lambda: series().get("btcwatcher_proxy_healthy") == 1.0, "its series")
    assert series()["btcwatcher_proxy_latency_seconds"] < 10
    asked = len(proxy.asked)
    until(lambda: len(proxy.asked) > asked, "the next test comes by itself")
    proxy.stop()
    until(lambda: series().get("btcwatcher_proxy_healthy") == 0.0, "and finds out")
    kubectl("-n", namespace, "delete", "proxy", "tokyo")
    until(lambda: series() == {}, "no series without the Proxy")
    assert operator.running
    assert "Traceback" not in operator.log.read_text()


def test_a_restarted_operator_does_not_test_again_before_it_is_time(
    kubectl: Kubectl, namespace: str, operator: Operator, make_proxy: Any, test_url: str
) -> None:
    proxy: TestProxy = make_proxy("http")
    declared = Declared(kubectl, namespace, test_url)
    declared.holds(proxy.url)
    declared.becomes("TestPassed")
    asked = len(proxy.asked)
    assert operator.stop() == 0
    before = declared.status
    operator.start()
    until(lambda: operator.log.read_text().count('"ready"') >= 2, "it is ready again")

    assert declared.status == before
    assert len(proxy.asked) == asked
