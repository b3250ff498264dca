"""`kubectl btcwatcher webhook`, `signals` and what else asks the API, against the API as a process."""

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml

from btcwatcher_api.accounts.roles import Role
from btcwatcher_api.accounts.tokens import Signer
from btcwatcher_local.loopback import free_port
from support import api
from support.apiservers import ApiServer
from support.kubectl import REPOSITORY, Kubectl
from support.plugin import Plugin

pytestmark = pytest.mark.integration


@dataclass(slots=True)
class Served:
    """The API at an address that outlives its process, and tokens for it."""

    url: str
    kubeconfig: Path
    folder: Path
    postgres_url: str
    trader: str
    """An access token of a trader."""

    @contextmanager
    def process(self) -> Iterator[None]:
        settings = {"BTCWATCHER_ACCOUNTS": "true", "BTCWATCHER_SIGNING_KEY_FILE": str(self.folder / "signing.key")}
        port = httpx.URL(self.url).port
        assert port is not None
        with asyncio.Runner() as runner:
            process = api.process(self.postgres_url, self.folder, self.kubeconfig, port, **settings)
            started = runner.run(process.__aenter__())
            try:
                runner.run(started.ready())
                yield
            finally:
                runner.run(process.__aexit__(None, None, None))

    def plugin(self, token: str = api.READ_TOKEN, **environment: str) -> Plugin:
        told = {"BTCWATCHER_API_URL": self.url, "BTCWATCHER_TOKEN": token, **environment}
        return Plugin(self.kubeconfig, **{name: value for name, value in told.items() if value})

    def send(self, token: str, **fields: str) -> None:
        body = {"action": "entry", "pair": "BTC/USDT", "direction": "long", "signal_strength": "0.9", **fields}
        answer = httpx.post(self.url + api.webhook(), json=body, auth=(api.STRATEGY, token), timeout=60)
        assert answer.status_code == 202, answer.text


