"""WeCom (企业微信): a group's robot. https://developer.work.weixin.qq.com/document/path/91770"""

import re
from collections.abc import Mapping
from typing import Any, Final

from btcwatcher_api.notifications.message import Message
from btcwatcher_api.notifications.outcome import Outcome
from btcwatcher_api.notifications.senders import answers, credentials, http, text
from btcwatcher_api.notifications.senders.text import Line, Piece
from btcwatcher_crds.conditions import ChannelReason
from btcwatcher_crds.notification_channel import NotificationChannelSpec

ENDPOINT: Final = "https://qyapi.weixin.qq.com"

MARKDOWN_MAX: Final = 4096
"""Bytes of UTF-8 of a message of type markdown (one of type text has 2,048)."""

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{8,128}")

# Where nothing else is said: 全局错误码, https://developer.work.weixin.qq.com/document/path/90313
_BUSY: Final = frozenset({-1})
_AUTH: Final = frozenset(
    {
        # "invalid webhook url", as robots answer: https://github.com/wes-lin/Cloud189Checkin/issues/175
        93000,
        # Our address is not one of those it may be called from.
        60020,
        # No such secret, and no such token: what a gateway (spec.endpoint) in front of it may answer.
        40001,
        40014,
    }
)
_LIMITED: Final = frozenset({45009, 45033})
"""Too many calls, and too many at once."""
_REFUSED: Final = range(40000, 48000)
"""What is wrong with a request: a parameter (40xxx), too much of it (45xxx), its form (47xxx) and so on."""

# The subset has no way to escape, so its marks are kept apart by a space without width: what is written stays what is
# seen, but is no bold, no link, no heading and calls nobody.
_APART: Final = "\u200b"
_MARKS: Final = re.compile(r"(?<=\*)(?=\*)|(?<=\])(?=\()|(?<=<)(?=[@/A-Za-z!])|(?<=&)(?=#?\w+;)")
_AT_THE_BEGINNING: Final = re.compile(r"^(?=\s*[#>])")


async def send(
    spec: NotificationChannelSpec, secret: Mapping[str, str], message: Message, *, timeout: float
) -> Outcome:
    key = credentials.required(secret, "key")
    credentials.matching(key, "key", _KEY, "must be what follows key= in the address of the robot, and nothing else")
    url = f"{(spec.endpoint or ENDPOINT).rstrip('/')}/cgi-bin/webhook/send?key={key}"
    return judge(await http.post(url, written(spec, message), timeout))


def written(spec: NotificationChannelSpec, message: Message) -> dict[str, Any]:
    found = text.fit(text.whole(message.title, message.body), _size, MARKDOWN_MAX, spec.language)
    return {"msgtype": "markdown", "markdown": {"content": "\n".join(map(_line, found))}}


def judge(answer: http.Answer) -> Outcome:
    """WeCom answers 200 whatever it has to say; errcode says it."""
    code = (answer.fields or {}).get("errcode")
    if not isinstance(code, int) or isinstance(code, bool):
        reason = answers.of_status(answer.status)
    elif code == 0 and answer.status == 200:
        return Outcome(ChannelReason.SENT)
    elif code in _AUTH:
        reason = ChannelReason.AUTH
    elif code in _LIMITED:
        reason = ChannelReason.RATE_LIMITED
    elif code in _BUSY or answer.status >= 500:
        reason = ChannelReason.VENDOR_ERROR
    elif code in _REFUSED:
        reason = ChannelReason.REJECTED
    else:
        reason = ChannelReason.UNEXPECTED_ANSWER
    return Outcome(reason, f"HTTP {answer.status}: {answer.text}", answers.retry_after(answer.headers))


def _size(line: Line) -> int:
    return len(_line(line).encode()) + 1


def _line(line: Line) -> str:
    return _AT_THE_BEGINNING.sub(_APART, "".join(map(_piece, line)), count=1)


def _piece(piece: Piece) -> str:
    if piece.code:
        # A code's own back-ticks would end it.
        return "`" + piece.text.replace("`", "'") + "`" if piece.text.strip() else piece.text
    words = _MARKS.sub(_APART, piece.text.replace("`", "'"))
    if piece.link:
        shown = words.replace("[", "(").replace("]", ")")
        return f"[{shown}]({_target(piece.link)})"
    if piece.bold and words.strip():
        # Bold begins and ends with a letter, and no asterisk of the text touches those of the mark.
        inner = words.strip()
        around = words.partition(inner)
        inner = re.sub(r"^\*|\*$", lambda mark: _APART + mark[0] + _APART, inner)
        return f"{around[0]}**{inner}**{around[2]}"
    return words


def _target(link: str) -> str:
    for character, escaped in (("(", "%28"), (")", "%29"), ("<", "%3C"), (">", "%3E"), ("[", "%5B"), ("]", "%5D")):
        link = link.replace(character, escaped)
    return link
