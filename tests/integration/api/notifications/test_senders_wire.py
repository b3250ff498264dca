"""Every sender over a real wire, against servers that answer as the vendors' documents say."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from btcwatcher_api.notifications.message import Message
from btcwatcher_api.notifications.senders.send import close, send
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import ChannelType, Language, NotificationChannelSpec
from support import vendors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from btcwatcher_api.notifications.outcome import Outcome
    from support.vendors import Vendor

SECRETS = {
    ChannelType.TELEGRAM: {"token": vendors.TELEGRAM_TOKEN, "chatId": vendors.TELEGRAM_CHAT},
    ChannelType.WECOM: {"key": vendors.WECOM_KEY},
    ChannelType.FEISHU: {"token": vendors.FEISHU_TOKEN, "secret": vendors.FEISHU_SECRET},
}
SERVERS = {
    ChannelType.TELEGRAM: vendors.telegram,
    ChannelType.WECOM: vendors.wecom,
    ChannelType.FEISHU: vendors.feishu,
}
HTTP = [ChannelType.TELEGRAM, ChannelType.WECOM, ChannelType.FEISHU]
MESSAGE = Message("ema-cross: 买入 BTC/USDT 🚀", "**Strong** signal\n\n- price `65,000`\n- 数量 1.5", Priority.P0)


def spec(kind: ChannelType, endpoint: str = "", **more: Any) -> NotificationChannelSpec:
    return NotificationChannelSpec.model_validate(
        {"type": kind, "credentialsRef": {"name": "secret"}, "endpoint": endpoint, **more}
    )


@pytest.fixture(autouse=True)
async def pool() -> AsyncIterator[None]:
    yield
    await close()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[ChannelType], Awaitable[Vendor]]]:
    async with AsyncExitStack() as stack:

        async def start(kind: ChannelType) -> Vendor:
            return await stack.enter_async_context(vendors.serving(SERVERS.get(kind, vendors.anything)))

        yield start


async def post(
    kind: ChannelType,
    endpoint: str,
    message: Message = MESSAGE,
    secret: Mapping[str, str] | None = None,
    timeout: float = 5,
    **more: Any,
) -> Outcome:
    return await send(spec(kind, endpoint, **more), secret or SECRETS[kind], message, timeout=timeout)


@pytest.mark.parametrize("kind", HTTP)
async def test_a_message_is_sent(kind: ChannelType, serve: Callable[[ChannelType], Awaitable[Vendor]]) -> None:
    vendor = await serve(kind)
    outcome = await post(kind, vendor.url)
    assert (outcome.reason, outcome.answer) == (ChannelReason.SENT, "")
    assert "ema-cross" in str(vendor.last)
    assert "🚀" in str(vendor.last)


async def test_apprise_sends_any_other(serve: Callable[[ChannelType], Awaitable[Vendor]]) -> None:
    vendor = await serve(ChannelType.APPRISE)
    secret = {"url": vendor.url.replace("http://", "json://") + "/hook"}
    for _ in range(3):  # and does not sleep between them
        outcome = await post(ChannelType.APPRISE, "", secret=secret)
        assert outcome.reason is ChannelReason.SENT, outcome
    assert vendor.last["title"] == MESSAGE.title
    assert vendor.last["message"] == "Strong signal\n\n• price 65,000\n• 数量 1.5"


@pytest.mark.parametrize("kind", HTTP)
async def test_an_error_in_a_200_is_no_success(
    kind: ChannelType, serve: Callable[[ChannelType], Awaitable[Vendor]]
) -> None:
    vendor = await serve(kind)
    wrong = {
        ChannelType.TELEGRAM: {"token": "1:wrong-token", "chatId": vendors.TELEGRAM_CHAT},
        ChannelType.WECOM: {"key": "wrong-key-of-nobody"},
        ChannelType.FEISHU: {"token": vendors.FEISHU_TOKEN, "secret": "wrong secret"},
    }[kind]
    outcome = await post(kind, vendor.url, secret=wrong)
    assert outcome.reason is ChannelReason.AUTH
    assert outcome.fault_of_channel
    assert outcome.answer.startswith("HTTP ")
    assert vendor.received == []


@pytest.mark.parametrize("kind", HTTP)
async def test_a_rate_limit_is_told(kind: ChannelType, serve: Callable[[ChannelType], Awaitable[Vendor]]) -> None:
    vendor = await serve(kind)
    vendor.limited = True
    outcome = await post(kind, vendor.url)
    assert outcome.reason is ChannelReason.RATE_LIMITED
    assert outcome.retry_after == (timedelta(seconds=7) if kind is ChannelType.TELEGRAM else None)


async def test_chinese_says_that_it_was_cut(serve: Callable[[ChannelType], Awaitable[Vendor]]) -> None:
    vendor = await serve(ChannelType.WECOM)
    message = Message("长", "行情\n" * 4000, Priority.P2)
    outcome = await post(ChannelType.WECOM, vendor.url, message, language=Language.CHINESE)
    assert outcome.reason is ChannelReason.SENT
    assert vendor.last["markdown"]["content"].endswith("行情\n……（内容过长，已截断）")
