"""Real servers that nothing may be sent to: they are never asked, whichever way a channel leads there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from btcwatcher_api.notifications.message import Message
from btcwatcher_api.notifications.senders import networks
from btcwatcher_api.notifications.senders.send import close, send
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.notification_channel import ChannelType, NotificationChannelSpec
from support import vendors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from btcwatcher_api.notifications.outcome import Outcome

pytestmark = pytest.mark.integration

SECRETS: Mapping[ChannelType, dict[str, str]] = {
    ChannelType.TELEGRAM: {"token": vendors.TELEGRAM_TOKEN, "chatId": vendors.TELEGRAM_CHAT},
    ChannelType.WECOM: {"key": vendors.WECOM_KEY},
    ChannelType.FEISHU: {"token": vendors.FEISHU_TOKEN},
}
MAIL = {"security": "none", "from": "bot@example.com", "to": "desk@example.com"}


class Listener:
    """Counts who connects, and hangs up."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0

    async def answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    there = Listener()
    async with await asyncio.start_server(there.answer, "127.0.0.1", 0) as server:
        there.port = server.sockets[0].getsockname()[1]
        yield there


@pytest.fixture(autouse=True)
async def usual() -> AsyncIterator[None]:
    yield
    networks.forbid(networks.networks_of(",".join(networks.FORBIDDEN)))
    await close()


@pytest.fixture
def loopback_forbidden() -> None:
    networks.forbid(networks.networks_of("10.0.0.0/8, 127.0.0.0/8, ::1/128"))


async def sent(kind: ChannelType, host: str, port: int) -> Outcome:
    """To a channel of this type that leads to the host."""
    endpoint, secret = "", SECRETS.get(kind)
    match kind:
        case ChannelType.EMAIL:
            secret = {**MAIL, "host": host.strip("[]"), "port": str(port)}
        case ChannelType.APPRISE:
            secret = {"url": f"json://{host}:{port}/hook"}
        case _:
            endpoint = f"http://{host}:{port}"
    spec = NotificationChannelSpec.model_validate(
        {"type": kind, "credentialsRef": {"name": "secret"}, "endpoint": endpoint}
    )
    return await send(spec, secret or {}, Message("title", "body", Priority.P0), timeout=5)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("kind", ChannelType)
@pytest.mark.usefixtures("loopback_forbidden")
async def test_a_server_that_may_not_be_reached_is_not_asked(kind: ChannelType, host: str, listener: Listener) -> None:
    outcome = await sent(kind, host, listener.port)
    assert listener.connections == 0
    assert outcome.fault_of_channel, outcome
    assert "BTCWATCHER_WORKER_FORBIDDEN_NETWORKS" in outcome.answer
    networks.forbid(())
    await sent(kind, host, listener.port)
    assert listener.connections > 0, "it is there"
