"""From a metric to a person's phone: a real Prometheus with our rules, a real Alertmanager with the configuration of
docs/notifications.md, the API, Postgres, the worker; Telegram is on loopback."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from btcwatcher_api.accounts.roles import Role
from btcwatcher_local.loopback import free_port
from btcwatcher_operator.brake import Brake
from btcwatcher_operator.endpoint import served as operator_serves
from btcwatcher_operator.metrics import Metrics
from btcwatcher_operator.ports import PortPool
from btcwatcher_operator.store import Key, Store
from support import alerts, api, monitoring
from support.api import Api
from support.notifications import TABLES, Queue, Vendor, channel, until, working

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(monitoring.binary() is None, reason=monitoring.MISSING),
    pytest.mark.skipif(monitoring.no_alertmanager(), reason=monitoring.NO_ALERTMANAGER),
]

PATH = "/api/v1/notifications/alertmanager"
STRATEGY = "BTCWatcherStrategyNotReady"
PLATFORM = "BTCWatcherWebhookErrors"
_SOON = {"groupWait": "1s", "groupInterval": "1s"}
CHANNELS = [
    channel("desk", strategies={}, grouping=_SOON),
    channel("all", strategies={"namespaces": ["*"]}, grouping=_SOON),
    channel("own", grouping=_SOON),
]


@dataclass
class Operator:
    """Its own metrics, of a store that a test fills."""

    store: Store = field(default_factory=Store)
    url: str = ""
    _version: int = 0

    def sees(self, *, ready: bool) -> None:
        self._version += 1
        key = Key("trading", "ema-cross")
        condition = {"type": "Ready", "status": "True" if ready else "False"}
        self.store.put(
            {
                "kind": "Strategy",
                "metadata": {**key._asdict(), "uid": "u", "resourceVersion": str(self._version)},
                "spec": {"mode": "Live", "state": "Running", "exchange": {"name": "binance"}},
                "status": {"conditions": [{**condition, "reason": "Running" if ready else "CredentialsMissing"}]},
            }
        )


@contextlib.asynccontextmanager
async def entered(context: AbstractContextManager[str]) -> AsyncIterator[str]:
    """While it waits for a server, this loop goes on serving."""
    value = await asyncio.to_thread(context.__enter__)
    try:
        yield value
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)


@pytest.fixture
async def operator() -> AsyncIterator[Operator]:
    operator, metrics = Operator(), Metrics()
    metrics.watch(operator.store, PortPool(8081, 8090), Brake(5, operator.store.count), lambda: 0)
    operator.sees(ready=True)
    port = free_port()
    async with operator_serves("127.0.0.1", port, metrics, lambda: True, lambda: None):
        operator.url = f"127.0.0.1:{port}"
        yield operator


@pytest.fixture
async def served(postgres_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"TRUNCATE {TABLES}, users, api_keys, audit_log CASCADE")
        connection.execute(
            "INSERT INTO users (id, username, password_hash, role) VALUES (%s, 'root', '', 'admin')", (UUID(int=1),)
        )
    async with api.running(postgres_url, tmp_path, **api.signing_key(tmp_path)) as running:
        running.channels.replace(CHANNELS)
        yield running


async def key_of(served: Api) -> str:
    assert served.app is not None
    token = served.app.state.signer.access_token(UUID(int=1), "root", Role.ADMIN)
    answer = await served.http.post(
        "/api/v1/auth/keys",
        json={"name": "alertmanager", "role": "trader"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


def posts(alertmanager: str) -> int:
    """How often it has told the API."""
    text = httpx.get(f"{alertmanager}/metrics").text
    found = re.search(r'^alertmanager_notifications_total{integration="webhook"} (\S+)$', text, re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


async def test_an_alert_of_our_rules_reaches_its_channel_once_and_its_end_once(
    served: Api, operator: Operator, telegram: Vendor, postgres_url: str, tmp_path: Path
) -> None:
    key_file = tmp_path / "btcwatcher.key"
    key_file.write_text(await key_of(served))
    assert served.app is not None
    queue = Queue(postgres_url)
    sent = [{**one, "spec": {**one["spec"], "endpoint": telegram.url}} for one in CHANNELS]

    def told() -> list[tuple[str, str, bool]]:
        return [
            (row["title"], row["channel"], row["resolved"])
            for row in queue.rows(
                "SELECT title, channel, resolved FROM deliveries d JOIN notices n ON n.id = d.subject_id"
                " WHERE d.state = 'Sent' ORDER BY n.created_at, title, channel"
            )
        ]

    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(api.listening(served.app))
        await stack.enter_async_context(working(postgres_url, sent))
        address = f"127.0.0.1:{api.port_of(server)}"

        # As documented, but for addresses and times.
        config = alerts.documented("route:")
        config["route"] |= {"group_wait": "1s", "group_interval": "1s", "repeat_interval": "1s"}
        (hook,) = config["receivers"][0]["webhook_configs"]
        hook["url"] = f"http://{address}{PATH}"
        hook["http_config"]["authorization"]["credentials_file"] = str(key_file)
        alertmanager = await stack.enter_async_context(entered(monitoring.alerting(tmp_path / "am", config)))

        more = alerts.documented("rule_files:")
        more["rule_files"] = [str(alerts.quick(tmp_path, STRATEGY, PLATFORM))]
        more["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager.removeprefix("http://")]
        jobs = [monitoring.job("btcwatcher-api", address), monitoring.job("btcwatcher-operator", operator.url)]
        prometheus = await stack.enter_async_context(entered(monitoring.scraping(tmp_path / "prom", jobs, **more)))

        # Somebody's token is wrong, and a bot has lost its Secret.
        wrong = await served.http.post(api.webhook(), json={}, auth=("trading.ema-cross", "wrong"))
        assert wrong.status_code == 401
        operator.sees(ready=False)
        fired = [(PLATFORM, "all", False), (STRATEGY, "all", False), (STRATEGY, "desk", False)]
        await until(lambda: sorted(told()) == sorted(fired), lambda: (told(), _alerts(prometheus)))

        # Alertmanager repeats itself each second: nobody hears of it again.
        seen = posts(alertmanager)
        await until(lambda: posts(alertmanager) >= seen + 4)
        assert sorted(told()) == sorted(fired)

        operator.sees(ready=True)
        for number in range(40):
            body = {**api.FREQTRADE["entry_fill"], "trade_id": number}
            assert (await served.send(body)).status_code == 202
        over = [(title, to, True) for title, to, _ in fired]
        await until(lambda: sorted(told()) == sorted([*fired, *over]), lambda: (told(), _alerts(prometheus)))

    (notice,) = queue.rows(f"SELECT * FROM notices WHERE title = '{STRATEGY}' AND NOT resolved")  # noqa: S608
    assert (notice["namespace"], notice["strategy"], notice["priority"]) == ("trading", "ema-cross", 0)
    assert notice["author"] == "key:alertmanager"
    assert notice["body"] == (
        "Strategy trading/ema-cross (Live) has not been Ready for 15 minutes: CredentialsMissing."
    )
    (platform,) = queue.rows(f"SELECT * FROM notices WHERE title = '{PLATFORM}' AND NOT resolved")  # noqa: S608
    assert (platform["namespace"], platform["strategy"], platform["priority"]) == ("", None, 1)
    assert "401" in platform["body"]
    texts = [text for text in telegram.texts() if STRATEGY in text]
    assert len(texts) == 4, "two channels, its beginning and its end"
    assert telegram.taken == telegram.came


def _alerts(prometheus: str) -> Any:
    return httpx.get(f"{prometheus}/api/v1/alerts").json()["data"]
