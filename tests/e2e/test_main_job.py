"""The main job, as its user does it: apply, watch, read, break, delete."""

import base64
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from btcwatcher_crds import names
from support import stack, vendors
from support.kubectl import REPOSITORY, Kubectl, until
from support.manifests import EAGER, HOLDER, channel, namespace, secret, strategy
from support.stack import RunningStack
from support.vendors import Vendor

Object = dict[str, Any]

pytestmark = [pytest.mark.e2e, pytest.mark.conformance, pytest.mark.timeout(600)]


def condition(kubectl: Kubectl, space: str, name: str, kind: str = "Ready") -> Object:
    seen = kubectl.get("strategy", name, space) or {}
    return next((c for c in seen.get("status", {}).get("conditions", []) if c["type"] == kind), {})


@pytest.fixture(scope="module")
def holder(running: RunningStack) -> tuple[str, str]:
    """A bot that is Ready and holds open trades: (namespace, name)."""
    kubectl = running.kubectl
    kubectl.apply(namespace("desk"), strategy("holder", "desk", HOLDER, "Holder"))
    kubectl("-n", "desk", "wait", "--for=condition=Ready", "strategy/holder", "--timeout=120s", timeout=130)
    until(lambda: len(running.signals(strategy="holder", type="entry_fill")) == 2, "two entries", 60)
    return "desk", "holder"


@pytest.fixture(scope="module")
def robot(running: RunningStack) -> Iterator[Vendor]:
    """A Telegram Bot API, one for each stack."""
    with vendors.served_beside(vendors.telegram) as serving:
        yield serving


@pytest.fixture(scope="module")
def own(running: RunningStack, robot: Vendor) -> tuple[str, str]:
    """A bot that trades, and whose signals are told by mail, by webhook and, with a wrong token, by Telegram."""
    smtp, hooks = str(running.smtp_port), running.catcher_url.replace("http://", "json://") + "/hooks"
    mail = {"host": "127.0.0.1", "port": smtp, "security": "none", "from": "bots@example.com", "to": "desk@example.com"}
    running.kubectl.apply(
        namespace("mine"),
        secret("mail", "mine", **mail),
        secret("hook", "mine", url=f"{hooks}/hook"),
        secret("spare", "mine", url=f"{hooks}/spare"),
        secret("robot", "mine", token="110201543:no-such-token", chatId=vendors.TELEGRAM_CHAT),
        channel("mail", "mine", "Email"),
        channel("hook", "mine", "Apprise", language="zh"),
        channel("spare", "mine", "Apprise"),
        channel("robot", "mine", "Telegram", endpoint=robot.url, fallback={"name": "spare"}),
        strategy("own", "mine", signals={"notify": {"channels": ["mail", "hook", "robot"]}}),
    )
    return "mine", "own"


def test_its_candles_came_by_the_cache(running: RunningStack, own: tuple[str, str]) -> None:
    running.kubectl("-n", "mine", "wait", "--for=condition=Ready", "strategy/own", "--timeout=120s", timeout=130)
    running.kubectl("wait", "--for=condition=Ready", "exchange/binance", "--timeout=60s", timeout=70)
    until(lambda: "Serving" in running.kubectl("get", "exchange", "binance"), "the operator says so", 30)
    text = httpx.get(f"{running.market_url}/metrics", timeout=10).text
    asked = [line for line in text.splitlines() if line.startswith("btcwatcher_market_requests_total{")]
    assert sum(float(line.split()[-1]) for line in asked) > 0


