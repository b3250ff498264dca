"""What bots ask for and use, side by side."""

from typing import Any

from btcwatcher_plugin.output import table
from btcwatcher_plugin.usage import Trading, heads, rows, usages

Object = dict[str, Any]


def strategy(name: str) -> Object:
    ready = {"type": "Ready", "status": "True", "reason": "Running"}
    return {"metadata": {"name": name, "namespace": "trading"}, "status": {"conditions": [ready]}}


def pod(strategy: str, *resources: Object) -> Object:
    containers = [{"name": str(number), "resources": one} for number, one in enumerate(resources)]
    return {
        "metadata": {"name": f"{strategy}-0", "namespace": "trading"},
        "spec": {"nodeName": "node-a", "containers": containers},
    }


def measured(strategy: str, cpu: str, memory: str) -> Object:
    containers = [{"name": "0", "usage": {"cpu": cpu, "memory": memory}}]
    return {"metadata": {"name": f"{strategy}-0", "namespace": "trading"}, "containers": containers}


ASKED = {"requests": {"cpu": "50m", "memory": "256Mi"}, "limits": {"memory": "768Mi"}}


def test_use_and_request_stand_side_by_side_and_are_added_up() -> None:
    strategies = [strategy("ema"), strategy("rsi"), strategy("idle")]
    pods = [pod("ema", ASKED, {"requests": {"cpu": "0.1"}}), pod("rsi", ASKED)]
    found = usages(strategies, pods, [measured("ema", "12345678n", "200Mi")])
    shown = table(heads(namespaces=False, trading=False), rows(found, None, namespaces=False)).splitlines()
    assert shown[1].split() == ["ema", "Running", "13m", "150m", "200Mi", "256Mi", "768Mi", "node-a"]
    assert shown[2].split() == ["rsi", "Running", "-", "50m", "-", "256Mi", "768Mi", "node-a"]
    assert shown[3].split() == ["idle", "Running", "-", "-", "-", "-", "-", "-"]
    assert shown[4].split() == ["3", "in", "all", "-", "13m", "200m", "200Mi", "512Mi", "1536Mi", "-"]


def test_trading_figures_of_a_bot_that_did_not_answer_are_empty() -> None:
    figures = {
        "open_trades": 2,
        "open_profit": "1.5",
        "closed_profit": "-30",
        "balance": "998.5000000000001",
        "currency": "USDT",
    }
    assert Trading.of({"trading": figures}) == Trading("2", "1.5 USDT", "-30 USDT", "998.5 USDT")
    assert Trading.of({"trading": {"reachable": False, "open_trades": None}}) == Trading("", "", "", "")
    assert Trading.of({"trading": None}) == Trading("", "", "", "")
    found = usages([strategy("ema")], [], [])
    assert len(rows(found, {}, namespaces=True)[0]) == len(heads(namespaces=True, trading=True))
