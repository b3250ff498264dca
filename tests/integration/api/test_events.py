"""Events of a Strategy, as its page tells them."""

import secrets
from datetime import UTC, datetime
from typing import Any

import pytest

from btcwatcher_api.cluster.client import Cluster
from btcwatcher_api.page.strategy import events
from support.apiservers import ApiServer

pytestmark = pytest.mark.integration


def event(namespace: str, name: str, subject: str, **fields: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {"kind": "Strategy", "namespace": namespace, "name": subject},
        "reason": name.capitalize(),
        "type": "Normal",
        **fields,
    }


async def test_the_newest_come_first_whichever_way_they_tell_their_time(
    api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace = "n" + secrets.token_hex(4)
    where = f"/api/v1/namespaces/{namespace}/events"
    newer_way = {"reportingComponent": "operator", "reportingInstance": "one", "action": "Check"}
    api_server.ok("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    for one in (
        event(namespace, "old", "ema", eventTime="2026-11-27T12:00:00.000001Z", **newer_way),
        event(namespace, "new", "ema", lastTimestamp="2026-11-27T12:00:01Z", count=3, type="Warning", message="No."),
        event(namespace, "another", "other", lastTimestamp="2026-11-27T12:00:02Z"),
    ):
        api_server.ok("POST", where, one)
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig))
    cluster = Cluster()
    try:
        new, old = await events(cluster, namespace, "ema")
    finally:
        await cluster.close()
    assert new == {
        "at": datetime(2026, 11, 27, 12, 0, 1, tzinfo=UTC),
        "type": "Warning",
        "reason": "New",
        "message": "No.",
        "count": 3,
    }
    assert (old["at"], old["type"], old["message"], old["count"]) == (
        datetime(2026, 11, 27, 12, 0, 0, 1, tzinfo=UTC),
        "Normal",
        "",
        1,
    )