def test_from_apply_to_a_signal(running: RunningStack, own: tuple[str, str]) -> None:
    kubectl = running.kubectl
    kubectl("-n", "mine", "wait", "--for=condition=Ready", "strategy/own", "--timeout=120s", timeout=130)
    fills = until(lambda: running.signals(strategy="own", type="exit_fill"), "an exit fill", 90)
    assert {fill["pair"] for fill in fills} <= {"BTC/USDT", "SOL/USDT"}
    entry = running.signals(strategy="own", type="entry_fill")[0]
    assert (entry["namespace"], entry["level"], entry["strength"]) == ("mine", "Strong", "0.95")

    listed = kubectl("-n", "mine", "get", "strat")
    assert listed.split("\n")[0].split() == [
        "NAME",
        "READY",
        "REASON",
        "MODE",
        "STATE",
        "HELD",
        "EXCHANGE",
        "PORT",
        "AGE",
    ]
    assert "Running" in listed
    assert "btcwatcher/freqtrade:" in kubectl("-n", "mine", "get", "strat", "-o", "wide")
    described = kubectl("-n", "mine", "describe", "strategy", "own")
    assert "PortAssigned" in described
    assert "its trading loop comes round" in described
    if not running.real_api_server:  # a real one asks the kubelet's port over TLS, which the node agent does not speak
        until(lambda: "Bot heartbeat" in _logs(kubectl, "mine", "own-0"), "a heartbeat in the logs", 40)

    kubectl("-n", "mine", "delete", "strategy", "own", "--wait=true")
    until(lambda: not kubectl.list("pods,statefulsets,services,ingresses", "mine"), "the children are gone", 60)
    ours = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
    until(lambda: not kubectl.list("secrets", "mine", "-l", ours), "its Secrets are gone", 60)
    claims = [claim["metadata"]["name"] for claim in kubectl.list("persistentvolumeclaims", "mine")]
    assert claims == ["own-data"], "the volume is retained"
    assert running.signals(strategy="own"), "history stays"


def _channel(kubectl: Kubectl, name: str) -> Object:
    seen = kubectl.get("notificationchannel", name, "mine") or {}
    return {c["type"]: (c["status"], c["reason"]) for c in seen.get("status", {}).get("conditions", [])}


def _told(running: RunningStack, name: str) -> list[tuple[str, list[str]]]:
    """State and attempts of what a channel was to tell, the first first."""
    with psycopg.connect(running.database_url) as connection:
        return connection.execute(
            "SELECT d.state, array_agg(a.reason ORDER BY a.number) FROM deliveries d JOIN delivery_attempts a"
            " ON a.delivery_id = d.id WHERE d.channel_namespace = 'mine' AND d.channel = %s"
            " GROUP BY d.id, d.state, d.created_at ORDER BY d.created_at",
            (name,),
        ).fetchall()


def _titled(caught: list[Object], beginning: str) -> list[Object]:
    return [one for one in caught if one["title"].startswith(beginning)]


def test_its_signals_are_told_by_mail_and_webhook(running: RunningStack, own: tuple[str, str]) -> None:
    # Urgent messages go out side by side: the order may arrive after its own fill.
    mail = until(lambda: _titled(running.caught("desk@example.com"), "Entry order"), "a mail", 120)[0]
    assert mail["way"] == "mail"
    assert "· own" in mail["title"]
    assert "Strategy: mine/own" in mail["text"]
    hook = until(lambda: _titled(running.caught("/hooks/hook"), "开仓委托"), "a webhook")[0]
    assert hook["way"] == "webhook"
    assert "策略：mine/own" in hook["text"]
    for name in ("mail", "hook"):
        until(lambda name=name: _channel(running.kubectl, name) == {"Ready": ("True", "Sent")}, f"{name} is Ready")  # type: ignore[misc]
        until(lambda name=name: _told(running, name)[0] == ("Sent", ["Sent"]), f"the first of {name} is Sent")  # type: ignore[misc]
    page = httpx.get(running.catcher_url, timeout=10).text
    assert mail["title"] in page
    assert hook["title"] in page


def test_a_channel_with_a_wrong_token_says_so_falls_back_and_is_mended(
    running: RunningStack, own: tuple[str, str], robot: Vendor
) -> None:
    kubectl = running.kubectl
    spared = until(lambda: running.caught("/hooks/spare"), "what the fallback got", 120)[0]
    assert "· own" in spared["title"]
    refused = {"Ready": ("False", "Auth"), "Paused": ("True", "Paused")}
    until(lambda: _channel(kubectl, "robot") == refused, "its conditions")
    until(lambda: "Unauthorized" in kubectl("-n", "mine", "describe", "notificationchannel", "robot"), "the Event")
    assert "no-such-token" not in kubectl("-n", "mine", "get", "notificationchannels,events", "-o", "yaml")
    assert robot.received == []
    kubectl.apply(secret("robot", "mine", token=vendors.TELEGRAM_TOKEN, chatId=vendors.TELEGRAM_CHAT))
    # Within seconds, while its pause would last a minute and more.
    until(lambda: robot.received, "what waited", 30)
    until(lambda: _channel(kubectl, "robot") == {"Ready": ("True", "Sent")}, "it is Ready")
    state, attempts = until(lambda: [told for told in _told(running, "robot") if told[0] == "Sent"], "Sent")[0]
    assert (state, attempts[-1]) == ("Sent", "Sent")
    until(lambda: _told(running, "spare")[0] == ("Sent", ["Sent"]), "the first of the fallback is Sent")


