"""Telegram: the Bot API's sendMessage. https://core.telegram.org/bots/api#sendmessage"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from btcwatcher_api.notifications.message import Message
from btcwatcher_api.notifications.outcome import Outcome
from btcwatcher_api.notifications.senders import answers, credentials, http, text
from btcwatcher_api.notifications.senders.text import Line
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import NotificationChannelSpec

ENDPOINT: Final = "https://api.telegram.org"

TEXT_MAX: Final = 4096
"""Of a message's text, "after entities parsing". Counted in UTF-16 code units, as entities are: never too few."""

ENTITIES_MAX: Final = 100
"""Telegram leaves out further ones."""

_TOKEN: Final = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,128}")
_NO_CHAT: Final = "chat not found"
_CHAT: Final = re.compile(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{1,64}")


async def send(
    spec: NotificationChannelSpec, secret: Mapping[str, str], message: Message, *, timeout: float
) -> Outcome:
    token = credentials.required(secret, "token")
    credentials.matching(token, "token", _TOKEN, "must be a bot's token, such as 123456:ABC-DEF")
    chat = credentials.required(secret, "chatId")
    credentials.matching(chat, "chatId", _CHAT, "must be a chat's number, such as -1001234567890, or @channel")
    url = f"{(spec.endpoint or ENDPOINT).rstrip('/')}/bot{token}/sendMessage"
    return judge(await http.post(url, {"chat_id": chat, **written(spec, message)}, timeout))


def written(spec: NotificationChannelSpec, message: Message) -> dict[str, Any]:
    """Text and entities, not HTML or MarkdownV2: in text that is not parsed nothing has to be escaped."""
    found = text.fit(text.whole(message.title, message.body), _size, TEXT_MAX, spec.language)
    whole, entities = _entities(found)
    return {
        "text": whole,
        "entities": entities,
        "link_preview_options": {"is_disabled": True},
        "disable_notification": message.priority is Priority.P2,
    }


def judge(answer: http.Answer) -> Outcome:
    """Only an answer in Telegram's own form tells of credentials or refusals: a proxy in between may answer too.

    Texts and codes are those of the Bot API server, https://github.com/tdlib/telegram-bot-api (Client.cpp), fields
    those of https://core.telegram.org/bots/api#responseparameters.
    """
    fields = answer.fields or {}
    given = fields.get("parameters")
    parameters = given if isinstance(given, dict) else {}
    asked = answers.seconds(parameters.get("retry_after"))
    wait = asked or answers.retry_after(answer.headers)
    match answer.status, fields.get("ok"):
        case 200, True:
            return Outcome(ChannelReason.SENT)
        case 429, _:
            reason = ChannelReason.RATE_LIMITED
        case ((401 | 403 | 404), False):
            # No such bot; or it was blocked or thrown out: nothing reaches this chat before that is mended.
            reason = ChannelReason.AUTH
        case 400, False if "migrate_to_chat_id" in parameters or _NO_CHAT in str(fields.get("description")):
            # The group has another number now, which is in the answer; or there is no such chat.
            reason = ChannelReason.SECRET_INVALID
        case ((400 | 413), False):
            reason = ChannelReason.REJECTED
        case status, _ if status >= 500:
            reason = ChannelReason.VENDOR_ERROR
        case _:
            reason = ChannelReason.UNEXPECTED_ANSWER
    return Outcome(reason, f"HTTP {answer.status}: {answer.text}", wait)


def _entities(found: Sequence[Line]) -> tuple[str, list[dict[str, Any]]]:
    entities: list[dict[str, Any]] = []
    written: list[str] = []
    offset = 0
    for line in found:
        for piece in line:
            length = _units(piece.text)
            at = {"offset": offset, "length": length}
            # Code can be nothing else beside.
            if piece.code:
                entities.append({"type": "code", **at})
            else:
                if piece.bold:
                    entities.append({"type": "bold", **at})
                if piece.link:
                    entities.append({"type": "text_link", "url": piece.link, **at})
            written.append(piece.text)
            offset += length
        written.append("\n")
        offset += 1
    return "".join(written)[:-1], entities[:ENTITIES_MAX]


def _size(line: Line) -> int:
    return sum(_units(piece.text) for piece in line) + 1


def _units(string: str) -> int:
    return len(string.encode("utf-16-le")) // 2
