"""A message's CommonMark as lines of plain pieces, from which each vendor's dialect is written, and how they are cut.

Nobody's markup goes through: what is not bold, code or a link is text, and whoever writes a dialect escapes text.
A line stands for itself: no markup reaches across lines, so a message can be cut after any of them.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from btcwatcher_crds.notification_channel import Language

BODY_MAX: Final = 20_000
"""Characters of a body that are looked at: more than any vendor takes."""

TITLE_MAX: Final = 200
"""Characters of a title."""

CUT: Final = {Language.ENGLISH: "… (cut: too long)", Language.CHINESE: "……（内容过长，已截断）"}

_CODE_POINTS_THAT_LIE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")
"""Control characters, and those that turn the direction of text, by which strangers make it read otherwise."""

_LINKS: Final = re.compile(r"(https?://[^\s]+|mailto:[^\s]+)", re.IGNORECASE)

_COMMONMARK: Final = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(
    ["html_block", "html_inline", "image"]
)


_PLAIN: Final = r"[^\\`*_\[\]<>&!#~|\n\t]*"
_TEXT: Final = rf"{_PLAIN}(?:\\[!-/:-@\[-`{{-~]{_PLAIN})*"
_SIMPLE: Final = re.compile(rf"(?:(?=\*\*[^\W\d_]|[^\W\d_])(?:\*\*({_TEXT})(?<=[^\W_])\*\*)?({_TEXT})(?<!\s))?")
"""A line that begins with a letter, or with bold that begins with one: no list, heading, rule, quote or code."""
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    bold: bool = False
    code: bool = False
    link: str = ""
    """http, https or mailto; empty: none."""

    @property
    def style(self) -> tuple[bool, bool, str]:
        return self.bold, self.code, self.link


Line = tuple[Piece, ...]


def clean(text: str) -> str:
    """Text that can be encoded and that reads as it is written."""
    text = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _CODE_POINTS_THAT_LIE.sub("", text))


def one_line(title: str, limit: int) -> str:
    """A title as one line of at most `limit` characters."""
    title = " ".join(clean(title).split())
    return title if len(title) <= limit else title[: _boundary(title, limit - 1)] + "…"


def whole(title: str, body: str) -> list[Line]:
    """Title, in bold, and body, for vendors that know no titles; never nothing, which they refuse."""
    head: Line = (Piece(one_line(title, TITLE_MAX), bold=True),)
    return [*([head] if head[0].text else []), *lines(body)] or [(Piece("—"),)]


def lines(body: str) -> list[Line]:
    """The body's lines, without blank ones at the beginning and the end, and never two blank ones together."""
    body = clean(body[:BODY_MAX])
    simple = _simple(body)
    found: list[Line] = []
    for line in simple if simple is not None else _parsed(body):
        if any(piece.text.strip() for piece in line):
            found.append(line)
        elif found and found[-1]:
            found.append(())
    while found and not found[-1]:
        found.pop()
    return found


def _simple(body: str) -> list[Line] | None:
    """The lines of a body whose only markup is bold at their beginning, as the default templates write it; None for
    others. A tenth of the parser's time, which is a fifth of a message's."""
    found: list[Line] = []
    for line in body.split("\n"):
        match = _SIMPLE.fullmatch(line)
        if match is None:
            return None
        bold, rest = (_ESCAPED.sub(r"\1", part or "") for part in match.groups())
        found.append(tuple(piece for piece in (Piece(bold, bold=True), Piece(rest)) if piece.text))
    return found


def _parsed(body: str) -> list[Line]:
    written = _Writer()
    for token in _COMMONMARK.parse(body):
        written.block(token)
    return written.lines


def html(body: str) -> str:
    """The body as HTML of paragraphs, lists, bold, code and links."""
    written: str = _COMMONMARK.render(clean(body[:BODY_MAX]))
    return written


def plain(line: Line) -> str:
    """A line without any markup; a link is followed by where it leads."""
    return "".join(
        f"{piece.text} ({piece.link})" if piece.link and piece.link != piece.text else piece.text for piece in line
    )


