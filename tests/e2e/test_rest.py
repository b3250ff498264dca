"""The whole flow by REST, with a real bot: register, sign in, make a Strategy, see it Ready, read signals, stop it."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from support.kubectl import until
from support.manifests import EAGER, namespace, strategy
from support.stack import RunningStack

pytestmark = [pytest.mark.e2e, pytest.mark.conformance, pytest.mark.timeout(600)]

PASSWORD = "correct horse battery"
OWN = "/api/v1/strategies/rest.own"


@pytest.fixture
def client(running: RunningStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=running.api_url, timeout=30) as made:
        yield made


def answered(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def test_from_registering_to_a_stopped_bot(running: RunningStack, client: httpx.Client) -> None:
    kubectl = running.kubectl
    made = answered(client.post("/api/v1/auth/register", json={"username": "ada", "password": PASSWORD}), 201)
    assert made["role"] == "admin", "the first user"
    tokens = answered(client.post("/api/v1/auth/token", data={"username": "ada", "password": PASSWORD}))
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    kubectl.apply(namespace("rest"))
    source = answered(
        client.post("/api/v1/strategies/files", data={"namespace": "rest"}, files={"file": ("eager.py", EAGER)}), 201
    )["source"]
    spec = {**strategy("own", "rest", None)["spec"], "source": source}
    refused = client.post(
        "/api/v1/strategies/", json={"namespace": "rest", "name": "own", "spec": {**spec, "mode": "x"}}
    )
    assert answered(refused, 422)["errors"][0]["field"] == "spec.mode"
    answered(client.post("/api/v1/strategies/", json={"namespace": "rest", "name": "own", "spec": spec}), 201)
    kubectl("-n", "rest", "wait", "--for=condition=Ready", "strategy/own", "--timeout=180s", timeout=190)
    until(lambda: answered(client.get(f"{OWN}/health"))["ready"], "Ready by REST", 20)

    def signals(kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = answered(
            client.get("/api/v1/signals/", params={"strategy": "rest.own", "type": kind})
        )["items"]
        return found

    fills = until(lambda: signals("exit_fill"), "an exit fill", 120)
    assert {fill["pair"] for fill in fills} <= {"BTC/USDT", "SOL/USDT"}
    assert signals("entry_fill")[0]["level"] == "Strong"
    seen = kubectl.get("strategy", "own", "rest") or {}
    pool = answered(client.get("/api/v1/system/port-pool"))
    assert {"port": seen["status"]["port"], "strategy_id": "rest.own"} in pool["ports"]
    line = answered(client.get("/api/v1/monitoring/strategies", params={"namespace": "rest"}))["items"][0]
    assert (line["id"], line["phase"]) == ("rest.own", "Running")
    if not running.real_api_server:  # a real one asks the kubelet's port over TLS, which the node agent does not speak
        log = client.get(f"{OWN}/logs", params={"tail": 2000})
        assert log.status_code == 200
        assert "freqtrade" in log.text
        assert PASSWORD not in log.text

    answered(client.post(f"{OWN}/stop"))
    kubectl("-n", "rest", "wait", "--for=delete", "pod/own-0", "--timeout=120s", timeout=130)

    def suspended() -> bool:
        health = answered(client.get(f"{OWN}/health"))
        return bool(health["ready"] and health["reason"] == "Suspended" and health["current"])

    until(suspended, "Suspended", 60)
    gone = client.get(f"{OWN}/logs")
    assert "no pod of own now" in answered(gone, 404)["detail"]
    assert signals("exit_fill"), "history stays"
    actions = [row["action"] for row in answered(client.get("/api/v1/audit"))["items"]]
    assert actions[:3] == ["strategy.stop", "strategy.create", "file.upload"]
    answered(client.delete(OWN), 204)
