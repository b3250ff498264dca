"""Probes: counting of thresholds (pure) and the three ways to ask a container (exec, HTTP, TCP)."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from btcwatcher_local.node import process

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from btcwatcher_local.client.resources import Obj


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """A probe's numbers with the API's defaults."""

    initial_delay: float
    period: float
    timeout: float
    success_threshold: int
    failure_threshold: int
    grace: int | None

    @classmethod
    def read(cls, probe: Obj) -> ProbeSpec:
        return cls(
            initial_delay=float(probe.get("initialDelaySeconds") or 0),
            period=float(probe.get("periodSeconds") or 10),
            timeout=float(probe.get("timeoutSeconds") or 1),
            success_threshold=int(probe.get("successThreshold") or 1),
            failure_threshold=int(probe.get("failureThreshold") or 3),
            grace=probe.get("terminationGracePeriodSeconds"),
        )


@dataclass(slots=True)
class Counter:
    """Turns single outcomes into a verdict: only so many equal ones in a row change it."""

    success_threshold: int
    failure_threshold: int
    verdict: bool | None = None
    _last: bool | None = None
    _run: int = 0

    def record(self, success: bool) -> bool | None:
        """Count one outcome; the verdict after it (None: undecided yet)."""
        self._run = self._run + 1 if success == self._last else 1
        self._last = success
        if self._run >= (self.success_threshold if success else self.failure_threshold):
            self.verdict = success
        return self.verdict


@dataclass(frozen=True, slots=True)
class Target:
    """Where a probe asks."""

    cwd: Path
    env: Mapping[str, str]
    pod_ip: str
    container: Obj


@dataclass(frozen=True, slots=True)
class Outcome:
    success: bool
    message: str = ""


async def check(probe: Obj, target: Target, timeout: float) -> Outcome:
    """Ask once; never raises."""
    if handler := probe.get("exec"):
        return await _exec(handler.get("command") or [], target, timeout)
    if handler := probe.get("httpGet"):
        return await _http(handler, target, timeout)
    if handler := probe.get("tcpSocket"):
        return await _tcp(handler, target, timeout)
    return Outcome(False, "this kind of probe is not supported on a local node")


async def _exec(command: list[str], target: Target, timeout: float) -> Outcome:
    if (told := file_test(command, target.cwd)) is not None:
        return Outcome(told)
    try:
        code, output = await process.run(command, cwd=target.cwd, env=target.env, timeout=timeout)
    except OSError as error:
        return Outcome(False, f"{command[0] if command else 'command'}: {error.strerror}")
    if code is None:
        return Outcome(False, f"command timed out: {' '.join(command)!r} timed out after {timeout:g}s")
    return Outcome(code == 0, output or f"exit code {code}")


def file_test(command: list[str], cwd: Path) -> bool | None:
    """`test -f PATH` and `test -e PATH` answered without a process; None for any other command.

    Hundreds of bots are asked this way every few seconds, and a process each would cost more than the bots do.
    """
    if len(command) == 3 and command[0] == "test" and command[1] in ("-f", "-e"):
        path = cwd / command[2]
        return path.is_file() if command[1] == "-f" else path.exists()
    return None


def port_number(port: int | str, container: Obj) -> int | None:
    """A probe's port by number or by the name of a container port."""
    if isinstance(port, int) or port.isdigit():
        return int(port)
    for entry in container.get("ports") or []:
        if entry.get("name") == port:
            return int(entry["containerPort"])
    return None


async def _http(handler: Obj, target: Target, timeout: float) -> Outcome:
    port = port_number(handler["port"], target.container)
    if port is None:
        return Outcome(False, f"no container port is named {handler['port']}")
    scheme = str(handler.get("scheme") or "HTTP").lower()
    path = str(handler.get("path") or "/")
    url = f"{scheme}://{handler.get('host') or target.pod_ip}:{port}/{path.lstrip('/')}"
    headers = {"User-Agent": "kube-probe/local"} | {
        entry["name"]: entry["value"] for entry in handler.get("httpHeaders") or []
    }
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout)) as session,
            # As the kubelet: a probe does not check certificates.
            session.get(url, headers=headers, allow_redirects=False, ssl=False) as response,
        ):
            await response.content.read(10_240)
            if 200 <= response.status < 400:
                return Outcome(True)
            return Outcome(False, f"HTTP probe failed with statuscode: {response.status}")
    except TimeoutError:
        return Outcome(False, f'Get "{url}": context deadline exceeded')
    except aiohttp.ClientConnectorError as error:
        return Outcome(False, f'Get "{url}": dial tcp {error.host}:{error.port}: {_why(error.os_error)}')
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Outcome(False, f'Get "{url}": {error}')


async def _tcp(handler: Obj, target: Target, timeout: float) -> Outcome:
    port = port_number(handler["port"], target.container)
    if port is None:
        return Outcome(False, f"no container port is named {handler['port']}")
    host = handler.get("host") or target.pod_ip
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(host, port)
        writer.close()
    except TimeoutError:
        return Outcome(False, f"dial tcp {host}:{port}: i/o timeout")
    except OSError as error:
        return Outcome(False, f"dial tcp {host}:{port}: {_why(error)}")
    return Outcome(True)


def _why(error: OSError) -> str:
    """`Connection refused`, without asyncio's words around it."""
    return os.strerror(error.errno) if error.errno else str(error)
