"""Settings of the node agent and the folders it keeps."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What can be set on the node agent. Times are seconds."""

    root: Path
    node_name: str = "btcwatcher-local"
    max_pods: int = 110
    backoff_base: float = 10.0
    backoff_cap: float = 300.0
    backoff_reset: float = 600.0
    """A container that ran this long starts with a fresh back-off."""
    config_retry: float = 2.0
    """How soon a container that could not be configured (missing Secret, say) is tried again."""
    shutdown_grace: float = 30.0
    """Upper bound for a pod's grace period when the agent itself ends."""
    heartbeat: float = 10.0
    log_bytes: int = 10 * 1024 * 1024
    """A container's log is rotated at this size; one rotated file is kept."""
    host_ip: str = "127.0.0.1"
    port: int = 0
    """Where logs and figures are served; 0: a free one, and another after each start."""
    renew_after: float = 0.8
    """The share of a token's life after which the next one is asked for."""
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def pods_dir(self) -> Path:
        return self.root / "pods"


@dataclass(frozen=True, slots=True)
class PodDirs:
    """Folders of one pod: `<root>/pods/<uid>/{volumes,containers}`."""

    base: Path

    @property
    def volumes(self) -> Path:
        return self.base / "volumes"

    def container(self, name: str) -> ContainerDirs:
        return ContainerDirs(self.base / "containers" / name)


@dataclass(frozen=True, slots=True)
class ContainerDirs:
    """Folders of one container."""

    base: Path

    @property
    def rootfs(self) -> Path:
        return self.base / "rootfs"

    @property
    def logs(self) -> Path:
        return self.base / "logs"

    @property
    def state_file(self) -> Path:
        return self.base / "state.json"

    def log_file(self, restart_count: int) -> Path:
        return self.logs / f"{restart_count}.log"

    @property
    def marker(self) -> str:
        """Value of an environment variable by which every process of the container can be told."""
        return hashlib.sha256(str(self.base.absolute()).encode()).hexdigest()[:32]
