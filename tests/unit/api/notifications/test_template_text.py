"""Numbers and times as people read them, and strangers' text that says nothing but itself."""

import random
import string
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from btcwatcher_api.notifications.senders.text import lines
from btcwatcher_api.notifications.senders.text import plain as shown
from btcwatcher_api.notifications.templates.render import TITLE_MAX, render
from btcwatcher_api.notifications.templates.samples import SAMPLES
from btcwatcher_api.notifications.templates.text import (
    code,
    escape,
    escape_lines,
    local_time,
    money,
    number,
    percent,
    plain,
    signed,
)
from btcwatcher_crds.notification_channel import Language

NUMBERS = {
    "60414.57469": "60414.575",
    "0.00165": "0.00165",
    "0.00165000": "0.00165",
    "100": "100",
    "1E+2": "100",
    "123456789.5": "123456790",
    "0.000012345678901": "0.000012345679",
    "0": "0",
    "-0.0": "0",
    "0E-18": "0",
    "1e-30": "1.0000000e-30",
    "NaN": "NaN",
}
MONEY = {
    "99.6840482385": "99.68",
    "100": "100",
    "0.33339264": "0.3334",
    "-5.1": "-5.10",
    "0": "0",
    "-0.00001": "-0.00001",
}
PERCENT = {"0.00333123": "+0.33%", "-0.0512": "-5.12%", "0": "0.00%", "-0.000001": "0.00%", "1.5": "+150.00%"}


@pytest.mark.parametrize("value", NUMBERS)
def test_numbers_have_no_noise(value: str) -> None:
    assert number(Decimal(value)) == NUMBERS[value]


@pytest.mark.parametrize("value", MONEY)
def test_money_has_two_places_or_what_is_below_one(value: str) -> None:
    assert money(Decimal(value)) == MONEY[value]


@pytest.mark.parametrize("value", PERCENT)
def test_a_profit_has_its_sign(value: str) -> None:
    assert percent(Decimal(value)) == PERCENT[value]


def test_a_sign_is_put_where_there_is_none() -> None:
    assert [signed(text) for text in ("1.5", "-1.5", "0")] == ["+1.5", "-1.5", "0"]


def test_a_time_names_its_zone() -> None:
    at = datetime(2026, 11, 22, 19, 50, 37, tzinfo=UTC)
    assert local_time(at, ZoneInfo("Asia/Shanghai")) == "2026-11-23 03:50:37 Asia/Shanghai"


STRANGERS = (
    "**Stop loss** [click](https://evil.example)",
    "`code` _it_ ~~no~~ <https://evil.example> &lt;b&gt; <at id=all></at>",
    "# heading",
    "- item",
    "1. item",
    "12) item",
    "+ item",
    "--- ",
    "===",
    "> quoted",
    "a | b",
    "\\*not\\*",
    "back\\",
    "![image](x)",
    "line one\nline two",
    "\u202etxt.exe\u202c",
    "zero\u200bwidth",
    "趋势_突破:0.83 *强*",
    "&amp; &#42;",
    "    indented code",
    "\x00\x1b[31mred",
)


@pytest.mark.parametrize("text", STRANGERS)
def test_strangers_text_is_shown_as_it_is(text: str) -> None:
    """By the parser that the senders have."""
    visible = " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())
    assert [shown(line) for line in lines(escape(text))] == [visible]
    assert all(not piece.bold and not piece.code and not piece.link for line in lines(escape(text)) for piece in line)


def test_whatever_the_text_is_it_stays_text() -> None:
    chosen = random.Random(20261127)  # noqa: S311 - the same texts each time
    alphabet = string.punctuation + "ab1 \n多"
    for _ in range(1_000):
        text = "".join(chosen.choices(alphabet, k=chosen.randint(1, 24)))
        expected = " ".join(text.split())
        found = lines(f"**Tag**: {escape(text)}\n{escape(text)}")
        assert [shown(line) for line in found] == [f"Tag: {expected}".rstrip(), *([expected] if expected else [])], text
        assert plain(escape(text)) == expected


def test_lines_stay_lines_and_nothing_more() -> None:
    found = lines(escape_lines("first *one*\n# second\n\n- third"))
    assert [shown(line) for line in found if line] == ["first *one*", "# second", "- third"]
    assert all(not piece.bold for line in found for piece in line)


def test_code_cannot_be_left() -> None:
    assert code("a`b\n`c") == "`a'b 'c`"


def test_a_title_is_plain_and_of_one_line() -> None:
    stranger = "BTC_USDT**\n# `x`"
    subject = SAMPLES[0]
    subject = type(subject)(
        subject.id, subject.kind, subject.priority, "a", "s", subject.at, {**subject.values, "pair": stranger}
    )
    message = render([subject], language=Language.ENGLISH).message
    assert message.title == "Entry order BTC_USDT** # `x` long @ 60414.575 · s"
    own = render([subject], language=Language.ENGLISH, template="## **{{ subject.pair }}** `now`\nbody").message
    assert (own.title, own.body) == ("BTC_USDT** # `x` now", "body")


def test_a_long_title_is_cut() -> None:
    message = render(SAMPLES[:1], language=Language.ENGLISH, template="x" * 300).message
    assert len(message.title) == TITLE_MAX
    assert message.title.endswith("…")
