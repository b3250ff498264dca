"""Server-sent events as they come over a network: in pieces, with heartbeats, and broken off."""

import pytest

from btcwatcher_plugin.event_stream import EventStream

WHOLE = b'id: 1\nretry: 1000\n: following\n\nevent: signal\nid: 2\ndata: {"a":\ndata: 1}\n\n: heartbeat\nid: 3\n\n'


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_events_come_whole_however_they_are_cut(size: int) -> None:
    stream = EventStream()
    pieces = [WHOLE[begin : begin + size] for begin in range(0, len(WHOLE), size)]
    assert list(stream.events(pieces)) == ['{"a":\n1}']
    assert stream.last_id == "3"


def test_what_was_not_sent_whole_is_asked_for_again() -> None:
    stream = EventStream("1")
    assert list(stream.events([b"id: 2\ndata: lost"])) == []
    assert stream.last_id == "1"
    assert list(stream.events([b"data: found\r\nid: 2\r\n\r\n"])) == ["found"]
    assert stream.last_id == "2"


def test_only_a_line_feed_ends_a_line() -> None:
    """JSON may hold the other ends of lines that Unicode knows as they are."""
    text = '{"message": "one\u2028two\x85three"}'
    assert list(EventStream().events([f"data: {text}\n\n".encode()])) == [text]
