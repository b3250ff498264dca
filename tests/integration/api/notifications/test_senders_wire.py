"""Every sender over a real wire, against servers that answer as the vendors' documents say."""

from __future__ import annotations

import asyncio
import io
import logging
import socket
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from btcwatcher_api.notifications.message import Message
from btcwatcher_api.notifications.outcome import ANSWER_MAX
from btcwatcher_api.notifications.senders.send import close, send
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import ChannelType, Language, NotificationChannelSpec
from support import vendors
from support.vendors import Scripted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

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
def log() -> Iterator[io.StringIO]:
    """What the process would log, everything of it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    root.removeHandler(handler)


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


@pytest.mark.parametrize("kind", HTTP)
async def test_a_slow_vendor_is_a_timeout(kind: ChannelType, serve: Callable[[ChannelType], Awaitable[Vendor]]) -> None:
    vendor = await serve(kind)
    vendor.script.append(Scripted(delay=60))
    outcome = await post(kind, vendor.url, timeout=0.5)
    assert (outcome.reason, outcome.answer) == (ChannelReason.TIMEOUT, "no answer within 0.5 s")


async def test_an_answer_that_trickles_is_a_timeout() -> None:
    """A byte now and then keeps every single read within its time, but not the whole."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with vendors.raw(trickle) as url:
        outcome = await post(ChannelType.WECOM, url, timeout=0.5)
    assert outcome.reason is ChannelReason.TIMEOUT


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"\x00\x01\x02", b"x" * 10**6]
)
@pytest.mark.parametrize("kind", HTTP)
async def test_a_dropped_connection_is_unreachable(kind: ChannelType, said: bytes) -> None:
    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()

    async with vendors.raw(drop) as url:
        outcome = await post(kind, url)
    assert outcome.reason is ChannelReason.UNREACHABLE


@pytest.mark.parametrize("kind", HTTP)
async def test_nobody_at_the_port_or_of_the_name_is_unreachable(kind: ChannelType) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert (await post(kind, f"http://127.0.0.1:{port}")).reason is ChannelReason.UNREACHABLE
        assert (await post(kind, f"https://127.0.0.1:{port}")).reason is ChannelReason.UNREACHABLE
    assert (await post(kind, "http://nobody.invalid")).reason is ChannelReason.UNREACHABLE


async def test_plain_http_at_an_https_endpoint_is_unreachable(
    serve: Callable[[ChannelType], Awaitable[Vendor]],
) -> None:
    vendor = await serve(ChannelType.FEISHU)
    outcome = await post(ChannelType.FEISHU, vendor.url.replace("http:", "https:"))
    assert outcome.reason is ChannelReason.UNREACHABLE


@pytest.mark.parametrize(
    "endpoint",
    ["http://127.0.0.1:99999", "http://[::1", "https://a..b", "http://" + "a" * 300, "http://%zz:1/", "ftp://x"],
)
async def test_an_endpoint_that_cannot_be_called_is_told_of(endpoint: str) -> None:
    wrong = spec(ChannelType.WECOM).model_copy(update={"endpoint": endpoint})
    outcome = await send(
        wrong,
        SECRETS[ChannelType.WECOM],
        MESSAGE,
        timeout=5,
    )
    assert outcome.reason in {ChannelReason.SPEC_INVALID, ChannelReason.UNREACHABLE}, outcome


@pytest.mark.parametrize("kind", HTTP)
async def test_a_huge_answer_is_read_to_a_bound(kind: ChannelType) -> None:
    sent = 0

    async def huge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n" + b'{"ok":true,"errcode":0,"code":0,"x":"'
        )
        while not writer.is_closing():
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with vendors.raw(huge) as url:
        outcome = await post(kind, url)
    assert outcome.reason is ChannelReason.UNEXPECTED_ANSWER
    assert len(outcome.answer) == ANSWER_MAX
    assert sent < 64 * 2**20


