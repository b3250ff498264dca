import socket
from collections.abc import Iterator

import pytest

from btcwatcher_local.loopback import HOST, free_port
from btcwatcher_local.stack.ports import first_free, free_range, is_free


@pytest.fixture
def busy() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen()
        port: int = listener.getsockname()[1]
        yield port


def test_a_free_port_is_taken_without_a_word() -> None:
    said: list[str] = []
    port = free_port()
    assert first_free(port, "the API", said.append) == port
    assert said == []


def test_a_busy_port_is_said_and_passed_over(busy: int) -> None:
    said: list[str] = []
    port = first_free(busy, "the API", said.append)
    assert port != busy
    assert is_free(port)
    assert said == [f"port {busy} is busy: the API is at {port}"]


def test_two_stacks_never_share_a_range() -> None:
    said: list[str] = []
    first = free_range(23000, 23009, said.append)
    second = free_range(23000, 23009, said.append)
    try:
        assert first.last < second.first
        assert second.last - second.first == 9
        assert f"ports 23000-23009 are in use: the pool is {second}" in said
    finally:
        first.release()
        second.release()
    again = free_range(23000, 23009, said.append)
    assert again.first == first.first
    again.release()


def test_a_range_with_a_busy_port_is_passed_over(busy: int) -> None:
    if busy > 60000:
        pytest.skip("no room above this port")
    chosen = free_range(busy, busy + 4, lambda _: None)
    assert chosen.first > busy
    chosen.release()
