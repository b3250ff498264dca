"""E-mail: SMTP with STARTTLS, TLS or neither, and a login where the server asks for one. RFC 5321, RFC 4954."""

import asyncio
import contextlib
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses, make_msgid
from typing import Final

import aiosmtplib

from btcwatcher_api.notifications.message import Message
from btcwatcher_api.notifications.outcome import Outcome
from btcwatcher_api.notifications.senders import credentials, networks, text, tls
from btcwatcher_api.notifications.senders.faults import NotSent
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import NotificationChannelSpec

RECIPIENTS_MAX: Final = 100
"""RFC 5321, 4.5.3.1.8: what every server takes."""

_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}
_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:_-]{0,252}[A-Za-z0-9])?")
_PORT: Final = re.compile(r"[0-9]{1,5}")

_AUTH: Final = frozenset({530, 534, 535, 538})
"""RFC 4954, 6: a login is asked for, is too weak, is wrong, needs encryption."""

_LIMITED: Final = re.compile(
    r"\b4\.7\.(0|1|28)\b|rate|too (many|much|fast)|throttl|limit|try again later|grey-?list", re.IGNORECASE
)
"""How servers say in a 4xx that they have had enough for now; there is no code for it."""

_STYLE: Final = "font-family:sans-serif;font-size:14px;line-height:1.5"


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    security: str
    username: str = field(repr=False)
    password: str = field(repr=False)


async def send(
    spec: NotificationChannelSpec, secret: Mapping[str, str], message: Message, *, timeout: float
) -> Outcome:
    server = _server(secret)
    sender = _addresses(credentials.required(secret, "from"), "from")
    if len(sender) != 1:
        raise credentials.invalid("from", "must hold one address")
    receivers = _addresses(credentials.required(secret, "to"), "to")
    mail = written(message, sender[0], receivers)
    try:
        return await _deliver(server, mail, [receiver.addr_spec for receiver in receivers], timeout)
    except aiosmtplib.SMTPException as error:
        raise _judged(error) from None
    except OSError as error:
        raise NotSent(ChannelReason.UNREACHABLE, f"{type(error).__name__}: {error}") from None


def written(message: Message, sender: Address, receivers: Sequence[Address]) -> EmailMessage:
    """The mail as plain text and as HTML. The policy refuses line ends in headers, and there are none left."""
    title = text.one_line(message.title, text.TITLE_MAX)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = list(receivers)
    mail["Subject"] = title
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=sender.domain)
    mail["Auto-Submitted"] = "auto-generated"
    if message.priority is Priority.P0:
        mail["Importance"] = "high"
        mail["X-Priority"] = "1"
    mail.set_content("\n".join(map(text.plain, text.lines(message.body))) + "\n")
    body = text.html(message.body)
    mail.add_alternative(
        f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body style="{_STYLE}">\n{body}</body></html>\n',
        subtype="html",
    )
    return mail


async def _deliver(server: Server, mail: EmailMessage, receivers: list[str], timeout: float) -> Outcome:
    client = aiosmtplib.SMTP(
        hostname=server.host,
        sock=await _connected(server, timeout / 2),
        # Our own name is nobody's business, and to ask DNS for it may take longer than the mail.
        local_hostname="[127.0.0.1]",
        timeout=timeout,
        use_tls=server.security == "tls",
        start_tls=False,
        tls_context=None if server.security == "none" else tls.context(),
    )
    try:
        await client.connect(timeout=timeout / 2)
        if server.security == "starttls":
            await _start_tls(client)
        if server.username:
            await _log_in(client, server)
        refused, answer = await client.send_message(mail, recipients=receivers)
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            # It is sent, whatever the server says to the farewell, and nobody waits for that for long.
            await client.quit(timeout=min(1.0, timeout / 10))
    finally:
        client.close()
    if refused:
        said = "; ".join(f"{code} {words}" for code, words in refused.values())
        answer = f"{len(refused)} of {len(receivers)} receivers refused: {said}"
    return Outcome(ChannelReason.SENT, answer if refused else "")


