"""A real SMTP server (aiosmtpd) on loopback, with STARTTLS or TLS and a login, and its certificate for a day."""

from __future__ import annotations

import asyncio
import email
import ssl
import warnings
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import policy
from typing import TYPE_CHECKING, Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from email.message import EmailMessage
    from pathlib import Path

USERNAME = "desk-bot"
PASSWORD = "p@ss/wörd+密码"


class Certificates:
    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.authority = folder / "authority.pem"
        authority.cert_pem.write_to_path(self.authority)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(self.context)


@dataclass
class MailServer:
    """As aiosmtpd's handler; `replies` by command are given instead of its own."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Receivers that are refused, with the answer they get."""
    delay: float = 0.0

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if reply := self.replies.get("MAIL"):
            return reply
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if reply := self.refused.get(address) or self.replies.get("RCPT"):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        await asyncio.sleep(self.delay)
        if reply := self.replies.get("DATA"):
            return reply
        mail = email.message_from_bytes(envelope.content, policy=policy.default)
        self.received.append(mail)
        self.receivers.append(list(envelope.rcpt_tos))
        self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        return "250 2.0.0 queued"


@asynccontextmanager
async def serving(security: str, certificates: Certificates, *, login: bool = True) -> AsyncIterator[MailServer]:
    server = MailServer()

    def authenticate(smtp: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and data == LoginPassword(USERNAME.encode(), PASSWORD.encode())
        if good:
            server.logins.append(mechanism)
        if good and (reply := server.replies.get("AUTH")):
            return AuthResult(success=False, handled=False, message=reply)
        return AuthResult(success=good, handled=False, message=None if good else "535 5.7.8 Bad login of " + USERNAME)

    def protocol() -> Any:
        warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")  # it does not see security tls
        return SMTP(
            server,
            hostname="mail.example",
            tls_context=certificates.context if security == "starttls" else None,
            require_starttls=security == "starttls",
            authenticator=authenticate if login else None,
            auth_required=login,
            auth_require_tls=security == "starttls",
            auth_exclude_mechanism=None if login else ["LOGIN", "PLAIN"],
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
        )

    tls = certificates.context if security == "tls" else None
    listening = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=tls)
    try:
        server.port = listening.sockets[0].getsockname()[1]
        yield server
    finally:
        listening.close()
