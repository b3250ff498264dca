"""`/api/v1/system` and `/api/v1/monitoring` on the embedded API server, without Prometheus and with one that answers
as its HTTP API is documented."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from btcwatcher_api.accounts.roles import Role
from support import desk as desks
from support import prometheus
from support.desk import Desk
from support.full import bot, node
from support.localcluster import eventually

pytestmark = pytest.mark.integration

SYSTEM = "/api/v1/system"
MONITORING = "/api/v1/monitoring"
THRESHOLD = "/api/v1/namespaces/default/configmaps/btcwatcher-capacity"


@pytest.fixture
async def desk(postgres_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desks.desk(postgres_url, tmp_path, port_range="8081-8090") as made:
        yield made


async def get(desk: Desk, path: str, **query: Any) -> Any:
    answer = await desk.ask("GET", path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def as_admin(desk: Desk, percent: Any) -> httpx.Response:
    assert desk.served.app is not None
    token = desk.served.app.state.signer.access_token(uuid4(), "ada", Role.ADMIN)
    headers = {"Authorization": f"Bearer {token}"}
    return await desk.ask(
        "POST", f"{SYSTEM}/capacity/alert-threshold", json={"threshold_percent": percent}, headers=headers
    )


def states(answer: Any) -> dict[str, str]:
    return {source["name"]: source["state"] for source in answer["sources"]}


async def known(desk: Desk, count: int = 1) -> None:
    async def ready() -> bool:
        return bool((await get(desk, "/api/v1/strategies/overview"))["ready"] == count)

    await eventually(ready)


async def test_capacity_is_what_nodes_give_and_pods_ask_for(desk: Desk) -> None:
    await node(desk)
    await bot(desk)
    await known(desk)
    told = await get(desk, f"{SYSTEM}/capacity")
    assert states(told) == {"watch": "ok", "kubernetes": "ok"}
    assert told["nodes"] == {"total": 1, "ready": 1, "schedulable": 1}
    assert told["resources"]["cpu"] == {"unit": "cores", "total": 2.0, "taken": 0.5, "free": 1.5, "ratio": 0.25}
    assert told["resources"]["memory"]["unit"] == "bytes"
    assert told["resources"]["memory"]["taken"] == 2**30
    assert told["ports"] == {"first": 8081, "last": 8090, "size": 10, "used": 1, "free": 9}
    assert (told["strategies"], told["pending_pods"]) == (1, 0)
    assert told["alert"]["threshold_percent"] == 80
    detailed = await get(desk, f"{SYSTEM}/capacity/detailed")
    assert (detailed["bots"], detailed["bots_cpu_cores"], detailed["bots_memory_bytes"]) == (1, 0.5, 2**30)
    assert [(one["name"], one["bots"]) for one in detailed["nodes"]] == [("node-1", 1)]
    pool = await get(desk, f"{SYSTEM}/port-pool")
    assert (pool["ports"], pool["waiting"]) == ([{"port": 8081, "strategy_id": "trading.ema-cross"}], [])


async def test_the_threshold_is_kept_in_the_cluster_and_told_as_a_metric(desk: Desk) -> None:
    refused = await desk.ask("POST", f"{SYSTEM}/capacity/alert-threshold", json={"threshold_percent": 70})
    assert refused.status_code == 403
    assert (await as_admin(desk, 0)).status_code == 422
    assert (await as_admin(desk, 5)).json() == {"threshold_percent": 5}
    assert (await desk.kubernetes.get(THRESHOLD)).json()["data"] == {"alertThresholdPercent": "5"}
    metrics = (await desk.ask("GET", "/metrics")).text
    assert "btcwatcher_capacity_alert_threshold_ratio 0.05" in metrics
    await node(desk)
    await bot(desk)
    await known(desk)
    alert = (await get(desk, f"{SYSTEM}/capacity"))["alert"]
    assert alert == {"threshold_percent": 5, "reached": True, "binding": "cpu", "utilization_percent": 25.0}
    assert (await get(desk, f"{MONITORING}/health-summary"))["capacity_short"] is True
    assert desk.audit()[0] == ("ada", "capacity.alert_threshold", "btcwatcher-capacity")
    # kubectl may change it as well; nonsense is the default.
    for said, percent in (("60", 60), ("much", 80), ("0", 80), ("1000", 80)):
        change = {"data": {"alertThresholdPercent": said}}
        headers = {"Content-Type": "application/merge-patch+json"}
        assert (await desk.kubernetes.patch(THRESHOLD, json=change, headers=headers)).status_code == 200
        assert (await get(desk, f"{SYSTEM}/capacity"))["alert"]["threshold_percent"] == percent


async def test_without_prometheus_it_is_said(desk: Desk) -> None:
    await node(desk)
    await bot(desk)
    await known(desk)
    told = await get(desk, f"{SYSTEM}/capacity/utilization-trend")
    assert states(told)["prometheus"] == "not configured"
    assert "BTCWATCHER_PROMETHEUS_URL" in told["sources"][-1]["detail"]
    system = await get(desk, f"{MONITORING}/system")
    assert states(system) == {"kubernetes": "ok", "prometheus": "not configured"}
    assert (system["nodes"][0]["name"], system["nodes"][0]["usage"]) == ("node-1", None)
    bots = await get(desk, f"{MONITORING}/strategies")
    assert states(bots)["prometheus"] == "not configured"
    line = bots["items"][0]
    assert (line["id"], line["node"], line["phase"], line["restarts"]) == ("trading.ema-cross", "node-1", "Pending", 0)
    assert (line["since"], line["cpu_cores"], line["memory_bytes"]) == ("2026-11-23T00:00:00Z", None, None)
    assert line["trading"] is None
    health = await get(desk, f"{SYSTEM}/health")
    assert health["ok"] is True, health
    assert states(health) == {"prometheus": "not configured"}


async def test_troubles_are_listed(desk: Desk) -> None:
    await node(desk, ready=False)
    await desk.create("waits")
    await desk.listed(1)
    told = await get(desk, f"{MONITORING}/health-summary")
    assert (told["ok"], told["strategies"], told["ready"], told["nodes_not_ready"]) == (False, 1, 0, ["node-1"])
    assert told["troubled"][0]["id"] == "trading.waits"
    assert "operator" in told["troubled"][0]["message"]


async def test_statistics_are_numbers(desk: Desk) -> None:
    await bot(desk)
    await known(desk)
    told = await get(desk, f"{SYSTEM}/statistics")
    assert (told["strategies"]["total"], told["signals_24h"]["total"]) == (1, 0)
    assert told["database_size_bytes"] > 1_000_000
    assert told["uptime_seconds"] >= 0


async def _cells(desk: Desk, name: str) -> dict[str, list[str]]:
    """What the row of a Strategy in the page's table says, by the cell's last class."""
    http = desk.served.http
    account = {"username": "ada", "password": "correct horse battery"}
    await http.post("/first-account", data=account, headers={"Origin": "http://api.test"})
    page = (await http.get("/")).text
    row = page.partition(f'data-id="trading.{name}"')[2].partition("</tr>")[0]
    found: dict[str, list[str]] = {}
    for kind, text in re.findall(r'<td class="([^"]*)"[^>]*>(.*?)</td>', row, re.DOTALL):
        found.setdefault(kind.split()[-1], []).append(re.sub(r"<[^>]*>", "", text).strip())
    return found


TRADING = {
    "btcwatcher_bot_reachable": "1",
    "btcwatcher_bot_open_trades": "2",
    "btcwatcher_bot_open_profit": "-1.25e-05",
    "btcwatcher_bot_balance": "1003.7",
    "btcwatcher_bot_last_process_timestamp_seconds": "1795000000",
}


def answer(path: str, form: dict[str, str]) -> tuple[int, Any]:
    query = form["query"]
    if path.endswith("query_range"):
        return 200, prometheus.matrix((1795000000, "0.25"), (1795000060.5, "NaN"), (1795000120, "0.5"))
    if "node_cpu" in query:
        return 200, prometheus.vector(({"instance": "10.0.0.7:9100"}, "1.5"), ({"instance": "other:9100"}, "9"))
    if "container_memory" in query:
        return 200, prometheus.vector(({"namespace": "trading", "pod": "ema-cross-0"}, "216006656"))
    if query in TRADING:
        labels = {"namespace": "trading", "name": "ema-cross", "currency": "USDT"}
        return 200, prometheus.vector((labels, TRADING[query]))
    return 200, prometheus.vector()


async def test_with_prometheus_there_are_figures(postgres_url: str, tmp_path: Path) -> None:
    token = tmp_path / "prometheus.token"
    token.write_text("prometheus-token\n")
    async with (
        prometheus.answering(answer) as (url, asked),
        desks.desk(postgres_url, tmp_path, prometheus_url=url, prometheus_token_file=token) as desk,
    ):
        await node(desk)
        await bot(desk)
        await known(desk)
        system = await get(desk, f"{MONITORING}/system")
        assert states(system) == {"kubernetes": "ok", "prometheus": "ok"}
        usage = system["nodes"][0]["usage"]
        assert (usage["cpu_cores"], usage["memory_bytes"]) == (1.5, None)
        line = (await get(desk, f"{MONITORING}/strategies"))["items"][0]
        assert (line["cpu_cores"], line["memory_bytes"]) == (None, 216006656)
        assert line["trading"] == {
            "reachable": True,
            "open_trades": 2,
            "open_profit": "-0.0000125",
            "closed_profit": None,
            "balance": "1003.7",
            "currency": "USDT",
            "last_process_at": "2026-11-18T11:06:40Z",
        }
        cells = await _cells(desk, "ema-cross")
        assert (cells["trades"], cells["profit"]) == (["2"], ["–open -0.00001250"])
        trend = await get(desk, f"{SYSTEM}/capacity/utilization-trend", hours=2, points=10)
        series = {one["name"]: one for one in trend["series"]}
        assert (series["cpu_used"]["unit"], series["cpu_used"]["source"]) == ("ratio", "prometheus")
        assert (series["cpu_used"]["peak"]["value"], series["cpu_used"]["average"]) == (0.5, 0.375)
        assert [point["value"] for point in series["cpu_used"]["points"]] == [0.25, 0.5]
        last = asked[-1]
        assert float(last["step"]) == 720
        assert float(last["end"]) - float(last["start"]) == pytest.approx(7200)
        assert {one["authorization"] for one in asked} == {"Bearer prometheus-token"}
        assert (await get(desk, f"{SYSTEM}/health"))["ok"] is True


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (503, "busy", "it answered 503"),
        (400, {"status": "error", "errorType": "bad_data", "error": "parse error"}, "parse error"),
        (200, "<html>", "not Prometheus' JSON"),
        (200, {"status": "success", "data": {}}, "not Prometheus' JSON"),
        (200, ["list"], "not Prometheus' JSON"),
    ],
)
async def test_what_prometheus_refuses_is_said(
    postgres_url: str, tmp_path: Path, status: int, body: Any, said: str
) -> None:
    async with (
        prometheus.answering(lambda *_: (status, body)) as (url, _),
        desks.desk(postgres_url, tmp_path, prometheus_url=url) as desk,
    ):
        told = await get(desk, f"{SYSTEM}/capacity/utilization-trend")
        assert states(told)["prometheus"] == "unavailable"
        assert said in told["sources"][-1]["detail"]
        assert (await get(desk, f"{SYSTEM}/health"))["ok"] is False


async def test_prometheus_or_kubernetes_away(postgres_url: str, tmp_path: Path) -> None:
    async with desks.desk(postgres_url, tmp_path, prometheus_url="http://127.0.0.1:9") as desk:
        assert states(await get(desk, f"{SYSTEM}/capacity/utilization-trend"))["prometheus"] == "unavailable"
        assert desk.served.app is not None
        kubeconfig = Path(os.environ["KUBECONFIG"])
        kubeconfig.write_text(kubeconfig.read_text().replace(desk.serving.url, "http://127.0.0.1:9"))
        await desk.served.app.state.cluster.close()
        told = await get(desk, f"{SYSTEM}/capacity")
        assert (states(told)["kubernetes"], told["nodes"], told["resources"]) == ("unavailable", None, None)
        detailed = await get(desk, f"{SYSTEM}/capacity/detailed")
        assert (states(detailed), detailed["fleet"]) == (
            {"kubernetes": "unavailable", "fleetcapacity": "unavailable"},
            None,
        )
        assert told["ports"]["free"] == 1000
        assert (await get(desk, f"{MONITORING}/health-summary"))["ok"] is False
