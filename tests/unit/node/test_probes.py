"""Probe verdicts and the ways of asking."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from btcwatcher_local.node.probes import Counter, ProbeSpec, Target, check, file_test, port_number

if TYPE_CHECKING:
    from pathlib import Path

ENV = {"PATH": "/usr/bin:/bin", "WORD": "spoken"}


def verdicts(outcomes: str, success: int, failure: int) -> list[bool | None]:
    counter = Counter(success, failure)
    return [counter.record(outcome == "+") for outcome in outcomes]


def test_thresholds_need_outcomes_in_a_row() -> None:
    assert verdicts("+--+---", 1, 3) == [True, True, True, True, True, True, False]
    assert verdicts("-+-++", 2, 1) == [False, False, False, False, True]
    assert verdicts("--", 1, 3) == [None, None]


def test_defaults_are_those_of_the_api() -> None:
    assert ProbeSpec.read({}) == ProbeSpec(0, 10, 1, 1, 3, None)


def test_file_tests_need_no_process(tmp_path: Path) -> None:
    assert file_test(["test", "-f", "ready"], tmp_path) is False
    (tmp_path / "ready").touch()
    assert file_test(["test", "-f", "ready"], tmp_path) is True
    assert file_test(["test", "-e", "."], tmp_path) is True
    assert file_test(["test", "-f", "."], tmp_path) is False
    assert file_test(["test", "-d", "."], tmp_path) is None


@pytest.mark.parametrize(
    ("command", "success", "message"),
    [
        (["sh", "-c", "test $WORD = spoken"], True, ""),
        (["sh", "-c", "echo why; exit 3"], False, "why"),
        (["no-such-program"], False, "No such file"),
        (["sleep", "20"], False, "timed out"),
    ],
)
async def test_exec(tmp_path: Path, command: list[str], success: bool, message: str) -> None:
    outcome = await check({"exec": {"command": command}}, Target(tmp_path, ENV, "127.0.0.1", {}), 0.5)
    assert outcome.success is success
    assert message in outcome.message


async def test_http_and_tcp(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        status = b"200 OK" if b"/good" in line else b"503 Bad"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    container = {"ports": [{"name": "api", "containerPort": port}]}
    target = Target(tmp_path, {}, "127.0.0.1", container)
    async with server:
        assert (await check({"httpGet": {"path": "/good", "port": "api"}}, target, 2)).success
        bad = await check({"httpGet": {"path": "/bad", "port": port}}, target, 2)
        assert bad.message == "HTTP probe failed with statuscode: 503"
        assert (await check({"tcpSocket": {"port": port}}, target, 2)).success
    assert not (await check({"tcpSocket": {"port": port}}, target, 2)).success
    assert not (await check({"httpGet": {"port": port}}, target, 2)).success


def test_ports_by_name() -> None:
    container = {"ports": [{"name": "api", "containerPort": 8081}]}
    assert port_number("api", container) == 8081
    assert port_number("8082", container) == 8082
    assert port_number("no", container) is None
