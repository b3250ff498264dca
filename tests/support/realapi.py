"""A real kube-apiserver with its etcd on loopback, where their binaries are on the machine.

They are looked for in $KUBEBUILDER_ASSETS, else /usr/local/kubebuilder/bin (the envtest layout).
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import os
import secrets
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from btcwatcher_local.loopback import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSING = "no real kube-apiserver"
_STARTING_SECONDS = 90.0


@dataclass(frozen=True)
class RealApi:
    """Where a running server is reached; `ca` is the PEM to trust, `kubeconfig` holds the same."""

    url: str
    token: str
    ca: str
    kubeconfig: Path


def binaries() -> Path | None:
    """The folder with kube-apiserver and etcd, None when there is none."""
    folder = Path(os.environ.get("KUBEBUILDER_ASSETS") or "/usr/local/kubebuilder/bin")
    return folder if all((folder / name).is_file() for name in ("kube-apiserver", "etcd")) else None


@contextlib.contextmanager
def running(extra: tuple[str, ...] = (), *, account_admission: bool = False) -> Iterator[RealApi]:
    """Both processes with a throwaway data folder; gone, with all of it, when the context closes.

    `extra` are further flags of kube-apiserver. With `account_admission` a pod needs a ServiceAccount.
    Raises RuntimeError with the end of its log when it does not start.
    """
    folder = binaries()
    if folder is None:
        raise RuntimeError(MISSING)
    with tempfile.TemporaryDirectory(prefix="btcwatcher-realapi-") as name, contextlib.ExitStack() as stack:
        place = Path(name)
        etcd_port, peer_port, port = free_port(), free_port(), free_port()
        token = "t" + secrets.token_hex(16)
        (place / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
        # Any RSA key signs service account tokens. The serving key that --cert-dir makes comes too late for that.
        key = place / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        etcd = [
            str(folder / "etcd"), f"--data-dir={place / 'etcd'}", "--unsafe-no-fsync",
            f"--listen-client-urls=http://127.0.0.1:{etcd_port}",
            f"--advertise-client-urls=http://127.0.0.1:{etcd_port}",
            f"--listen-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-advertise-peer-urls=http://127.0.0.1:{peer_port}",
            f"--initial-cluster=default=http://127.0.0.1:{peer_port}",
        ]  # fmt: skip
        server = [
            str(folder / "kube-apiserver"), f"--etcd-servers=http://127.0.0.1:{etcd_port}",
            "--bind-address=127.0.0.1", f"--secure-port={port}", f"--cert-dir={place / 'certs'}",
            f"--token-auth-file={place / 'tokens.csv'}", "--authorization-mode=RBAC",
            f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
            "--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.0.0.0/16",
            *([] if account_admission else ["--disable-admission-plugins=ServiceAccount"]),
            "--allow-privileged=true", *extra,
        ]  # fmt: skip
        stack.enter_context(process(etcd, place / "etcd.log"))
        served = stack.enter_context(process(server, place / "apiserver.log"))
        url = f"https://127.0.0.1:{port}"
        _wait_ready(url, served, place / "apiserver.log")
        # The leaf and the authority that has signed it.
        ca = (place / "certs" / "apiserver.crt").read_text()
        kubeconfig = place / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump(_kubeconfig(url, token, ca)))
        yield RealApi(url, token, ca, kubeconfig)


def _kubeconfig(url: str, token: str, ca: str) -> dict[str, object]:
    authority = base64.b64encode(ca.encode()).decode()
    return {
        "apiVersion": "v1", "kind": "Config", "current-context": "real",
        "clusters": [{"name": "real", "cluster": {"server": url, "certificate-authority-data": authority}}],
        "users": [{"name": "real", "user": {"token": token}}],
        "contexts": [{"name": "real", "context": {"cluster": "real", "user": "real", "namespace": "default"}}],
    }  # fmt: skip


def _end_with_parent() -> None:
    """Has the kernel end this process when the one that started it is killed (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


@contextlib.contextmanager
def process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs until the context closes, and no longer than we do."""
    with log.open("wb") as out:
        started = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, preexec_fn=_end_with_parent
        )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def _wait_ready(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    context = ssl._create_unverified_context()  # noqa: S323 - the certificate is not known before it serves
    deadline = time.monotonic() + _STARTING_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url + "/readyz", context=context, timeout=2) as answer:  # noqa: S310
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.25)
    tail = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"kube-apiserver did not become ready:\n{tail}")