@pytest.mark.parametrize(
    "scripted",
    [
        Scripted(body="<html>welcome to the wifi of the hotel</html>"),
        Scripted(body=""),
        Scripted(body="[]"),
        Scripted(body="null"),
        Scripted(body="{" * 100_000),
        Scripted(body="[" * 60_000),
        Scripted(body=b"\xff\xfe\x00"),
        Scripted(body={"ok": "yes", "errcode": "0", "code": None}),
        Scripted(body={"ok": True, "errcode": True, "code": False}, status=201),
        Scripted(body={"ok": True, "errcode": 0, "code": 0}, status=202),
        Scripted(body={"ok": True, "errcode": 0, "code": 0}, headers={"Content-Encoding": "gzip"}, status=203),
        Scripted(status=403, body="<html>the proxy does not like you</html>"),
        Scripted(status=404, body="not here"),
        Scripted(status=407, body=""),
    ],
)
@pytest.mark.parametrize("kind", HTTP)
async def test_nonsense_is_never_a_yes_and_never_the_last_word(
    kind: ChannelType, scripted: Scripted, serve: Callable[[ChannelType], Awaitable[Vendor]]
) -> None:
    vendor = await serve(kind)
    vendor.script.append(scripted)
    outcome = await post(kind, vendor.url)
    assert outcome.reason is ChannelReason.UNEXPECTED_ANSWER


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("kind", HTTP)
async def test_a_vendor_in_trouble_is_told_so(
    kind: ChannelType, status: int, serve: Callable[[ChannelType], Awaitable[Vendor]]
) -> None:
    vendor = await serve(kind)
    vendor.script.append(Scripted(status=status, body="<html>sorry</html>", headers={"Retry-After": "30"}))
    outcome = await post(kind, vendor.url)
    assert (outcome.reason, outcome.retry_after) == (ChannelReason.VENDOR_ERROR, timedelta(seconds=30))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("kind", HTTP)
async def test_a_redirect_is_not_followed(
    kind: ChannelType, status: int, serve: Callable[[ChannelType], Awaitable[Vendor]]
) -> None:
    vendor, elsewhere = await serve(kind), await serve(kind)
    vendor.script.append(Scripted(status=status, headers={"Location": elsewhere.url}))
    outcome = await post(kind, vendor.url)
    assert outcome.reason is ChannelReason.UNEXPECTED_ANSWER
    assert elsewhere.requests == []


@pytest.mark.parametrize("kind", HTTP)
async def test_a_cancelled_send_ends_and_the_pool_goes_on(
    kind: ChannelType, serve: Callable[[ChannelType], Awaitable[Vendor]]
) -> None:
    vendor = await serve(kind)
    vendor.script.append(Scripted(delay=60))
    sending = asyncio.create_task(post(kind, vendor.url, timeout=60))
    await asyncio.wait_for(vendor.asked.wait(), 10)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert (await post(kind, vendor.url)).sent


async def test_connections_are_used_again(serve: Callable[[ChannelType], Awaitable[Vendor]]) -> None:
    vendor = await serve(ChannelType.TELEGRAM)
    for _ in range(20):
        assert (await post(ChannelType.TELEGRAM, vendor.url)).sent
    peers = {request.transport.get_extra_info("peername") for request in vendor.requests if request.transport}
    assert len(peers) == 1


@pytest.mark.parametrize("kind", HTTP)
async def test_a_credential_that_comes_back_is_scrubbed(
    kind: ChannelType,
    serve: Callable[[ChannelType], Awaitable[Vendor]],
    log: io.StringIO,
) -> None:
    vendor = await serve(kind)
    secret = SECRETS[kind]
    forms = [form for value in secret.values() for form in (value, quote(value, safe=""), value.upper())]
    vendor.script.append(Scripted(status=400, body={"echo": forms, "again": [" ".join(forms)] * 500}))
    outcome = await post(kind, vendor.url)
    vendor.script.append(Scripted(status=307, headers={"Location": "http://elsewhere.invalid/?" + "&".join(forms)}))
    redirected = await post(kind, vendor.url)
    out = str(outcome) + str(redirected) + log.getvalue()
    assert "***" in outcome.answer
    for form in forms:
        assert form not in out