def test_a_loss_limit_holds_a_bot_that_loses_and_says_so(running: RunningStack, own: tuple[str, str]) -> None:
    space, _ = own
    kubectl = running.kubectl
    limit = {"amount": "0.3", "currency": "USDT"}
    # It leaves at once and pays two fees for it; what some coins have risen by then, others have fallen.
    pairs = [f"{coin}/USDT" for coin in ("BTC", "ETH", "SOL", "XRP", "ADA", "DOGE", "LINK", "DOT")]
    exchange = {"name": "binance", "pairs": pairs}
    kubectl.apply(
        {
            "apiVersion": "btcwatcher.io/v1alpha1",
            "kind": "FleetSwitch",
            "metadata": {"name": "limit", "namespace": space},
            "spec": {
                "action": "PauseEntries",
                "strategies": ["loser"],
                "onLoss": limit,
                "reason": "it loses",
                "requestedBy": "desk",
            },
        },
        strategy("loser", space, exchange=exchange, stake={"maxOpenTrades": len(pairs)}),
    )
    kubectl("-n", space, "wait", "--for=condition=Complete", "fleetswitch/limit", "--timeout=300s", timeout=310)
    status = (kubectl.get("fleetswitch", "limit", space) or {})["status"]
    assert float(status["loss"]["amount"]) >= 0.3
    assert status["trippedAt"] <= status["startedAt"] <= status["completedAt"]
    assert _bot_says(running, space, "loser", "paused")
    titles = "Alert: Fleet switch mine.limit: PauseEntries begins"
    told = until(lambda: _titled(running.caught("desk@example.com"), titles), "a mail of the switch", 60)
    assert "USDT within 24h, the limit is 0.3; set by desk: it loses" in told[0]["text"]

    kubectl("-n", space, "delete", "fleetswitch", "limit")
    until(partial(_bot_says, running, space, "loser", "running"), "the bot goes on", 60)
    kubectl("-n", space, "delete", "strategy", "loser")


def _logs(kubectl: Kubectl, space: str, pod: str) -> str:
    return kubectl("-n", space, "logs", pod, "-c", "freqtrade")


BROKEN: list[tuple[str, Object, str, str]] = [
    ("unknown-class", strategy("unknown-class", "broken", cls="Nobody"), "StrategyNotFound", "Nobody"),
    (
        "no-import",
        strategy("no-import", "broken", f"import no_such_module\n{EAGER}"),
        "StrategyImportFailed",
        "no_such_module",
    ),
    (
        "raises",
        strategy(
            "raises", "broken", HOLDER.replace("return dataframe", "return dataframe['no_such_column']", 1), "Holder"
        ),
        "StrategyRaises",
        "no_such_column",
    ),
    (
        "no-exchange",
        strategy("no-exchange", "broken", exchange={"name": "nosuchexchange", "pairs": ["BTC/USDT"]}),
        "ExchangeUnknown",
        "nosuchexchange",
    ),
    ("no-timeframe", strategy("no-timeframe", "broken", timeframe="7m"), "TimeframeUnsupported", "7m"),
    (
        "no-stake",
        strategy("no-stake", "broken", stake={"currency": "XYZ"}),
        "StakeCurrencyUnsupported",
        "XYZ",
    ),
]


def _has_reason(kubectl: Kubectl, name: str, reason: str) -> bool:
    return condition(kubectl, "broken", name).get("reason") == reason


def test_broken_strategies_say_why_and_disturb_nobody(running: RunningStack, holder: tuple[str, str]) -> None:
    kubectl = running.kubectl
    port = (kubectl.get("strategy", "holder", "desk") or {})["status"]["port"]
    process = running.listener(port)
    kubectl.apply(namespace("broken"), *[manifest for _, manifest, _, _ in BROKEN])
    for name, _, reason, word in BROKEN:
        until(partial(_has_reason, kubectl, name, reason), reason, 120)
        invalid = condition(kubectl, "broken", name, "ConfigValid")
        assert (invalid["status"], invalid["reason"]) == ("False", reason)
        assert word in invalid["message"], "freqtrade's own words"
        assert condition(kubectl, "broken", name, "Stalled")["status"] == "True"
        assert reason in kubectl("-n", "broken", "describe", "strategy", name), "an Event tells of it"
    assert condition(kubectl, *holder)["status"] == "True"
    assert running.listener(port) == process, "the good one was not restarted"
    kubectl("delete", "namespace", "broken", "--timeout=90s", timeout=100)


