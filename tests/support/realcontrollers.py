"""A real kube-controller-manager beside a real API server, where its binary lies beside that of the API server."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import realapi

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

MISSING = "no real kube-controller-manager"


def binary() -> Path | None:
    folder = realapi.binaries()
    found = folder / "kube-controller-manager" if folder is not None else None
    return found if found is not None and found.is_file() else None


def default_storage_class() -> dict[str, Any]:
    """One whose volumes it makes, as folders of this machine."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "folders", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "kubernetes.io/host-path",
    }


@contextlib.contextmanager
def running(api: realapi.RealApi) -> Iterator[subprocess.Popen[bytes]]:
    """With every controller it has by default; it serves nothing."""
    manager = binary()
    if manager is None:
        raise RuntimeError(MISSING)
    with tempfile.TemporaryDirectory(prefix="btcwatcher-controllers-") as name:
        place = Path(name)
        (place / "ca.crt").write_text(api.ca)
        command = [
            str(manager), f"--kubeconfig={api.kubeconfig}", f"--root-ca-file={place / 'ca.crt'}",
            "--leader-elect=false", "--secure-port=0", "--enable-hostpath-provisioner=true",
            "--kube-api-qps=1000", "--kube-api-burst=1000",
        ]  # fmt: skip
        with realapi.process(command, place / "log") as process:
            yield process