async def _connected(server: Server, timeout: float) -> socket.socket:
    try:
        async with asyncio.timeout(timeout):
            return await networks.connected(server.host, server.port)
    except networks.Forbidden as error:
        raise credentials.invalid("host", str(error.strerror)) from None
    except TimeoutError:
        raise NotSent(ChannelReason.UNREACHABLE, "no connection in time") from None


async def _start_tls(client: aiosmtplib.SMTP) -> None:
    """Never go on in the clear: who can change what the server says could take STARTTLS out of it."""
    await client.ehlo()
    if not client.supports_extension("starttls"):
        raise credentials.invalid("security", "is starttls, but the server offers none")
    await client.starttls()


async def _log_in(client: aiosmtplib.SMTP, server: Server) -> None:
    if client.is_ehlo_or_helo_needed:
        await client.ehlo()
    if not client.supported_auth_methods:
        raise credentials.invalid("username", "is given, but the server takes no login")
    await client.login(server.username, server.password)


def _judged(error: aiosmtplib.SMTPException) -> NotSent:
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            worst = [_judged(each) for each in error.recipients]
            # One of several that may be taken later is reason enough to try again.
            return next((each for each in worst if each.reason is not ChannelReason.REJECTED), worst[0])
        case aiosmtplib.SMTPConnectResponseError() | aiosmtplib.SMTPHeloError() if error.code >= 400:
            # The server does not speak with us, whatever the message.
            return NotSent(ChannelReason.VENDOR_ERROR, f"{error.code} {error.message}")
        case aiosmtplib.SMTPResponseException():
            return NotSent(_of_code(error.code, error.message), f"{error.code} {error.message}")
        case aiosmtplib.SMTPConnectTimeoutError():
            return NotSent(ChannelReason.UNREACHABLE, "no connection in time")
        case aiosmtplib.SMTPTimeoutError():
            return NotSent(ChannelReason.TIMEOUT, "the server did not answer in time")
        case aiosmtplib.SMTPServerDisconnected() | aiosmtplib.SMTPConnectError():
            return NotSent(ChannelReason.UNREACHABLE, str(error))
    return NotSent(ChannelReason.UNEXPECTED_ANSWER, f"{type(error).__name__}: {error}")


def _of_code(code: int, words: str) -> ChannelReason:
    if code in _AUTH:
        return ChannelReason.AUTH
    if 400 <= code < 500:
        return ChannelReason.RATE_LIMITED if _LIMITED.search(words) else ChannelReason.VENDOR_ERROR
    return ChannelReason.REJECTED if 500 <= code < 600 else ChannelReason.UNEXPECTED_ANSWER


def _server(secret: Mapping[str, str]) -> Server:
    host = credentials.required(secret, "host")
    credentials.matching(host, "host", _HOST, "must be the name or address of a mail server, and nothing else")
    security = credentials.optional(secret, "security").lower() or "starttls"
    if security not in _PORTS:
        raise credentials.invalid("security", "must be starttls, tls or none")
    port = credentials.optional(secret, "port") or str(_PORTS[security])
    credentials.matching(port, "port", _PORT, "must be a port")
    if not 0 < int(port) < 65536:
        raise credentials.invalid("port", "must be a port")
    username = credentials.optional(secret, "username")
    if username:
        password = credentials.required(secret, "password")
    elif credentials.optional(secret, "password"):
        raise NotSent(ChannelReason.SECRET_MISSING, "the Secret has a key password, but no username")
    else:
        password = ""
    if username and security == "none":
        raise credentials.invalid("security", "must be starttls or tls: a password is not sent in the clear")
    return Server(host, int(port), security, username, password)


def _addresses(value: str, key: str) -> list[Address]:
    """A list of addresses, with or without names."""
    must = "must hold addresses such as desk@example.com, apart by commas"
    pairs = getaddresses([value]) if value.isprintable() else []
    if not pairs or len(pairs) > RECIPIENTS_MAX:
        raise credentials.invalid(key, f"{must}, at most {RECIPIENTS_MAX}")
    try:
        return [Address(display_name=name, addr_spec=_ascii(address)) for name, address in pairs]
    except (ValueError, IndexError):
        raise credentials.invalid(key, must) from None


def _ascii(address: str) -> str:
    local, at, domain = address.rpartition("@")
    if not (local and at and domain) or not address.isascii() or " " in address:
        raise ValueError
    return address
