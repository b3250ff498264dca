"""Feishu and Lark (飞书): a group's custom robot. https://open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN"""

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from typing import Any, Final

from btcwatcher_api.notifications.message import Message
from btcwatcher_api.notifications.outcome import Outcome
from btcwatcher_api.notifications.senders import answers, credentials, http, text
from btcwatcher_api.notifications.senders.text import Line, Piece
from btcwatcher_api.signals.types import Priority
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import NotificationChannelSpec

ENDPOINT: Final = "https://open.feishu.cn"

REQUEST_MAX: Final = 20_000
"""Bytes of a whole request: the document says 20 KB, and this is the smaller of its two meanings."""

_AROUND: Final = 1_500
"""Bytes of a request beside the lines of its text: title, signature and the card itself."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{8,128}")
_COLOUR: Final = {Priority.P0: "red", Priority.P1: "orange", Priority.P2: "blue"}

# Where nothing else is said, the codes are those of the robot's document, named above.
_AUTH: Final = frozenset(
    {
        # "param invalid: incoming webhook access token invalid": not in the document, but what is answered where no
        # robot has this token.
        19001,
        # The signature does not match, or our clock is an hour off.
        19021,
        # Our address is not one of those it may be called from.
        19022,
    }
)
_LIMITED: Final = frozenset(
    {
        # Too many messages, or too busy at the full hour.
        11232,
        # 频控策略, with x-ogw-ratelimit-reset: https://open.feishu.cn/document/ukTMukTMukTM/uUzN04SN3QjL1cDN
        99991400,
    }
)
_BAD_REQUEST: Final = 9499
"""Has two meanings: "Bad Request" in the document, and "too many request" where it is busy."""
_REFUSED: Final = frozenset(
    {
        # "params error, msg_type need": not in the document, but what a robot answers to what is no message.
        19002,
        # None of the robot's key words is in the message.
        19024,
        # Too large: measured at about 150 KiB, https://github.com/hughcube/laravel-lark/releases/tag/v1.0.0
        19036,
        # "Failed to create card content": https://open.feishu.cn/document/server-docs/im-v1/message/create
        230099,
    }
)

# As the document of the component says: marks are written as HTML entities.
# https://open.feishu.cn/document/uAjLw4CM/ukzMukzMukzM/feishu-cards/card-components/content-components/rich-text
_MARKS: Final = re.compile(r"[&<>*~\[\]()`_#\\:$!|+-]")


async def send(
    spec: NotificationChannelSpec, secret: Mapping[str, str], message: Message, *, timeout: float
) -> Outcome:
    token = credentials.required(secret, "token")
    must = "must be what follows /hook/ in the address of the robot, and nothing else"
    credentials.matching(token, "token", _TOKEN, must)
    url = f"{(spec.endpoint or ENDPOINT).rstrip('/')}/open-apis/bot/v2/hook/{token}"
    body = written(spec, message)
    if key := credentials.optional(secret, "secret"):
        body = {**signature(key, int(time.time())), **body}
    return judge(await http.post(url, body, timeout))


def signature(key: str, now: int) -> dict[str, str]:
    """The key of the HMAC is time and secret, and what is signed is nothing."""
    digest = hmac.new(f"{now}\n{key}".encode(), b"", hashlib.sha256).digest()
    return {"timestamp": str(now), "sign": base64.b64encode(digest).decode()}


def written(spec: NotificationChannelSpec, message: Message) -> dict[str, Any]:
    found = text.fit(text.lines(message.body), _size, REQUEST_MAX - _AROUND, spec.language)
    title = text.one_line(message.title, text.TITLE_MAX) or "—"
    return {
        "msg_type": "interactive",
        "card": {
            "config": {"wide_screen_mode": True},
            "header": {
                "title": {"tag": "plain_text", "content": title},
                "template": _COLOUR.get(message.priority, "blue"),
            },
            "elements": [{"tag": "markdown", "content": "\n".join(map(_line, found)) or escaped(title)}],
        },
    }


def judge(answer: http.Answer) -> Outcome:
    """Feishu answers 200 with a code of its own; only 0 is a yes."""
    fields = answer.fields or {}
    code = fields.get("code", fields.get("StatusCode"))
    wait = answers.retry_after(answer.headers) or answers.seconds(answer.headers.get("x-ogw-ratelimit-reset"))
    if answer.status == 429 or code in _LIMITED:
        reason = ChannelReason.RATE_LIMITED
    elif not isinstance(code, int) or isinstance(code, bool):
        reason = answers.of_status(answer.status)
    elif code == 0 and answer.status == 200:
        return Outcome(ChannelReason.SENT)
    elif code in _AUTH:
        reason = ChannelReason.AUTH
    elif code == _BAD_REQUEST and "too many" in str(fields.get("msg", "")).lower():
        reason = ChannelReason.RATE_LIMITED
    elif answer.status >= 500:
        reason = ChannelReason.VENDOR_ERROR
    elif code == _BAD_REQUEST or code in _REFUSED:
        reason = ChannelReason.REJECTED
    else:
        reason = ChannelReason.UNEXPECTED_ANSWER
    return Outcome(reason, f"HTTP {answer.status}: {answer.text}", wait)


def escaped(words: str) -> str:
    return _MARKS.sub(lambda mark: f"&#{ord(mark[0])};", words)


def _size(line: Line) -> int:
    return len(json.dumps(_line(line), ensure_ascii=False).encode())


def _line(line: Line) -> str:
    return "".join(map(_piece, line))


def _piece(piece: Piece) -> str:
    # Older clients know no code, and show its marks.
    words = escaped(piece.text)
    if piece.link:
        return f"[{words}]({_target(piece.link)})"
    if piece.bold and piece.text.strip():
        inner = words.strip()
        around = words.partition(inner)
        return f"{around[0]}**{inner}**{around[2]}"
    return words


def _target(link: str) -> str:
    for character, replaced in (("(", "%28"), (")", "%29"), ("<", "%3C"), (">", "%3E"), ("[", "%5B"), ("]", "%5D")):
        link = link.replace(character, replaced)
    return link
