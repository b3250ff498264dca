"""An SMTP server on loopback whose mails go nowhere but into the list of what was caught."""

import email
import email.policy

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from btcwatcher_local.catcher.caught import Messages

MAX_BYTES = 1_000_000


class _Handler:
    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        mail = email.message_from_bytes(raw, policy=email.policy.default)
        part = mail.get_body(preferencelist=("plain", "html"))
        text = part.get_content() if part is not None else ""
        self._messages.add(
            "mail", ", ".join(envelope.rcpt_tos), str(mail["subject"] or ""), str(text).replace("\r\n", "\n").strip()
        )
        return "250 OK"


def mail_server(messages: Messages, host: str, port: int) -> Controller:
    """The server; `start` and `stop` are its own. It speaks plain SMTP: nothing leaves this machine."""
    return Controller(_Handler(messages), hostname=host, port=port, data_size_limit=MAX_BYTES)
