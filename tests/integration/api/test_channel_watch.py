"""NotificationChannels as the cluster has them decide whom a signal is told to, and a cluster without them is fine."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from structlog.testing import capture_logs

from btcwatcher_api.cluster import watch
from support import api
from support.api import FREQTRADE, STRATEGY, Api
from support.api_cluster import Cluster
from support.kubectl import REPOSITORY

pytestmark = pytest.mark.integration

ENTRY = {**FREQTRADE["entry"], "enter_tag": "pulse:0.83"}
CHANNELS = "/apis/btcwatcher.io/v1alpha1/namespaces/trading/notificationchannels"


async def define_channels(cluster: Cluster) -> None:
    definition = yaml.safe_load((REPOSITORY / "crds" / "btcwatcher.io_notificationchannels.yaml").read_text())
    answer = await cluster.http.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=definition)
    assert answer.status_code == 201, answer.text


async def make_channel(cluster: Cluster, name: str, **spec: Any) -> None:
    spec = {"type": "WeCom", "credentialsRef": {"name": "robot"}, **spec}
    body = {
        "apiVersion": "btcwatcher.io/v1alpha1",
        "kind": "NotificationChannel",
        "metadata": {"name": name, "namespace": "trading"},
        "spec": spec,
    }
    answer = await cluster.http.post(CHANNELS, json=body)
    assert answer.status_code == 201, answer.text


async def becomes(true: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    for _ in range(200):
        found = true()
        if found if isinstance(found, bool) else await found:
            return
        await asyncio.sleep(0.05)
    raise AssertionError


def told(url: str, answer: httpx.Response) -> list[tuple[str, str, str]]:
    """Strategy, namespace and channel of the signal's deliveries."""
    assert answer.status_code == 202, answer.text
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT strategy, channel_namespace, channel FROM deliveries WHERE subject_id = %s ORDER BY channel",
            (answer.json()["id"],),
        ).fetchall()


async def test_a_cluster_that_does_not_know_channels_has_none_until_it_does(
    cluster: Cluster, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setattr(watch, "_ABSENT_SECONDS", 0.1)
    await cluster.define()
    await cluster.apply(notify={"channels": ["desk"]})
    with capture_logs() as logs:
        async with api.running(postgres_url, tmp_path, watch=True) as served:
            await becomes(lambda: served.registry.get(STRATEGY) is not None and served.channels.synced)
            ready = await served.http.get("/readyz")
            assert (ready.status_code, all(check["ok"] for check in ready.json()["checks"])) == (200, True)
            named = await served.send(ENTRY)
            assert told(postgres_url, named) == [("trading.ema-cross", "trading", "desk")], "seen, though not there"
            await asyncio.sleep(0.5)
            await define_channels(cluster)
            await make_channel(cluster, "all", strategies={"selector": {}})
            await becomes(lambda: len(served.channels) == 1)
            both = await served.send({**ENTRY, "trade_id": "2"})
            assert [row[2] for row in told(postgres_url, both)] == ["all", "desk"]
            assert (await cluster.http.delete(f"{CHANNELS}/all")).status_code == 200
            await becomes(lambda: len(served.channels) == 0)
            assert [row[2] for row in told(postgres_url, await served.send({**ENTRY, "trade_id": "3"}))] == ["desk"]
    assert sum("does not know the kind NotificationChannel" in line["event"] for line in logs) == 1


async def test_until_the_channels_are_known_a_signal_is_sent_again(served: Api) -> None:
    served.channels._synced = False
    answer = await served.send(ENTRY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["detail"] == "the NotificationChannels are not known yet: try again"
    [check] = [one for one in (await served.http.get("/readyz")).json()["checks"] if not one["ok"]]
    assert check["name"] == "channels"
    served.channels._synced = True
    assert (await served.send(ENTRY)).status_code == 202