@pytest.fixture(scope="module")
def prepared(postgres_url: str, embedded_api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A cluster with the Strategy that the API is to know."""
    kubectl = Kubectl(embedded_api_server.kubeconfig)
    crds = [yaml.safe_load(file.read_text()) for file in sorted((REPOSITORY / "crds").glob("*.yaml"))]
    kubectl.apply(*crds)
    kubectl("wait", "--for=condition=Established", "crd/strategies.btcwatcher.io", "--timeout=30s")
    kubectl("create", "namespace", "trading")
    exchange = {"name": "binance", "pairs": ["BTC/USDT"]}
    kubectl.apply(
        {
            "apiVersion": "btcwatcher.io/v1alpha1",
            "kind": "Strategy",
            "metadata": {"name": "ema-cross", "namespace": "trading"},
            "spec": {"strategyName": "Any", "timeframe": "5m", "exchange": exchange},
        }
    )
    folder = tmp_path_factory.mktemp("api")
    key = Path(api.signing_key(folder)["signing_key_file"]).read_bytes()
    trader = Signer(key, timedelta(minutes=30)).access_token(uuid4(), "tess", Role.TRADER)
    url = f"http://127.0.0.1:{free_port()}"
    return Served(url, embedded_api_server.kubeconfig, folder, postgres_url, trader)


@pytest.fixture(scope="module")
def running(prepared: Served) -> Iterator[ExitStack]:
    """The API's process; closing it ends the process."""
    with ExitStack() as stack:
        stack.enter_context(prepared.process())
        yield stack


@pytest.fixture
def served(prepared: Served, running: ExitStack) -> Served:
    return prepared


def test_a_trader_is_given_the_token_and_it_works(served: Served) -> None:
    plugin = served.plugin(served.trader)
    token = plugin("webhook", "ema-cross", "-n", "trading", "-o", "token").strip()
    assert token == api.token()
    url = plugin("webhook", api.STRATEGY, "-o", "url").strip()
    assert url == served.url + api.webhook()
    text = plugin("webhook", api.STRATEGY)
    assert token in text
    assert f"{url}\n" in text
    assert "tradingview_alert_message" in json.loads(plugin("webhook", api.STRATEGY, "-o", "json"))
    served.send(token, comment="by the plugin's token")
    assert "Strong (0.9" in served.plugin()("signals", "ema-cross", "-n", "trading")


def test_who_may_only_read_is_told_what_is_missing(served: Served) -> None:
    plugin = served.plugin()
    assert "not shown to you. Only a trader or an admin" in plugin("webhook", api.STRATEGY)
    words = plugin.refused("webhook", api.STRATEGY, "-o", "token")
    assert "ask an admin for an API key with the role trader" in words
    assert api.token() not in words


def test_signals_are_filtered_as_asked(served: Served) -> None:
    served.send(api.token(), pair="ETH/USDT", signal_strength="0.5")
    plugin = served.plugin()
    assert "ETH/USDT" in plugin("signals", "-n", "trading", "--limit", "1")
    only = plugin("signals", "-A", "--pair", "ETH/USDT", "--level", "Weak", "--type", "entry", "--since", "1h")
    assert all("ETH/USDT" in line for line in only.splitlines())
    found = [json.loads(line) for line in plugin("signals", "-A", "-o", "json").splitlines()]
    assert {"id", "event_time", "strategy_id"} <= set(found[0])
    nothing = plugin.run("signals", "-A", "--pair", "XRP/USDT")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "there are no such signals" in nothing.stderr
    assert "no stretch of time" in plugin.refused("signals", "--since", "yesterday")


def test_what_the_api_refuses_comes_in_its_words_with_what_to_do(served: Served) -> None:
    words = served.plugin("btcw_wrong").refused("signals", "-A")
    assert "the bearer token is not valid or has expired" in words
    assert "btcw_wrong" not in words
    assert "there is no such Strategy" in served.plugin().refused("webhook", "trading.none")
    assert "type" in served.plugin().refused("signals", "-A", "--type", "nonsense")


def test_without_a_token_or_an_api_it_says_what_to_set(served: Served, tmp_path: Path) -> None:
    words = served.plugin("").refused("signals", "-A")
    assert "BTCWATCHER_TOKEN_FILE" in words
    file = tmp_path / "token"
    assert "cannot be read" in served.plugin("").refused("signals", "-A", "--token-file", str(file))
    file.write_text(f"{api.READ_TOKEN}\n")
    served.plugin("")("signals", "-A", "--token-file", str(file))
    nowhere = f"http://127.0.0.1:{free_port()}"
    words = served.plugin(BTCWATCHER_API_URL=nowhere).refused("signals", "-A")
    assert f"the API at {nowhere} does not answer" in words
    assert "is no address" in served.plugin(BTCWATCHER_API_URL="localhost:8000").refused("signals", "-A")


def test_without_an_address_a_port_forward_is_looked_for_and_its_failure_is_told(served: Served) -> None:
    words = served.plugin(BTCWATCHER_API_URL="").refused("signals", "-A")
    assert "namespace btcwatcher has no Service of BTC Watcher's API" in words
    assert "BTCWATCHER_API_URL=http://127.0.0.1:8000" in words
    words = served.plugin(BTCWATCHER_API_URL="").refused("signals", "-A", "--api-service=none")
    assert "there is no way to Service btcwatcher/none" in words


def test_a_port_forward_lasts_as_long_as_the_command(served: Served, tmp_path: Path) -> None:
    """What needs a kubelet, the forwarding itself, is put in its place: all else is kubectl's own."""
    forwarded = tmp_path / "kubectl"
    note = tmp_path / "pid"
    port = httpx.URL(served.url).port
    forwarded.write_text(
        f"#!{sys.executable}\nimport os, signal, sys\n"
        f'if "port-forward" not in sys.argv:\n    os.execvp("kubectl", ["kubectl", *sys.argv[1:]])\n'
        f'open({str(note)!r}, "w").write(f"{{os.getpid()}} " + " ".join(sys.argv))\n'
        f'print("Forwarding from 127.0.0.1:{port} -> 8000", flush=True)\nsignal.pause()\n'
    )
    forwarded.chmod(forwarded.stat().st_mode | stat.S_IXUSR)
    plugin = served.plugin(BTCWATCHER_API_URL="", KUBECTL=str(forwarded))
    plugin("signals", "-A", "--api-namespace=desk", "--api-service=watch-api")
    pid, arguments = note.read_text().split(" ", 1)
    assert "--namespace desk --address 127.0.0.1 service/watch-api :http" in arguments
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_following_shows_each_signal_once_also_when_the_api_is_started_anew(served: Served, running: ExitStack) -> None:
    """The last of the module: its process takes the place of the one that the others have."""
    served.send(api.token(), comment="before")
    with subprocess.Popen(
        ["kubectl", "btcwatcher", "signals", "-A", "-f", "--limit", "1", "-o", "json"],
        env=served.plugin().environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        assert following.stderr is not None

        def next_one() -> str:
            signal: dict[str, Any] = json.loads(following.stdout.readline())  # type: ignore[union-attr]
            return str(signal["price"])

        try:
            shown = [next_one()]
            served.send(api.token(), price="101")
            served.send(api.token(), price="102")
            shown += [next_one(), next_one()]
            running.close()
            assert "trying again" in following.stderr.readline()
            running.enter_context(served.process())
            served.send(api.token(), price="103")
            shown.append(next_one())
            assert shown[1:] == ["101", "102", "103"]
        finally:
            following.terminate()
        assert following.wait(20) == 143
