"""E-mail over a real wire: aiosmtpd with STARTTLS, TLS and logins."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from btcwatcher_api.notifications.message import Message
from btcwatcher_api.notifications.senders.send import send
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import NotificationChannelSpec
from support import mailserver, vendors

if TYPE_CHECKING:
    from btcwatcher_api.notifications.outcome import Outcome
    from support.mailserver import Certificates, MailServer

SPEC = NotificationChannelSpec.model_validate({"type": "Email", "credentialsRef": {"name": "mail"}})
MESSAGE = Message("ema-cross: 买入 BTC/USDT 🚀", "**Strong** <b>信号</b>\n\n- price `65,000`\n- 数量 1.5", Priority.P0)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return mailserver.Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def trusted(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))


def secret(server: MailServer, security: str = "starttls", **more: str) -> dict[str, str]:
    login = {} if security == "none" else {"username": mailserver.USERNAME, "password": mailserver.PASSWORD}
    return {
        "host": "127.0.0.1",
        "port": str(server.port),
        "security": security,
        "from": "BTC Watcher <bot@example.com>",
        "to": "交易台 <desk@example.com>, risk@example.com",
        **login,
        **more,
    }


async def post(
    server: MailServer,
    message: Message = MESSAGE,
    timeout: float = 10,
    given: dict[str, str] | None = None,
    **more: str,
) -> Outcome:
    return await send(SPEC, secret(server, **(given or {}), **more), message, timeout=timeout)


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_a_mail_arrives(security: str, certificates: Certificates) -> None:
    async with mailserver.serving(security, certificates, login=security != "none") as server:
        outcome = await post(server, security=security)
    assert (outcome.reason, outcome.answer) == (ChannelReason.SENT, "")
    assert server.encrypted == [security != "none"]
    assert bool(server.logins) == (security != "none")
    assert server.receivers == [["desk@example.com", "risk@example.com"]]
    mail = server.received[0]
    assert mail["Subject"] == MESSAGE.title
    assert mail["To"] == "交易台 <desk@example.com>, risk@example.com"
    assert mail["Date"].datetime is not None
    assert mail["Message-ID"].endswith("@example.com>")
    assert mail["Importance"] == "high"
    plain, html = mail.iter_parts()
    assert plain.get_content().splitlines() == ["Strong <b>信号</b>", "", "• price 65,000", "• 数量 1.5"]
    assert "<strong>Strong</strong> &lt;b&gt;信号&lt;/b&gt;" in html.get_content()
    assert html.get_content_type() == "text/html"


async def test_no_title_is_a_header(certificates: Certificates) -> None:
    title = "a\r\nBcc: everybody@example.com\r\n\r\nbody\n.\nQUIT" + "长" * 500
    async with mailserver.serving("starttls", certificates) as server:
        outcome = await post(server, Message(title, "x\n.\r\n.\nQUIT\n", Priority.P2))
    assert outcome.reason is ChannelReason.SENT
    assert server.received[0]["Bcc"] is None
    assert server.received[0]["Subject"].startswith("a Bcc: everybody@example.com body . QUIT长长")
    assert server.receivers == [["desk@example.com", "risk@example.com"]]
    assert next(server.received[0].iter_parts()).get_content().split() == ["x", ".", ".", "QUIT"]


@pytest.mark.parametrize("more", [{"password": "wrong-password"}, {"username": "somebody"}])
async def test_a_wrong_login_is_auth(more: dict[str, str], certificates: Certificates) -> None:
    async with mailserver.serving("starttls", certificates) as server:
        outcome = await post(server, given=more)
    assert outcome.reason is ChannelReason.AUTH
    assert outcome.answer.startswith("535 5.7.8 Bad login of ")
    if "password" in more:
        assert outcome.answer == "535 5.7.8 Bad login of ***"


async def test_a_login_that_is_asked_for_is_auth(certificates: Certificates) -> None:
    async with mailserver.serving("starttls", certificates) as server:
        outcome = await post(server, username="", password="")
    assert outcome.reason is ChannelReason.AUTH


@pytest.mark.parametrize(
    ("command", "reply", "reason"),
    [
        ("AUTH", "454 4.7.0 Temporary authentication failure", ChannelReason.RATE_LIMITED),
        ("MAIL", "550 5.7.1 Sender not allowed", ChannelReason.REJECTED),
        ("RCPT", "550 5.1.1 No such user", ChannelReason.REJECTED),
        ("RCPT", "450 4.2.0 Greylisted, try again later", ChannelReason.RATE_LIMITED),
        ("RCPT", "452 4.2.2 Mailbox full", ChannelReason.VENDOR_ERROR),
        ("DATA", "554 5.7.1 This is spam", ChannelReason.REJECTED),
        ("DATA", "552 5.3.4 Message too big", ChannelReason.REJECTED),
        ("DATA", "421 4.7.0 Too many messages", ChannelReason.RATE_LIMITED),
        ("DATA", "451 4.3.0 Local error", ChannelReason.VENDOR_ERROR),
        ("DATA", "250-fine\r\n250 and done", ChannelReason.SENT),
    ],
)
async def test_what_a_server_says(command: str, reply: str, reason: ChannelReason, certificates: Certificates) -> None:
    async with mailserver.serving("starttls", certificates) as server:
        server.replies[command] = reply
        outcome = await post(server)
    assert outcome.reason is reason, outcome
    assert reason is ChannelReason.SENT or outcome.answer.startswith(reply[:9])


async def test_one_receiver_of_two_is_told_of(certificates: Certificates) -> None:
    async with mailserver.serving("starttls", certificates) as server:
        server.refused = {"risk@example.com": "550 5.1.1 <risk@example.com> unknown"}
        outcome = await post(server)
    assert outcome.reason is ChannelReason.SENT
    assert outcome.answer == "1 of 2 receivers refused: 550 5.1.1 <***> unknown"
    assert server.receivers == [["desk@example.com"]]


async def test_a_certificate_that_nobody_vouches_for_gets_nothing(
    certificates: Certificates, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = mailserver.Certificates(tmp_path_factory.mktemp("other"))
    monkeypatch.setenv("SSL_CERT_FILE", str(other.authority))
    for security in ("starttls", "tls"):
        async with mailserver.serving(security, certificates) as server:
            outcome = await post(server, security=security)
        assert outcome.reason is ChannelReason.UNREACHABLE
        assert "certificate verify failed" in outcome.answer.lower()
        assert server.logins == []


async def test_a_server_without_starttls_gets_no_password(certificates: Certificates) -> None:
    async with mailserver.serving("none", certificates) as server:
        outcome = await post(server, security="starttls")
    assert (outcome.reason, outcome.answer) == (
        ChannelReason.SECRET_INVALID,
        "key security of the Secret is starttls, but the server offers none",
    )
    assert server.logins == []


async def test_a_server_without_logins_is_told_of(certificates: Certificates) -> None:
    async with mailserver.serving("tls", certificates, login=False) as server:
        outcome = await post(server, security="tls")
    assert outcome.reason is ChannelReason.SECRET_INVALID
    assert "username" in outcome.answer


async def test_a_slow_server_is_a_timeout_and_a_cancelled_mail_ends(certificates: Certificates) -> None:
    async with mailserver.serving("starttls", certificates) as server:
        server.delay = 60
        assert (await post(server, timeout=1)).reason is ChannelReason.TIMEOUT
        sending = asyncio.create_task(post(server, timeout=30))
        await asyncio.sleep(0.2)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", ChannelReason.UNREACHABLE),
        (b"220 hello\r\n", ChannelReason.UNREACHABLE),
        (b"554 go away\r\n", ChannelReason.VENDOR_ERROR),
        (b"421 4.3.2 not now\r\n", ChannelReason.VENDOR_ERROR),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ChannelReason.UNEXPECTED_ANSWER),
        (b"\xff\xfe\x00\r\n", ChannelReason.UNEXPECTED_ANSWER),
        (b"220-" + b"x" * 8_000_000, ChannelReason.UNEXPECTED_ANSWER),
        (b"220-hello\r\n" * 100_000, ChannelReason.UNEXPECTED_ANSWER),
    ],
)
async def test_what_is_no_mail_server_is_told_of(said: bytes, reason: ChannelReason) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        with contextlib.suppress(ConnectionError):
            await writer.drain()

    async with vendors.raw(handle) as url:
        server = mailserver.MailServer(port=int(url.rpartition(":")[2]))
        outcome = await post(server, security="none", timeout=3)
    assert outcome.reason is reason, outcome
    assert len(outcome.answer) <= 500


@pytest.mark.parametrize(
    ("wrong", "reason", "named"),
    [
        ({"host": ""}, ChannelReason.SECRET_MISSING, "host"),
        ({"host": "mail.example.com\r\nX"}, ChannelReason.SECRET_INVALID, "host"),
        ({"host": "https://mail.example.com"}, ChannelReason.SECRET_INVALID, "host"),
        ({"port": "0"}, ChannelReason.SECRET_INVALID, "port"),
        ({"port": "smtp"}, ChannelReason.SECRET_INVALID, "port"),
        ({"security": "ssl"}, ChannelReason.SECRET_INVALID, "security"),
        ({"password": ""}, ChannelReason.SECRET_MISSING, "password"),
        ({"username": ""}, ChannelReason.SECRET_MISSING, "username"),
        ({"security": "none", "username": "u", "password": "p"}, ChannelReason.SECRET_INVALID, "security"),
        ({"from": ""}, ChannelReason.SECRET_MISSING, "from"),
        ({"from": "a@example.com, b@example.com"}, ChannelReason.SECRET_INVALID, "from"),
        ({"to": "desk"}, ChannelReason.SECRET_INVALID, "to"),
        ({"to": "desk@example.com\r\nBcc: x@example.com"}, ChannelReason.SECRET_INVALID, "to"),
        ({"to": "桌@example.com"}, ChannelReason.SECRET_INVALID, "to"),
        ({"to": ", ,"}, ChannelReason.SECRET_INVALID, "to"),
        ({"to": "a@example.com," * 101}, ChannelReason.SECRET_INVALID, "to"),
    ],
)
async def test_a_wrong_secret_is_told_of_by_its_key(wrong: dict[str, str], reason: ChannelReason, named: str) -> None:
    outcome = await post(mailserver.MailServer(port=25), given=wrong)
    assert outcome.reason is reason, outcome
    assert named in outcome.answer