def fit(found: Sequence[Line], size: Callable[[Line], int], limit: int, language: Language) -> list[Line]:
    """As many lines as have together at most `limit`, of which `size` is the measure, and a line that says so.

    Cut after a line, or, where that would leave less than half, within the next one, never within what a reader
    sees as one character.
    """
    sizes = [size(line) for line in found]
    if sum(sizes) <= limit:
        return list(found)
    notice: Line = (Piece(CUT[language]),)
    room = limit - size(notice)
    kept: list[Line] = []
    used = 0
    for line, needed in zip(found, sizes, strict=True):
        if used + needed > room:
            if used * 2 < room and (part := _beginning(line, size, room - used)):
                kept.append(part)
            break
        kept.append(line)
        used += needed
    return [*kept, notice] if room >= 0 else kept


def _beginning(line: Line, size: Callable[[Line], int], room: int) -> Line:
    """The longest beginning of a line that has room; found by halving, since it only grows with its characters."""
    low, high = 0, sum(len(piece.text) for piece in line)
    while low < high:
        middle = (low + high + 1) // 2
        if size(_first(line, middle)) <= room:
            low = middle
        else:
            high = middle - 1
    whole = "".join(piece.text for piece in line)
    return _first(line, _boundary(whole, low))


def _first(line: Line, count: int) -> Line:
    kept: list[Piece] = []
    for piece in line:
        if count <= 0:
            break
        kept.append(replace(piece, text=piece.text[:count]))
        count -= len(piece.text)
    return tuple(kept)


def _boundary(text: str, at: int) -> int:
    """The last place up to `at` that does not lie within a character of several code points."""
    while 0 < at < len(text) and _joined(text, at):
        at -= 1
    return at


def _joined(text: str, at: int) -> bool:
    following = text[at]
    if text[at - 1] == "\u200d" or following == "\u200d":
        return True
    if unicodedata.category(following) in {"Mn", "Me", "Mc"} or "\U0001f3fb" <= following <= "\U0001f3ff":
        return True
    if not _flag(following):
        return False
    before = 0
    while before < at and _flag(text[at - 1 - before]):
        before += 1
    return before % 2 == 1


def _flag(character: str) -> bool:
    """Two of these are one flag."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"


class _Writer:
    """Turns the parser's tokens into lines."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._lists: list[int | None] = []
        """Of each list that is open the next number, or None for one with bullets."""
        self._mark = ""
        """What the next line of a list's item begins with."""
        self._heading = False

    def block(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._lists.append(None)
            case "ordered_list_open":
                self._lists.append(int(token.attrs.get("start", 1)))
            case "list_item_open":
                self._mark = self._item()
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "heading_open":
                self._heading = True
            case "inline":
                self._inline(token.children or [])
            case "fence" | "code_block":
                for text in token.content.rstrip("\n").split("\n"):
                    self._line([Piece(text, code=True)] if text else [])
            case "hr":
                self._line([Piece("—" * 3)])
        if token.type == "heading_close":
            self._heading = False
        if token.level == 0 and (token.nesting == -1 or token.type in {"fence", "code_block", "hr"}):
            self.lines.append(())

    def _item(self) -> str:
        number = self._lists[-1]
        if number is None:
            return "• "
        self._lists[-1] = number + 1
        return f"{number}. "

    def _inline(self, tokens: Iterable[Token]) -> None:
        pieces: list[Piece] = []
        bold = 1 if self._heading else 0
        link = ""
        for token in tokens:
            match token.type:
                case "softbreak" | "hardbreak":
                    self._line(pieces)
                    pieces = []
                case "strong_open":
                    bold += 1
                case "strong_close":
                    bold -= 1
                case "link_open":
                    link = _safe(str(token.attrs.get("href", "")))
                case "link_close":
                    link = ""
                case _ if token.content:  # text and code
                    pieces.append(Piece(token.content, bold=bold > 0, code=token.type == "code_inline", link=link))
        self._line(pieces)

    def _line(self, pieces: Iterable[Piece]) -> None:
        indent = "  " * max(len(self._lists) - 1, 0)
        if self._lists:
            indent += self._mark or "  "
        self._mark = ""
        together = [Piece(indent)] if indent else []
        for piece in pieces:
            if together and together[-1].style == piece.style:
                together[-1] = replace(piece, text=together[-1].text + piece.text)
            else:
                together.append(piece)
        self.lines.append(tuple(together))


def _safe(href: str) -> str:
    return href if _LINKS.fullmatch(href) else ""
