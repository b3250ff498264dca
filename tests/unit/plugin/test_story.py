"""What is told of a Strategy, from objects as the API server gives them."""

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

from btcwatcher_plugin.story import Around, story
from btcwatcher_plugin.story_text import line, line_heads, text

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
Object = dict[str, Any]


def strategy(*conditions: Object, generation: int = 2, **spec: Any) -> Object:
    return {
        "metadata": {
            "name": "ema",
            "namespace": "trading",
            "generation": generation,
            "creationTimestamp": "2026-11-25T12:00:00Z",
        },
        "spec": {
            "strategyName": "Ema",
            "timeframe": "5m",
            "mode": "DryRun",
            "state": "Running",
            "exchange": {"name": "binance", "pairs": [f"P{number}/USDT" for number in range(8)]},
            **spec,
        },
        "status": {
            "observedGeneration": 2,
            "port": 8081,
            "url": "https://ema.trading.bots.example.com/",
            "readyRevision": "r1",
            "conditions": list(conditions),
        },
    }


def told(kind: str, status: str, reason: str, message: str) -> Object:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-11-27T11:57:00Z",
    }


READY = told("Ready", "True", "Running", "it trades")
DRIFT = told("ConfigDrift", "True", "UpdateAvailable", "revision r2 waits; apply it with: kubectl annotate")


def stateful_set(revision: str) -> Object:
    return {"spec": {"template": {"metadata": {"labels": {"btcwatcher.io/revision": revision}}}}}


def pod(name: str, component: str, state: Object, **metadata: Any) -> Object:
    labels = {"app.kubernetes.io/component": component, "btcwatcher.io/revision": "r1"}
    return {
        "metadata": {"name": name, "labels": labels, "creationTimestamp": "2026-11-27T11:00:00Z", **metadata},
        "spec": {"nodeName": "node-a"},
        "status": {"phase": "Running", "containerStatuses": [{"name": "freqtrade", "restartCount": 2, "state": state}]},
    }


def test_a_bot_that_trades() -> None:
    claim = {"metadata": {"name": "ema-data"}, "spec": {}, "status": {"phase": "Bound", "capacity": {"storage": "1Gi"}}}
    shown = text(story(Around(strategy(READY), [pod("ema-0", "bot", {"running": {}})], stateful_set("r1"), claim)), NOW)
    assert "Ready      True, for 3m\n" in shown
    assert "Running: it trades" in shown
    assert "Ema on binance, 5m: P0/USDT, P1/USDT, P2/USDT, P3/USDT, P4/USDT, P5/USDT, and 2 more" in shown
    assert "r1, which the bot has been ready with" in shown
    assert "ema-0   bot    Running" in shown
    assert "ema-data   Bound    1Gi" in shown
    assert "Drift" not in shown
    assert "Not readable" not in shown


def test_a_config_that_waits_comes_with_what_applies_it() -> None:
    waits = story(Around(strategy(READY, DRIFT), stateful_set=stateful_set("r1")))
    assert waits.drift is not None
    assert waits.drift.command == "kubectl btcwatcher approve ema -n trading"
    assert "look at it and agree: kubectl btcwatcher approve ema -n trading" in text(waits, NOW)
    assert line(waits, NOW, namespaces=False)[-1] == "UpdateAvailable: revision r2 waits"
    tried = told("ConfigDrift", "True", "PreflightRunning", "it is tried")
    assert story(Around(strategy(READY, tried))).drift.command == ""  # type: ignore[union-attr]
    over = told("ConfigDrift", "False", "UpdateAvailable", "")
    assert story(Around(strategy(READY, over))).drift is None


def test_a_status_of_an_older_spec_says_so() -> None:
    assert "of an older spec" in text(story(Around(strategy(READY, generation=3))), NOW)
    assert "of an older spec" not in text(story(Around(strategy(READY))), NOW)


def test_a_strategy_that_no_operator_has_looked_at() -> None:
    bare: Object = {"metadata": {"name": "ema", "namespace": "trading"}, "spec": {}}
    shown = text(story(Around(bare)), NOW)
    assert "the operator has not looked at it yet" in shown
    assert "none yet" in shown
    assert len(line(story(Around(bare)), NOW, namespaces=True)) == len(line_heads(namespaces=True))


def test_what_keeps_a_container_from_running_is_the_pods_status() -> None:
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    pods = [
        pod("ema-0", "bot", waiting),
        pod("ema-r2-x", "preflight", {"running": {}}, deletionTimestamp="2026-11-27T11:59:00Z"),
    ]
    found = story(Around(strategy(READY), pods)).pods
    assert [(one.phase, one.role, one.restarts) for one in found] == [
        ("CrashLoopBackOff", "bot", 2),
        ("Terminating", "preflight", 2),
    ]


def test_proxies_are_in_the_strategys_order_and_a_missing_one_is_said() -> None:
    references = [{"name": "osaka"}, {"name": "tokyo"}, {"name": "seoul"}]
    exchange = {"name": "binance", "pairs": ["BTC/USDT"], "proxyRefs": references}
    healthy = {"type": "Healthy", "status": "True", "message": "answered in 80 ms"}
    proxies: list[Object] = [
        {"metadata": {"name": "tokyo"}, "status": {"conditions": [healthy]}},
        {"metadata": {"name": "seoul"}},
        {"metadata": {"name": "another"}},
    ]
    found = story(Around(strategy(READY, exchange=exchange), proxies=proxies)).proxies
    assert [(one.name, one.healthy) for one in found] == [("osaka", ""), ("tokyo", "True"), ("seoul", "Unknown")]


def test_events_of_all_ages_of_writers_are_in_order_and_the_last_ones_are_shown() -> None:
    def event(reason: str, **times: Any) -> Object:
        return {
            "metadata": {"creationTimestamp": "2026-11-27T10:00:00Z"},
            "involvedObject": {"kind": "Pod", "name": "ema-0"},
            "reason": reason,
            "message": "...",
            **times,
        }

    events = [
        event("Newest", series={"lastObservedTime": "2026-11-27T11:59:00.123456Z", "count": 4}),
        event("Middle", lastTimestamp="2026-11-27T11:30:00Z", count=2),
        event("First", eventTime="2026-11-27T11:00:00.000001Z", lastTimestamp=None),
        *[event(f"Old{number}") for number in range(9)],
    ]
    found = story(Around(strategy(READY), events=events))
    assert [one.reason for one in found.events[-3:]] == ["First", "Middle", "Newest"]
    assert [one.count for one in found.events[-3:]] == [1, 2, 4]
    shown = text(found, NOW)
    assert "(x4)" in shown
    assert "Old8" in shown
    assert "Old0" not in shown


def test_what_could_not_be_read_is_said() -> None:
    assert "Events: Forbidden" in text(story(Around(strategy(READY), unreadable=["Events: Forbidden"])), NOW)


def test_a_command_starts_without_the_heavy_libraries() -> None:
    """They would take longer than the command itself."""
    heavy = "pydantic", "kubernetes", "httpx", "yaml", "fastapi"
    probe = (
        "import sys; import btcwatcher_plugin.main, btcwatcher_plugin.status, btcwatcher_plugin.state;"
        f" print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
