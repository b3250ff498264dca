"""What `kubectl btcwatcher` shows and changes, on an API server with a real operator."""

import base64
import json
import os
import pty
import re
import subprocess
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest

from btcwatcher_crds.names import ANNOTATION_RESTARTED_AT
from support.apiservers import ApiServer
from support.kubectl import until
from support.plugin import Desk, Object, Plugin

pytestmark = pytest.mark.integration


def test_status_tells_the_whole_story_of_one_strategy(trading: tuple[Desk, str]) -> None:
    desk, revision = trading
    text = desk("status", "ema")
    assert f"{desk.namespace}/ema" in text
    assert "Running: the bot's API answers" in text
    assert f"{revision}, which the bot has been ready with" in text
    told = desk.told("ema")
    assert (told["ready"], told["reason"], told["state"]) == ("True", "Running", "Running")
    assert told["port"] == desk.strategy()["status"]["port"]
    assert told["url"] in text
    assert [pod["name"] for pod in told["pods"]] == ["ema-0"]
    assert told["volume"]["name"] == "ema-data"
    assert {"ConfigValid", "StorageReady"} <= {one["type"] for one in told["conditions"]}
    assert "PortAssigned" in {event["reason"] for event in told["events"]}
    assert "PortAssigned" in text
    assert "Not readable" not in text


def test_status_without_a_name_has_a_line_for_each(trading: tuple[Desk, str]) -> None:
    desk, revision = trading
    heads, line = desk("status").splitlines()
    assert heads.split()[:3] == ["NAME", "READY", "REASON"]
    assert line.split()[:3] == ["ema", "True", "Running"]
    assert revision in line
    assert desk("status", "-l", "desk=crypto").splitlines()[1:] != []
    assert "ema" in desk.plugin("status", "-A", "-o", "yaml")
    assert desk.plugin("status", "-A").splitlines()[0].startswith("NAMESPACE")


def test_suspend_pause_and_resume_set_the_state_and_say_what_that_does(desk: Desk) -> None:
    desk.apply()
    assert "Running -> Paused: it opens no new trades" in desk("pause", "ema")
    assert desk.strategy()["spec"]["state"] == "Paused"
    assert "is Paused already" in desk("pause", "ema")
    assert "Paused -> Suspended (dry run: nothing was changed)" in desk("suspend", "ema", "--dry-run=server")
    assert desk.strategy()["spec"]["state"] == "Paused"
    assert "Paused -> Suspended" in desk("suspend", "-l", "desk=crypto")
    assert desk.strategy()["spec"]["state"] == "Suspended"
    until(lambda: desk.condition("Ready").get("reason") == "Suspended", "the operator has done it")
    assert "it is suspended" in desk.refused("restart", "ema")
    assert "Suspended -> Running" in desk("resume", "--all")
    assert desk.strategy()["spec"]["state"] == "Running"
    fields = desk.kubectl("-n", desk.namespace, "get", "strategy", "ema", "-o", "yaml", "--show-managed-fields")
    assert "manager: kubectl-btcwatcher" in fields


def test_nothing_is_changed_where_nothing_says_what(desk: Desk) -> None:
    desk.apply()
    assert "say which Strategies" in desk.refused("suspend")
    assert "there are no Strategies with the labels desk=none" in desk.refused("suspend", "-l", "desk=none")
    assert "not both" in desk.refused("suspend", "ema", "-l", "desk=crypto")
    assert "See which there are: kubectl btcwatcher status -A" in desk.refused("suspend", "emma")
    assert desk.strategy()["spec"]["state"] == "Running"


def test_of_real_money_it_asks_before_it_suspends(desk: Desk) -> None:
    desk.apply(mode="Live", exchange={"name": "binance", "pairs": ["BTC/USDT"], "credentialsRef": {"name": "keys"}})
    words = desk.refused("suspend", "ema")
    assert "nobody looks after its open trades" in words
    assert "there is no terminal to ask at" in words
    assert answered(desk, "n", "suspend", "ema") == 1
    assert desk.strategy()["spec"]["state"] == "Running"
    assert answered(desk, "y", "suspend", "ema") == 0
    assert desk.strategy()["spec"]["state"] == "Suspended"
    desk("resume", "ema")
    desk("suspend", "ema", "-y")
    assert desk.strategy()["spec"]["state"] == "Suspended"