@pytest.mark.parametrize(
    "text", ["多头信号 ", "🚀🇨🇳 ", "a", "**粗** [链](https://a.example/?x=(1)) `c` ", "<&*_`[]()#> "]
)
@pytest.mark.parametrize("kind", HTTP)
async def test_every_length_across_the_limits_is_taken(
    kind: ChannelType, text: str, serve: Callable[[ChannelType], Awaitable[Vendor]]
) -> None:
    """The fake refuses what its vendor refuses: too many bytes, too many characters, entities out of bounds."""
    vendor = await serve(kind)
    limit = 18_500 if kind is ChannelType.FEISHU else 4096
    middle = limit // (len(text) if kind is ChannelType.TELEGRAM else len(text.encode()))
    for count in (middle - 2, middle - 1, middle, middle + 1, middle * 2):
        for body in (text * count, (text + "\n") * count):
            outcome = await post(kind, vendor.url, Message("标题 " * 3, body, Priority.P1))
            assert outcome.sent, outcome


@pytest.mark.parametrize("kind", HTTP)
@pytest.mark.parametrize("title", ["", " ", "\n", "长" * 10_000, "*" * 400, "\ud800"])
@pytest.mark.parametrize("body", ["", " \n ", "\ud800", "\x00\u202e"])
async def test_no_message_is_too_strange(
    kind: ChannelType, title: str, body: str, serve: Callable[[ChannelType], Awaitable[Vendor]]
) -> None:
    vendor = await serve(kind)
    outcome = await post(kind, vendor.url, Message(title, body, Priority.P1))
    assert outcome.sent, outcome


@pytest.mark.parametrize(
    ("kind", "secret", "reason", "named"),
    [
        (ChannelType.TELEGRAM, {}, ChannelReason.SECRET_MISSING, "token"),
        (ChannelType.TELEGRAM, {"token": " \n", "chatId": "1"}, ChannelReason.SECRET_MISSING, "token"),
        (ChannelType.TELEGRAM, {"token": vendors.TELEGRAM_TOKEN}, ChannelReason.SECRET_MISSING, "chatId"),
        (ChannelType.TELEGRAM, {"token": "1:a/../../x", "chatId": "1"}, ChannelReason.SECRET_INVALID, "token"),
        (ChannelType.TELEGRAM, {"token": "1:a?b", "chatId": "1"}, ChannelReason.SECRET_INVALID, "token"),
        (
            ChannelType.TELEGRAM,
            {"token": vendors.TELEGRAM_TOKEN, "chatId": "me"},
            ChannelReason.SECRET_INVALID,
            "chatId",
        ),
        (ChannelType.WECOM, {}, ChannelReason.SECRET_MISSING, "key"),
        (ChannelType.WECOM, {"key": "https://qyapi.weixin.qq.com/?key=1"}, ChannelReason.SECRET_INVALID, "key"),
        (ChannelType.FEISHU, {"secret": "x"}, ChannelReason.SECRET_MISSING, "token"),
        (ChannelType.FEISHU, {"token": "https://open.feishu.cn/"}, ChannelReason.SECRET_INVALID, "token"),
        (ChannelType.FEISHU, {"token": "密" * 40}, ChannelReason.SECRET_INVALID, "token"),
        (ChannelType.FEISHU, {"token": "x" * 9999}, ChannelReason.SECRET_INVALID, "token"),
        (ChannelType.APPRISE, {}, ChannelReason.SECRET_MISSING, "url"),
        (ChannelType.APPRISE, {"url": "nobody://knows"}, ChannelReason.SECRET_INVALID, "url"),
        (ChannelType.APPRISE, {"url": "https://"}, ChannelReason.SECRET_INVALID, "url"),
        (ChannelType.APPRISE, {"url": "slack://T1/wrong"}, ChannelReason.SECRET_INVALID, "url"),
        (ChannelType.APPRISE, {"url": "json://[::1"}, ChannelReason.SECRET_INVALID, "url"),
    ],
)
async def test_a_wrong_secret_is_told_of_by_its_key(
    kind: ChannelType, secret: dict[str, str], reason: ChannelReason, named: str
) -> None:
    outcome = await send(spec(kind), secret, MESSAGE, timeout=5)
    assert outcome.reason is reason, outcome
    assert outcome.fault_of_channel
    assert named in outcome.answer
    for value in secret.values():
        assert len(value.strip()) < 4 or value.strip() not in outcome.answer