def test_a_pair_the_exchange_does_not_have_is_named(running: RunningStack) -> None:
    kubectl = running.kubectl
    exchange = {"name": "binance", "pairs": ["ETH/USDT", "NOSUCH/USDT"]}
    kubectl.apply(namespace("pairs"), strategy("partly", "pairs", exchange=exchange))
    kubectl("-n", "pairs", "wait", "--for=condition=Ready", "strategy/partly", "--timeout=120s", timeout=130)
    invalid = condition(kubectl, "pairs", "partly", "ConfigValid")
    assert (invalid["status"], invalid["reason"]) == ("False", "PairsMissing")
    assert "NOSUCH/USDT" in invalid["message"]
    kubectl("delete", "namespace", "pairs", "--timeout=90s", timeout=100)


def test_a_killed_bot_is_back_with_its_trades(running: RunningStack, holder: tuple[str, str]) -> None:
    space, name = holder
    kubectl = running.kubectl
    port = (kubectl.get("strategy", name, space) or {})["status"]["port"]
    process = running.listener(port)
    os.kill(process, signal.SIGKILL)

    def is_back() -> bool:
        pod = kubectl.get("pod", f"{name}-0", space) or {}
        status = pod["status"]["containerStatuses"][0]
        return bool(status["ready"] and status["restartCount"] >= 1)

    until(is_back, "the bot is back", 90)
    assert running.listener(port) != process
    assert len(_open_trades(running, space, name)) == 2, "its trades are there again"
    assert len(running.signals(strategy=name, type="entry_fill")) == 2, "nothing was bought twice"


def test_a_killed_operator_stops_nothing_and_returns_without_a_write(
    running: RunningStack, holder: tuple[str, str]
) -> None:
    space, name = holder
    kubectl = running.kubectl
    kubectl("-n", space, "wait", "--for=condition=Ready", f"strategy/{name}", "--timeout=60s", timeout=70)
    port = (kubectl.get("strategy", name, space) or {})["status"]["port"]
    bot = running.listener(port)

    def versions() -> dict[str, str]:
        kinds = "strategies,statefulsets,services,secrets,persistentvolumeclaims,ingresses"
        return {
            f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
            for item in kubectl.list(kinds, space)
        }

    before = versions()
    operator = urlsplit(running.operator_url).port or 0
    killed = running.listener(operator)
    os.kill(killed, signal.SIGKILL)

    def back() -> bool:
        # From the node's own files: a real API server cannot ask the node agent for logs.
        logs = running.folder.glob("node/pods/*/containers/operator/logs/*.log")
        newest = max(logs, key=lambda log: log.stat().st_mtime)
        with contextlib.suppress(AssertionError):
            return running.listener(operator) != killed and '"event": "loaded"' in newest.read_text()
        return False

    until(back, "the operator is back", 60)
    assert running.listener(port) == bot
    # It is at work again once it has taken in something new.
    kubectl("-n", space, "annotate", "strategy", name, "note=hello")
    kubectl.patch("strategy", name, space, {"spec": {"expose": {"enabled": False}}})
    until(lambda: kubectl.get("ingress", name, space) is None, "the operator works")
    after = versions()
    changed = {key for key in before if after.get(key) != before[key]}
    assert changed == {f"Strategy/{name}", f"Ingress/{name}"}
    kubectl.patch("strategy", name, space, {"spec": {"expose": {"enabled": True}}})
    until(lambda: kubectl.get("ingress", name, space), "the Ingress is back")


def test_paused_and_back_without_a_restart(running: RunningStack, holder: tuple[str, str]) -> None:
    space, name = holder
    kubectl = running.kubectl
    kubectl("-n", space, "wait", "--for=condition=Ready", f"strategy/{name}", "--timeout=60s", timeout=70)
    process = running.listener((kubectl.get("strategy", name, space) or {})["status"]["port"])
    for state in ("Paused", "Running"):
        kubectl.patch("strategy", name, space, {"spec": {"state": state}})
        until(partial(_bot_says, running, space, name, state.lower()), f"the bot is {state}", 60)
    assert running.listener((kubectl.get("strategy", name, space) or {})["status"]["port"]) == process


