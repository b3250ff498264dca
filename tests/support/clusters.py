"""API servers to test against: the embedded one, and a real one where its binaries are."""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from support import realapi, realcontrollers, realscheduler
from support.kubectl import REPOSITORY, Kubectl


@contextlib.contextmanager
def embedded() -> Iterator[Path]:
    """A kubeconfig of the embedded API server, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="btcwatcher-api-") as folder:
        place = Path(folder)
        kubeconfig = place / "kubeconfig"
        command = [
            sys.executable, "-m", "btcwatcher_local.apiserver",
            "--port", "0", "--token-file", str(place / "token"), "--kubeconfig", str(kubeconfig),
        ]  # fmt: skip
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while b"serving on" not in (place / "log").read_bytes():
                assert process.poll() is None, (place / "log").read_text()
                assert time.monotonic() < deadline, (place / "log").read_text()
                time.sleep(0.05)
            yield kubeconfig
        finally:
            process.terminate()
            process.wait(10)


@contextlib.contextmanager
def real(*, account_admission: bool = False) -> Iterator[Path]:
    """With `account_admission` pods get their ServiceAccount's token, and need controllers that make accounts."""
    with realapi.running(account_admission=account_admission) as api:
        yield api.kubeconfig


@contextlib.contextmanager
def control_plane() -> Iterator[Path]:
    """A real API server with our kinds, Kubernetes' own controllers and scheduler, and a class of volumes."""
    with realapi.running(account_admission=True) as api, realcontrollers.running(api):
        kubectl = Kubectl(api.kubeconfig)
        kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
        kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        kubectl.apply(realcontrollers.default_storage_class())
        with realscheduler.running(api.kubeconfig):
            yield api.kubeconfig
