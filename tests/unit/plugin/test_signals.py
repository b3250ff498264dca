"""One signal on one line."""

from btcwatcher_plugin.output import printable
from btcwatcher_plugin.signals import line


def test_a_line_has_what_matters() -> None:
    signal = {
        "event_time": "2026-11-27T12:00:00.123Z",
        "strategy_id": "trading.ema",
        "type": "exit_fill",
        "pair": "BTC/USDT",
        "price": "88726.64",
        "level": None,
        "strength": None,
        "profit_ratio": "-0.01234",
        "exit_reason": "stop_loss",
        "enter_tag": "rsi:0.85",
        "recovered": True,
    }
    expected = "2026-11-27 12:00:00  trading.ema  exit_fill  BTC/USDT  @ 88726.64  -1.23%  stop_loss  (recovered)"
    assert line(signal) == expected
    assert "Strong (0.85)" in line({**signal, "level": "Strong", "strength": "0.85"})


def test_words_of_several_lines_are_one() -> None:
    signal = {"event_time": "2026-11-27T12:00:00Z", "strategy_id": "trading.ema", "type": "startup"}
    said = line({**signal, "message": "*Exchange:* `binance`\n*Stake:* `50 USDT`"})
    assert said == "2026-11-27 12:00:00  trading.ema  startup  *Exchange:* `binance` *Stake:* `50 USDT`"


def test_what_a_sender_wrote_does_not_command_the_terminal() -> None:
    assert printable("\x1b[2Jgone\r一") == "\\x1b[2Jgone\\r一"
