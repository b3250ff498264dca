"""The images, built by buildah on a base made on this machine, and run by podman as the chart runs them."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

REPOSITORY: Final = Path(__file__).parents[2]
FOLDER: Final = REPOSITORY / ".local" / "images"
"""Kept from run to run: the base and the layers are made once."""
USER: Final = 10001
RESTRICTED: Final = (
    "--network=host",
    f"--user={USER}:{USER}",
    "--read-only",
    "--read-only-tmpfs=false",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    # Kubernetes adds no entry to /etc/passwd either.
    "--passwd=false",
)
"""What Pod Security `restricted` and the chart ask for."""


@dataclass(frozen=True, slots=True)
class Engine:
    """buildah and podman with a storage of their own."""

    environment: Mapping[str, str]

    def call(self, *command: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=seconds,
            env={**os.environ, **self.environment},
        )

    def said(self, *command: str, seconds: float = 120) -> str:
        """What it printed; an AssertionError with its words when it failed."""
        done = self.call(*command, seconds=seconds)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def build(self, image: str) -> str:
        """The unchanged Dockerfile. Its tag."""
        room = REPOSITORY / "images" / image
        context = room if image == "freqtrade" else REPOSITORY
        tag = f"localhost/btcwatcher/{image}:test"
        options = ("--format=docker", "--pull-never", "--network=host", "--layers", "--runtime=runc")
        self.said("buildah", "bud", *options, f"--file={room}/Dockerfile", f"--tag={tag}", str(context), seconds=3600)
        return tag

    def inspect(self, tag: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = json.loads(self.said("podman", "image", "inspect", tag))
        return found[0]

    def container(self, tag: str, *arguments: str, **options: Any) -> Container:
        return Container(self, tag, arguments, **options)


@dataclass(slots=True)
class Container:
    """One container under the restricted settings; `mounts` are paths in the container and folders or files here."""

    engine: Engine
    tag: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, Path] = field(default_factory=dict)
    entrypoint: str = ""
    name: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:8]}")

    def run(self, seconds: float = 240) -> subprocess.CompletedProcess[str]:
        """To its end."""
        return self.engine.call(*self._command("--rm"), seconds=seconds)

    def __enter__(self) -> Container:
        self.engine.said(*self._command("--detach"))
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.call("podman", "rm", "--force", "--time=0", self.name)

    def wait_for(self, what: str, condition: Callable[[], object], seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert self.running, f"ended before: {what}\n{self.log}"
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}\n{self.log}"
            time.sleep(0.5)

    def healthy(self) -> bool:
        """What the image's own health check says."""
        return self.engine.call("podman", "healthcheck", "run", self.name).returncode == 0

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.engine.said("podman", "stop", "--time=60", self.name)
        return int(self.engine.said("podman", "container", "inspect", "--format={{.State.ExitCode}}", self.name))

    @property
    def running(self) -> bool:
        state = self.engine.said("podman", "container", "inspect", "--format={{.State.Running}}", self.name)
        return state.strip() == "true"

    @property
    def log(self) -> str:
        done = self.engine.call("podman", "logs", self.name)
        return done.stdout + done.stderr

    def _command(self, *options: str) -> Sequence[str]:
        return (
            "podman",
            "run",
            f"--name={self.name}",
            *options,
            *RESTRICTED,
            *(f"--env={name}={value}" for name, value in self.environment.items()),
            *(f"--volume={place}:{path}" for path, place in self.mounts.items()),
            *([f"--entrypoint={self.entrypoint}"] if self.entrypoint else []),
            self.tag,
            *self.arguments,
        )


def prepared() -> Engine:
    """Installs what is missing and makes the base image; skips, with the reason, where that cannot be had."""
    done = subprocess.run(
        [REPOSITORY / "images" / "testing" / "prepare.sh", FOLDER],
        check=False,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    if done.returncode == 77:
        pytest.skip(done.stderr.strip().rpartition("\n")[2])
    assert done.returncode == 0, done.stderr
    return Engine(
        {"CONTAINERS_STORAGE_CONF": str(FOLDER / "storage.conf"), "CONTAINERS_CONF": str(FOLDER / "containers.conf")}
    )
