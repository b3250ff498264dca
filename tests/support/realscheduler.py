"""A real kube-scheduler beside a real API server, where its binary lies beside that of the API server."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from support import realapi

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

MISSING = "no real kube-scheduler"


def binary() -> Path | None:
    folder = realapi.binaries()
    return folder / "kube-scheduler" if folder is not None and (folder / "kube-scheduler").is_file() else None


@contextlib.contextmanager
def running(kubeconfig: Path) -> Iterator[subprocess.Popen[bytes]]:
    """With every plugin it has by default; it serves nothing. It reads all there is before it places the first pod."""
    scheduler = binary()
    if scheduler is None:
        raise RuntimeError(MISSING)
    with tempfile.TemporaryDirectory(prefix="btcwatcher-scheduler-") as name:
        place = Path(name)
        config = {
            "apiVersion": "kubescheduler.config.k8s.io/v1",
            "kind": "KubeSchedulerConfiguration",
            "leaderElection": {"leaderElect": False},
            "clientConnection": {"kubeconfig": str(kubeconfig), "qps": 1000, "burst": 1000},
        }
        (place / "config.yaml").write_text(yaml.safe_dump(config))
        command = [str(scheduler), f"--config={place / 'config.yaml'}", "--secure-port=0"]
        with realapi.process(command, place / "log") as process:
            yield process