def _bot_says(running: RunningStack, space: str, name: str, state: str) -> bool:
    return bool(_ask(running, space, name, "show_config")["state"] == state)


def _open_trades(running: RunningStack, space: str, name: str) -> list[Object]:
    trades: list[Object] = _ask(running, space, name, "status")
    return trades


def _ask(running: RunningStack, space: str, name: str, what: str) -> Any:
    """What the bot's own API answers through the ingress, asked with the bot's own credentials."""
    kubectl = running.kubectl
    secret = kubectl.get("secret", names.access_secret(name), space) or {}
    login = json.loads(base64.b64decode(secret["data"][names.API_SERVER_FILE]))["api_server"]
    url = urlsplit((kubectl.get("strategy", name, space) or {})["status"]["url"])
    answer = httpx.get(
        f"http://127.0.0.1:{url.port}/api/v1/{what}",
        headers={"Host": url.netloc},
        auth=(login["username"], login["password"]),
        timeout=10,
    )
    answer.raise_for_status()
    return answer.json()


def test_a_change_that_cannot_work_leaves_the_bot_trading(running: RunningStack, holder: tuple[str, str]) -> None:
    space, name = holder
    kubectl = running.kubectl
    kubectl("-n", space, "wait", "--for=condition=Ready", f"strategy/{name}", "--timeout=60s", timeout=70)
    process = running.listener((kubectl.get("strategy", name, space) or {})["status"]["port"])
    broken = HOLDER.replace("return dataframe", "return dataframe['no_such_column']", 1)
    kubectl.apply(strategy(name, space, broken, "Holder"))

    def judged() -> bool:
        return bool(condition(kubectl, space, name, "ConfigValid").get("reason") == "StrategyRaises")

    until(judged, "the Job's verdict", 120)
    assert "no_such_column" in condition(kubectl, space, name, "ConfigValid")["message"], "freqtrade's own words"
    assert "goes on" in condition(kubectl, space, name, "ConfigDrift")["message"]
    assert condition(kubectl, space, name)["status"] == "True"
    assert running.listener((kubectl.get("strategy", name, space) or {})["status"]["port"]) == process
    kubectl.apply(strategy(name, space, HOLDER, "Holder"))
    until(lambda: not condition(kubectl, space, name, "ConfigDrift"), "the old spec needs no trial", 30)


def test_a_changed_spec_restarts_the_bot_with_it(running: RunningStack, holder: tuple[str, str]) -> None:
    space, name = holder
    kubectl = running.kubectl
    changed = strategy(name, space, HOLDER, "Holder")
    changed["spec"]["stake"] = {"maxOpenTrades": 1}
    kubectl.apply(changed)
    generation = (kubectl.get("strategy", name, space) or {})["metadata"]["generation"]

    def runs_it() -> bool:
        ready = condition(kubectl, space, name)
        drift = condition(kubectl, space, name, "ConfigDrift")
        return bool(ready["status"] == "True" and ready["observedGeneration"] == generation and not drift)

    until(runs_it, "Ready of the new generation", 120)
    claims = kubectl.list("persistentvolumeclaims", space)
    assert [claim["status"]["phase"] for claim in claims] == ["Bound"]


@pytest.mark.full
def test_two_stacks_side_by_side(running: RunningStack, other_folder: Path) -> None:
    """A busy port is said and passed over; each has its own cluster; Ctrl-C leaves no process."""
    pool = "21100-21199" if running.real_api_server else "21000-21099"
    with stack.running(other_folder, pool, "--api-port", running.api_url.rpartition(":")[2]) as second:
        said = second.output.read_text()
        assert "is busy: the API is at" in said
        assert f"ports {pool} are in use" in said
        assert second.kubectl.run("get", "namespace", "desk").returncode != 0
        assert second.stop() == 0
    assert second.processes() == []


@pytest.mark.timeout(400)
def test_demo() -> None:
    done = subprocess.run(
        [REPOSITORY / ".venv" / "bin" / "btcwatcher-local", "demo", "--pool", "22000-22099"],
        check=False,
        capture_output=True,
        text=True,
        timeout=380,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all agree with the bots' own databases" in done.stdout