@pytest.mark.parametrize(
    ("chat", "reason", "said"),
    [
        ("-100404", ChannelReason.SECRET_INVALID, "chat not found"),
        ("-100400", ChannelReason.SECRET_INVALID, "-1001234567890"),
        ("-100403", ChannelReason.AUTH, "blocked"),
    ],
)
async def test_a_chat_that_telegram_does_not_reach_is_for_a_person_to_mend(
    chat: str, reason: ChannelReason, said: str, serve: Callable[[ChannelType], Awaitable[Vendor]]
) -> None:
    """Every other message would fail too: none is lost, and the channel says what to do."""
    vendor = await serve(ChannelType.TELEGRAM)
    outcome = await post(ChannelType.TELEGRAM, vendor.url, secret={"token": vendors.TELEGRAM_TOKEN, "chatId": chat})
    assert outcome.reason is reason
    assert outcome.fault_of_channel
    assert said in outcome.answer


@pytest.mark.parametrize(
    ("scripted", "reason"),
    [
        (Scripted(status=401), ChannelReason.AUTH),
        (Scripted(status=403), ChannelReason.AUTH),
        (Scripted(status=429), ChannelReason.RATE_LIMITED),
        (Scripted(status=400), ChannelReason.REJECTED),
        (Scripted(status=404), ChannelReason.UNEXPECTED_ANSWER),
        (Scripted(status=503), ChannelReason.VENDOR_ERROR),
        (Scripted(status=302, headers={"Location": "http://elsewhere.invalid/"}), ChannelReason.UNEXPECTED_ANSWER),
        (Scripted(delay=60), ChannelReason.TIMEOUT),
    ],
)
async def test_what_apprise_says_is_understood(
    scripted: Scripted, reason: ChannelReason, serve: Callable[[ChannelType], Awaitable[Vendor]]
) -> None:
    vendor = await serve(ChannelType.APPRISE)
    vendor.script.append(scripted)
    url = vendor.url.replace("http://", "json://user:top-secret@") + "/hook-token?retry=3&wait=5&redirect=yes"
    outcome = await post(ChannelType.APPRISE, "", secret={"url": url}, timeout=1)
    assert outcome.reason is reason, outcome
    assert len(vendor.requests) == 1
    assert "top-secret" not in outcome.answer
    assert "hook-token" not in outcome.answer


async def test_apprise_sends_as_many_at_once_as_there_are_slots() -> None:
    """Nobody is answered before all have asked."""
    count = 40
    asked = asyncio.Barrier(count)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asked.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with vendors.raw(answer) as url:
        secret = {"url": url.replace("http://", "json://")}
        sending = [post(ChannelType.APPRISE, "", secret=secret, timeout=60) for _ in range(count)]
        outcomes = await asyncio.gather(*sending)
    assert {outcome.reason for outcome in outcomes} == {ChannelReason.SENT}


async def test_apprise_without_anybody_there_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"json://127.0.0.1:{taken.getsockname()[1]}/"
        outcome = await post(ChannelType.APPRISE, "", secret={"url": url})
    assert outcome.reason is ChannelReason.UNREACHABLE


async def test_apprise_says_nothing_to_the_log(
    serve: Callable[[ChannelType], Awaitable[Vendor]], log: io.StringIO
) -> None:
    vendor = await serve(ChannelType.APPRISE)
    vendor.script.append(Scripted(status=401))
    url = vendor.url.replace("http://", "json://user:top-secret@") + "/hook-token"
    await post(ChannelType.APPRISE, "", secret={"url": url})
    outcome = await post(ChannelType.APPRISE, "", secret={"url": "slack://T1/top-secret/hook-token"})
    assert outcome.reason is ChannelReason.SECRET_INVALID
    assert "top-secret" not in log.getvalue()
    assert "hook-token" not in log.getvalue()
