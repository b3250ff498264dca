"""The ways into a bot and out of it: its own API and websocket by host name, its exchange traffic through proxies."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import pytest

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy
from btcwatcher_local.exchange.defaults import exchange_defaults
from btcwatcher_operator.children.http_route import http_route
from btcwatcher_operator.platform import Gateway, Platform
from support.kubectl import REPOSITORY, Kubectl, until
from support.manifests import namespace, strategy
from support.proxies import Proxies, proxies
from support.stack import RunningStack

Object = dict[str, Any]

POOLS = ("21200-21249", "21250-21299")
FREQUI = True
PASSWORD = "hunter2hunter2"

pytestmark = [pytest.mark.e2e, pytest.mark.conformance, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def eager(running: RunningStack) -> tuple[str, str]:
    """A bot that trades all the time: (namespace, name)."""
    kubectl = running.kubectl
    kubectl.apply(namespace("desk"), strategy("eager", "desk"))
    kubectl("-n", "desk", "wait", "--for=condition=Ready", "strategy/eager", "--timeout=180s", timeout=190)
    return "desk", "eager"


def login_of(kubectl: Kubectl, space: str, name: str) -> dict[str, str]:
    secret = kubectl.get("secret", names.access_secret(name), space) or {}
    login: dict[str, str] = json.loads(base64.b64decode(secret["data"][names.API_SERVER_FILE]))["api_server"]
    return login


async def test_a_bots_own_api_and_websocket_by_host_name(running: RunningStack, eager: tuple[str, str]) -> None:
    kubectl = running.kubectl
    url = urlsplit((kubectl.get("strategy", "eager", "desk") or {})["status"]["url"])
    assert url.hostname == "eager.desk.bots.localhost"
    await usable(f"http://127.0.0.1:{url.port}", url.netloc, login_of(kubectl, *eager))


async def test_a_bots_own_api_and_websocket_by_path(running: RunningStack, eager: tuple[str, str]) -> None:
    """The HTTPRoute that the operator makes where a Gateway is named, and the path it leads to."""
    kubectl = running.kubectl
    manifest = kubectl.get("strategy", "eager", "desk") or {}
    ingress_port, bot_port = urlsplit(manifest["status"]["url"]).port, manifest["status"]["port"]
    platform = Platform("", b"", b"", "", base_domain="all.localhost", gateway=Gateway("web", "desk", by_path=True))
    route = http_route(Strategy.model_validate(manifest), bot_port, platform)
    kubectl("apply", "--server-side", "-f", str(REPOSITORY / "tests" / "data" / "httproutes-crd.yaml"))
    kubectl("wait", "--for=condition=Established", "crd/httproutes.gateway.networking.k8s.io", "--timeout=30s")
    kubectl.apply({**route, "metadata": {"name": "by-path", "namespace": "desk"}})
    base = f"http://127.0.0.1:{ingress_port}/desk/eager"

    def answers() -> bool:
        return httpx.get(f"{base}/api/v1/ping", headers={"Host": "all.localhost"}).status_code == 200

    until(answers, "the route is served", 30)
    await usable(base, "all.localhost", login_of(kubectl, *eager))


async def usable(base: str, host_name: str, login: dict[str, str]) -> None:
    """What FreqUI and a consumer of messages do with a bot that is Eager."""
    host = {"Host": host_name}
    async with httpx.AsyncClient(base_url=base, headers=host, timeout=20) as client:
        assert (await client.get("/api/v1/ping")).json() == {"status": "pong"}
        assert (await client.get("/api/v1/status")).status_code == 401, "not without a login"
        # As FreqUI does: a token for the password, then the token.
        answered = await client.post("/api/v1/token/login", auth=(login["username"], login["password"]))
        client.headers["Authorization"] = f"Bearer {answered.json()['access_token']}"

        async def shown() -> Object:
            found: Object = (await client.get("/api/v1/show_config")).json()
            return found

        assert (await shown())["strategy"] == "Eager"
        assert (await shown())["bot_name"] == "desk.eager"
        for path, state in (("pause", "paused"), ("start", "running")):
            assert (await client.post(f"/api/v1/{path}")).status_code == 200
            assert (await shown())["state"] == state

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{base}/api/v1/message/ws?token=wrong", headers=host)
        async with session.ws_connect(f"{base}/api/v1/message/ws?token={login['ws_token']}", headers=host) as socket:
            await socket.send_json({"type": "subscribe", "data": ["entry_fill", "exit_fill"]})
            await socket.send_json({"type": "whitelist", "data": None})
            answer = await socket.receive_json(timeout=60)
            assert (answer["type"], answer["data"]) == ("whitelist", ["BTC/USDT", "SOL/USDT"])
            # Not asked for again: the bot tells it when it trades.
            told = await socket.receive_json(timeout=150)
            assert told["type"] in ("entry_fill", "exit_fill")
            assert told["pair"] in ("BTC/USDT", "SOL/USDT")
            assert isinstance(told["amount"], float)


async def test_every_bot_on_one_host_by_the_fleet_screen(running: RunningStack, eager: tuple[str, str]) -> None:
    """The chart's own: its Deployment, rights, keys and Ingress, and FreqUI's files copied by an init container."""
    url = urlsplit((running.kubectl.get("strategy", "eager", "desk") or {})["status"]["url"])
    base, host = f"http://127.0.0.1:{url.port}", {"Host": f"frequi.bots.localhost:{url.port}"}
    async with httpx.AsyncClient(base_url=base, headers=host, timeout=30) as browser:
        user = {"username": "ada", "password": PASSWORD}
        registered = await browser.post(f"{running.api_url}/api/v1/auth/register", json=user)
        assert registered.status_code == 201, registered.text
        assert (
            (await browser.get("/dashboard", headers={"Accept": "text/html"}))
            .headers["location"]
            .startswith("/sign-in")
        )
        assert (await browser.post("/sign-in", data=user)).status_code == 303
        page = await browser.get("/dashboard", headers={"Accept": "text/html"})
        fleet = json.loads(page.text.split('id="btcwatcher-fleet">')[1].split("</script>")[0])
        assert {"id": "desk.eager", "name": "desk/eager", "path": "/bots/desk/eager"} in fleet["bots"]
        browser.headers["Authorization"] = f"Bearer {fleet['token']}"
        assert (await browser.get("/bots/desk/eager/api/v1/show_config")).json()["bot_name"] == "desk.eager"
        assert (await browser.post("/bots/desk/eager/api/v1/pause")).status_code == 200
        assert (await browser.post("/bots/desk/eager/api/v1/start")).status_code == 200
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        async with (
            aiohttp.ClientSession(headers={**host, "Cookie": cookie}) as session,
            session.ws_connect(f"{base}/bots/desk/eager/api/v1/message/ws?token={fleet['token']}") as socket,
        ):
            await socket.send_json({"type": "whitelist", "data": None})
            answer = await socket.receive_json(timeout=60)
            assert (answer["type"], answer["data"]) == ("whitelist", ["BTC/USDT", "SOL/USDT"])


@pytest.fixture
def make_proxy() -> Iterator[Proxies]:
    with proxies() as make:
        yield make


def declared(space: str, name: str, url: str, test_url: str) -> list[Object]:
    secret = f"{name}-proxy"
    test = {"url": test_url, "intervalSeconds": 5, "timeoutSeconds": 5}
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": secret, "namespace": space},
            "stringData": {"url": url},
        },
        {
            "apiVersion": "btcwatcher.io/v1alpha1",
            "kind": "Proxy",
            "metadata": {"name": name, "namespace": space},
            "spec": {"urlSecretRef": {"name": secret}, "test": test},
        },
    ]


def healthy(kubectl: Kubectl, name: str) -> Object:
    seen = kubectl.get("proxy", name, "abroad") or {}
    return next(iter(seen.get("status", {}).get("conditions", [])), {})


def test_a_bot_trades_through_its_proxies_and_on_when_one_is_gone(running: RunningStack, make_proxy: Any) -> None:
    kubectl = running.kubectl
    tokyo, osaka = make_proxy("socks5", "me", PASSWORD), make_proxy("http", "you", PASSWORD)
    test_url = f"{running.api_url}/docs"
    exchange = {"name": "binance", "pairs": ["BTC/USDT"], "proxyRefs": [{"name": "tokyo"}, {"name": "osaka"}]}
    # With addresses of its own it does not ask the market-data cache, to which no Proxy leads.
    paper = (kubectl.get("exchange", "binance", "default") or {})["spec"]["upstreams"]["public"].removesuffix("/api/v3")
    own = exchange_defaults(paper)
    kubectl.apply(
        namespace("abroad"),
        *declared("abroad", "tokyo", tokyo.url, test_url),
        *declared("abroad", "osaka", osaka.url, test_url),
        strategy("far", "abroad", exchange=exchange, config=own),
    )
    kubectl("-n", "abroad", "wait", "--for=condition=Healthy", "proxy", "--all", "--timeout=60s", timeout=70)
    kubectl("-n", "abroad", "wait", "--for=condition=Ready", "strategy/far", "--timeout=180s", timeout=190)
    until(lambda: running.signals(strategy="far", type="exit_fill"), "an exit fill", 120)
    ours = urlsplit(test_url).port
    to_exchange = {destination for destination in tokyo.asked if destination[1] != ours}
    assert len(to_exchange) == 1, "one exchange; the webhooks that brought the signals went their own way"
    assert {destination for destination in osaka.asked if destination[1] != ours} == set()

    pod = kubectl.get("pod", "far-0", "abroad") or {}
    tokyo.stop()
    until(lambda: to_exchange & set(osaka.asked), "its traffic through the second one", 60)
    fills = len(running.signals(strategy="far", type="entry_fill"))
    until(lambda: len(running.signals(strategy="far", type="entry_fill")) > fills, "the next trade", 180)
    until(lambda: healthy(kubectl, "tokyo").get("status") == "False", "its status", 60)
    assert healthy(kubectl, "tokyo")["message"] == "the proxy cannot be reached"

    # A new password, by the Secret alone.
    osaka.password = f"{PASSWORD}-new"
    kubectl.apply(declared("abroad", "osaka", osaka.url, test_url)[0])
    osaka.stop()
    before = len(osaka.asked)
    osaka.start()
    until(lambda: to_exchange & set(osaka.asked[before:]), "its traffic with the new password", 180)
    after = kubectl.get("pod", "far-0", "abroad") or {}
    assert after["metadata"]["uid"] == pod["metadata"]["uid"]
    assert after["status"]["containerStatuses"][0]["restartCount"] == 0

    everything = "strategies,proxies,statefulsets,pods,jobs,services,ingresses,configmaps,events"
    said = kubectl("-n", "abroad", "get", everything, "-o", "yaml")
    managed = kubectl.list("secret", "abroad", "-l", f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}")
    said += "".join(base64.b64decode(value).decode() for one in managed for value in one["data"].values())
    logs = [*running.folder.rglob("*.log"), running.output]
    said += "".join(log.read_text(errors="replace") for log in logs)
    assert re.search("proxy tokyo (cannot be reached|breaks connections off)", said), "the bot's own log is among them"
    assert PASSWORD not in said
    kubectl("delete", "namespace", "abroad", "--timeout=90s", timeout=100)