def test_restart_asks_the_operator_for_one(desk: Desk) -> None:
    desk.apply()
    until(lambda: desk.kubectl.get("statefulset", "ema", desk.namespace), "a StatefulSet")
    desk("restart", "ema", "--dry-run=server")
    assert desk.annotation(ANNOTATION_RESTARTED_AT) == ""
    assert "restarts" in desk("restart", "ema")
    asked = desk.annotation(ANNOTATION_RESTARTED_AT)
    assert asked

    def template() -> str:
        found = desk.kubectl.get("statefulset", "ema", desk.namespace) or {}
        annotation: str = found["spec"]["template"]["metadata"].get("annotations", {}).get(ANNOTATION_RESTARTED_AT, "")
        return annotation

    until(lambda: template() == asked, "the StatefulSet is to start its pod anew")


def test_a_changed_config_that_waits_is_shown_and_applied_once_it_is_agreed_to(desk: Desk) -> None:
    first = desk.ready(updateStrategy="Manual")
    assert "no changed config waits" in desk.refused("approve", "ema")
    desk.apply(updateStrategy="Manual", timeframe="15m")
    until(lambda: desk.condition("ConfigDrift").get("reason") == "UpdateAvailable", "the change waits")
    text = desk("status", "ema")
    assert f"look at it and agree: kubectl btcwatcher approve ema -n {desk.namespace}" in text
    assert "a restart would apply it" in desk.refused("restart", "ema")
    done = desk.plugin.run("approve", "ema", "-n", desk.namespace)
    assert done.returncode == 1
    assert f"revision {first} runs" in done.stdout
    assert "timeframe: 5m -> 15m" in done.stdout
    assert "there is no terminal to ask at" in done.stderr
    assert desk.annotation(ANNOTATION_RESTARTED_AT) == ""
    assert "approved" in desk("approve", "ema", "-y")
    until(lambda: desk.condition("ConfigDrift").get("reason") == "PreflightRunning", "the change is tried")
    assert "does not wait for you: PreflightRunning" in desk.refused("approve", "ema")
    assert desk.told("ema")["drift"]["command"] == ""


def test_logs_say_why_there_are_none(desk: Desk) -> None:
    desk.apply(state="Suspended")
    words = desk.refused("logs", "ema")
    assert f"{desk.namespace}/ema has no pod, and so no log" in words
    assert f"kubectl btcwatcher resume ema -n {desk.namespace}" in words
    assert "is being tried" in desk.refused("logs", "ema", "--trial")


def test_top_shows_what_bots_ask_for_and_says_why_use_is_not_known(trading: tuple[Desk, str]) -> None:
    desk, _ = trading
    done = desk.plugin.run("top", "-n", desk.namespace)
    heads, line = done.stdout.splitlines()
    assert dict(zip(heads.split(), line.split(), strict=True)) == {
        "NAME": "ema",
        "REASON": "Running",
        "CPU": "-",
        "CPU-REQUEST": "50m",
        "MEMORY": "-",
        "MEMORY-REQUEST": "256Mi",
        "MEMORY-LIMIT": "768Mi",
        "NODE": "-",
    }
    assert "the cluster has no metrics server" in done.stderr


