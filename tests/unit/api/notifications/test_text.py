"""A message's CommonMark as lines, and how they are cut."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from btcwatcher_api.notifications.senders import text
from btcwatcher_api.notifications.senders.text import Line, Piece
from btcwatcher_api.notifications.templates.render import render
from btcwatcher_api.notifications.templates.samples import SAMPLES
from btcwatcher_crds.notification_channel import Language


def _bytes(line: Line) -> int:
    return len(text.plain(line).encode()) + 1


def _plain(body: str) -> str:
    return "\n".join(map(text.plain, text.lines(body)))


def test_bold_code_lists_and_links_become_pieces() -> None:
    body = "**Strong** `BTC/USDT`\nprice\n\n- one\n- two **2**\n  - inner\n\n3. three\n4. [four](https://a.example/x)"
    assert text.lines(body) == [
        (Piece("Strong", bold=True), Piece(" "), Piece("BTC/USDT", code=True)),
        (Piece("price"),),
        (),
        (Piece("• one"),),
        (Piece("• two "), Piece("2", bold=True)),
        (Piece("  • inner"),),
        (),
        (Piece("3. three"),),
        (Piece("4. "), Piece("four", link="https://a.example/x")),
    ]


def test_a_heading_is_bold_and_a_block_of_code_keeps_its_lines() -> None:
    assert text.lines("# Head\n```\na  b\n\n**c**\n```") == [
        (Piece("Head", bold=True),),
        (),
        (Piece("a  b", code=True),),
        (),
        (Piece("**c**", code=True),),
    ]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (r"\*\*not bold\*\* \<b\> \[x\]\(y\) \~ \`", "**not bold** <b> [x](y) ~ `"),
        ("<b>x</b><script>alert(1)</script>", "<b>x</b><script>alert(1)</script>"),
        ("a &lt;b&gt; &amp;amp;", "a <b> &amp;"),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[x](tg://user?id=1)", "x"),
        ("![x](https://a.example/pixel.png)", "!x (https://a.example/pixel.png)"),
        ("a\x00b\x1b[31m\u202egnp\u2066", "ab[31mgnp"),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("\n\n\na\n\n\n\nb\n\n", "a\n\nb"),
        ("", ""),
    ],
)
def test_what_is_no_markup_of_ours_is_text(body: str, shown: str) -> None:
    assert _plain(body) == shown


def test_a_title_is_one_line() -> None:
    assert text.one_line("a\r\nBcc: everybody@example.com\x00 \u2028b", 100) == "a Bcc: everybody@example.com b"
    assert text.one_line("长" * 300, 200) == "长" * 199 + "…"


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(
    "kind", ["多", "a", "🚀", "é", "👩‍👩‍👧‍👦", "🇨🇳", "👍🏽", "**粗**", "[链接](https://a.example/)", "`x`"]
)
def test_what_is_cut_fits_and_says_so_at_every_length(kind: str, language: Language) -> None:
    """In bytes, around the limit, in one long line and in many."""
    notice = text.CUT[language]
    for separator in ("", "\n", "\n\n"):
        for count in (1, 2, 3, 5, 8, 13, 21, 34, 55):
            found = text.lines(separator.join([kind] * count))
            whole = sum(map(_bytes, found))
            for limit in (64, 101, 102, 103, 128):
                fitted = text.fit(found, _bytes, limit, language)
                assert sum(map(_bytes, fitted)) <= limit
                assert (fitted == found) == (whole <= limit)
                if whole > limit:
                    assert text.plain(fitted[-1]) == notice
                    assert len(fitted) > 1


@pytest.mark.parametrize("character", ["é", "👩‍👩‍👧‍👦", "🇨🇳", "👍🏽", "❤️", "न्"])
def test_no_cut_is_within_a_character(character: str) -> None:
    line: Line = (Piece(unicodedata.normalize("NFD", character) * 40),)
    whole = text.plain(line)
    single = len(whole) // 40
    for limit in range(60, 300):
        fitted = text.fit([line], _bytes, limit, Language.ENGLISH)
        if len(fitted) == 2:
            kept = text.plain(fitted[0])
            assert whole.startswith(kept)
            assert len(kept) % single == 0, (limit, kept)


def test_a_cut_is_after_a_line_where_that_leaves_half() -> None:
    found = text.lines("\n".join(f"line {number:02d}" for number in range(40)))
    fitted = text.fit(found, _bytes, 120, Language.ENGLISH)
    assert [text.plain(line) for line in fitted[-2:]] == ["line 11", "… (cut: too long)"]


def test_html_has_no_markup_of_strangers() -> None:
    written = text.html(
        "**b** `c` <img src=x onerror=y>\nnext\n\n- [l](https://a.example/?a=1&b=2)\n- [j](javascript:x)"
    )
    assert "<strong>b</strong> <code>c</code> &lt;img src=x onerror=y&gt;<br />\nnext" in written
    assert '<a href="https://a.example/?a=1&amp;b=2">l</a>' in written
    assert 'href="javascript' not in written


def test_a_body_without_end_is_not_read_to_it() -> None:
    assert len(_plain("x" * 10_000_000)) == text.BODY_MAX
    assert _plain("[" * 5_000).startswith("[[[")
    assert _plain("> " * 5_000 + "deep") is not None


_FRAGMENTS = (
    *(
        "a",
        "Ab",
        "é",
        "中",
        "1",
        "1.",
        "-",
        "- ",
        "+",
        "=",
        " ",
        "  ",
        "\n",
        "\n\n",
        "\t",
        "\u3000",
        "(",
        ")",
        ":",
        ".",
    ),
    *(
        "**",
        "**a**",
        "**a1**: ",
        "*",
        "_",
        "\\_",
        "\\*",
        "\\-",
        "\\",
        "`",
        "[",
        "](",
        "!",
        "<b>",
        "&amp;",
        "#",
        "~",
        "|",
    ),
)


@settings(max_examples=2000, deadline=None)
@given(st.lists(st.sampled_from(_FRAGMENTS), max_size=14).map("".join))
def test_the_short_way_sees_what_the_parser_sees(body: str) -> None:
    body = text.clean(body)
    simple = text._simple(body)
    if simple is not None:
        assert _tidy(simple) == _tidy(text._parsed(body))


def _tidy(lines: list[Line]) -> list[Line]:
    """Without blank lines at the ends and more than one between others."""
    kept: list[Line] = []
    for line in lines:
        if line or (kept and kept[-1]):
            kept.append(line)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def test_what_the_default_templates_write_goes_the_short_way() -> None:
    for language in Language:
        for sample in SAMPLES:
            body = render([sample], language=language).message.body
            assert text._simple(text.clean(body)) is not None, body
