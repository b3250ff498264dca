"""The whole flow by REST, with a real bot: register, sign in, make a Strategy, see it Ready, read signals, stop it."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from support import browser
from support.kubectl import until
from support.manifests import EAGER, namespace, strategy
from support.stack import RunningStack

POOLS = ("21300-21349", "21350-21399")
pytestmark = [pytest.mark.e2e, pytest.mark.conformance, pytest.mark.timeout(600)]

PASSWORD = "correct horse battery"
OWN = "/api/v1/strategies/rest.own"


@pytest.fixture
def client(running: RunningStack, token: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=running.api_url, timeout=30, headers=headers) as made:
        yield made


def answered(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


@pytest.fixture(scope="module")
def token(running: RunningStack) -> str:
    """Of the first user, who is an admin."""
    with httpx.Client(base_url=running.api_url, timeout=30) as anybody:
        made = answered(anybody.post("/api/v1/auth/register", json={"username": "ada", "password": PASSWORD}), 201)
        assert made["role"] == "admin"
        tokens = answered(anybody.post("/api/v1/auth/token", data={"username": "ada", "password": PASSWORD}))
        return str(tokens["access_token"])


def test_from_registering_to_a_stopped_bot(running: RunningStack, client: httpx.Client) -> None:
    kubectl = running.kubectl

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
    until(lambda: answered(client.get(f"{OWN}/health"))["ready"], "Ready by REST")

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


def test_the_pages_whole_way(running: RunningStack, token: str) -> None:
    """In a browser: sign in, see a bot start, see its signal arrive without a reload and on the chart, suspend it."""
    kubectl = running.kubectl
    patience = 180_000
    with browser.chromium() as chromium, browser.window(chromium, running.api_url) as opened:
        page = opened.page
        page.goto("/")
        page.get_by_label("User name").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("table.strategies")).to_be_visible()
        page.evaluate("window.sameDocument = true")

        kubectl.apply(namespace("page"), strategy("seen", "page", EAGER))
        row = page.locator("tr[data-id='page.seen']")
        expect(row.locator(".tag")).to_have_text("Starting", timeout=patience)
        expect(row.locator(".tag")).to_have_text("Running", timeout=patience)
        signal = page.locator("#signals tr[data-strategy='page.seen']").first
        expect(signal).to_be_visible(timeout=patience)
        expect(row.locator("[data-last]")).not_to_be_empty()
        assert page.evaluate("window.sameDocument")

        page.goto("/charts?exchange=binance&pair=BTC/USDT&timeframe=1m")
        chart = page.locator("#chart")
        expect(chart).to_have_attribute("data-candles", re.compile(r"^[1-9]\d+$"), timeout=patience)
        expect(chart).to_have_attribute("data-marks", re.compile(r"^[1-9]"), timeout=patience)
        expect(page.locator("#legend")).to_contain_text("page.seen")

        page.goto("/strategies/page.seen")
        if not running.real_api_server:
            expect(page.locator("pre.log")).to_contain_text("freqtrade")
        row.get_by_role("button", name="Suspend").click()
        page.get_by_role("dialog").get_by_role("button", name="Suspend").click()
        expect(row.locator(".tag")).to_have_text("Suspended", timeout=patience)
    kubectl("-n", "page", "wait", "--for=delete", "pod/seen-0", "--timeout=120s", timeout=130)
    kubectl("-n", "page", "delete", "strategy", "seen")


def test_a_proxy_is_tested_on_demand(running: RunningStack, client: httpx.Client) -> None:
    """By the operator, who reads its URL; the API asks, waits, and never sees it."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "nobody", "namespace": "ways"},
        "stringData": {"url": "http://user:hunter2@127.0.0.1:9"},
    }
    running.kubectl.apply(namespace("ways"), secret)
    spec = {"urlSecretRef": {"name": "nobody"}, "test": {"intervalSeconds": 3600, "timeoutSeconds": 5}}
    answered(client.post("/api/v1/proxies/", json={"namespace": "ways", "name": "nobody", "spec": spec}), 201)

    def first_test() -> bool:
        return answered(client.get("/api/v1/proxies/ways.nobody"))["last_check"] is not None

    until(first_test, "the first test", 60)
    told = client.post("/api/v1/proxies/ways.nobody/test")
    found = answered(told)
    assert (found["healthy"], found["reason"]) == (False, "TestFailed"), found
    assert "hunter2" not in told.text
    answered(client.delete("/api/v1/proxies/ways.nobody"), 204)