def test_a_report_holds_no_secret_and_says_what_it_could_not_read(desk: Desk, tmp_path: Path) -> None:
    secrets = {"key": "exchange-key-0001", "password": "proxy pass/word 2", "token": "channel-token-0003"}
    planted = base64.b64encode(secrets["key"].encode()).decode()
    for name, data in (
        ("keys", {"key": secrets["key"], "secret": secrets["key"][::-1]}),
        ("proxy", {"url": f"socks5://me:{quote(secrets['password'], safe='')}@10.0.0.9:1080"}),
        ("channel", {"bot-token": secrets["token"]}),
    ):
        metadata = {"name": name, "namespace": desk.namespace}
        desk.kubectl.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})
    reference: Object = {"urlSecretRef": {"name": "proxy", "key": "url"}}
    described: Object = {"name": "tokyo", "namespace": desk.namespace, "annotations": {"note": f"it was {planted}"}}
    desk.kubectl.apply(
        {"apiVersion": "btcwatcher.io/v1alpha1", "kind": "Proxy", "metadata": described, "spec": reference}
    )
    desk.ready(
        source={"inline": "class Ema: my_edge = 42"},
        exchange={"name": "binance", "pairs": ["BTC/USDT"], "credentialsRef": {"name": "keys"}},
        config={"external": {"api_key": "config-secret-0004"}},
    )
    access = desk.kubectl.get("secret", "ema-access", desk.namespace) or {}
    derived = [base64.b64decode(value).decode() for value in access["data"].values()]
    tokens = {word for text in derived for word in re.findall(r"\bk[A-Za-z0-9_-]{43}\b", text)}
    assert tokens, "the bot's own credentials"

    target = tmp_path / "report.tar.gz"
    done = desk.plugin.run("report", "-n", desk.namespace, "-f", str(target))
    assert done.returncode == 0, done.stderr
    assert f"written: {target}" in done.stdout
    assert target.stat().st_mode & 0o077 == 0
    with tarfile.open(target) as archive:
        files = {entry.name.partition("/")[2]: archive.extractfile(entry).read().decode() for entry in archive}  # type: ignore[union-attr]
    assert {"README.txt", "versions.json", "objects/strategies.json", "objects/pods.json"} <= set(files)
    whole = "\n".join(files.values())
    for value in (*secrets.values(), secrets["key"][::-1], "config-secret-0004", "my_edge", planted, *tokens):
        assert value not in whole
        assert base64.b64encode(value.encode()).decode() not in whole
    told = {item["metadata"]["name"] for item in json.loads(files["objects/secrets.json"])["items"]}
    assert {"keys", "ema-access"} <= told
    assert "PortAssigned" in files["objects/events.json"]
    assert json.loads(files["objects/statefulsets.json"])["items"][0]["metadata"]["name"] == "ema"
    assert "is there already" in desk.refused("report", "-f", str(target))


def test_a_cluster_without_btc_watcher_is_told_as_such(embedded_api_server: ApiServer) -> None:
    plugin = Plugin(embedded_api_server.kubeconfig)
    assert "BTC Watcher is not installed in this cluster" in plugin.refused("status")


def test_a_cluster_that_does_not_answer_is_told_in_a_sentence(desk: Desk, tmp_path: Path) -> None:
    nowhere = tmp_path / "kubeconfig"
    nowhere.write_text(desk.kubectl.kubeconfig.read_text().replace("server: ", "server: https://127.0.0.1:1 # "))
    words = Plugin(nowhere).refused("status")
    assert "does it run, and is KUBECONFIG its .local/kubeconfig?" in words
    assert "memcache.go" not in words


def test_kubectls_own_options_reach_kubectl(trading: tuple[Desk, str]) -> None:
    desk, _ = trading
    assert 'context "elsewhere" does not exist' in desk.refused("status", "--context=elsewhere")
    assert 'auth info "elsewhere" does not exist' in desk.refused("status", "--user=elsewhere")


def answered(desk: Desk, answer: str, *arguments: str) -> int:
    """The exit status, of somebody who answers at a terminal."""
    ours, theirs = pty.openpty()
    command = ["kubectl", "btcwatcher", *arguments, "-n", desk.namespace]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=desk.plugin.environment
    ) as process:
        os.write(ours, f"{answer}\n".encode())
        status = process.wait(60)
    os.close(ours)
    os.close(theirs)
    return status
