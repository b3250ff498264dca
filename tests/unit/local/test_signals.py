"""Signals as the terminal shows them."""

from btcwatcher_local.stack.signals import line


def test_what_a_sender_put_into_a_tag_is_shown_and_not_obeyed() -> None:
    signal = {
        "event_time": "2026-11-27T06:37:21Z",
        "namespace": "mine",
        "strategy": "a1",
        "type": "entry",
        "pair": "BTC/USDT\n06:00:00  fake.bot  entry",
        "enter_tag": "\x1b[41mtag:0.9",
    }
    assert line(signal) == "06:37:21  mine.a1  entry  BTC/USDT\\n06:00:00  fake.bot  entry  \\x1b[41mtag:0.9"
