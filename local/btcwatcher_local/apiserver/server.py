"""Running the API server: inside a program or as the program."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml
from aiohttp import web

from .app import API, create_app
from .certificate import Certificate, self_signed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from .context import Api


@dataclass(frozen=True, slots=True)
class Serving:
    """Where a running server is reached."""

    host: str
    port: int
    token: str
    api: Api
    # PEM of the certificate that clients have to trust; "" when TLS is off
    ca: str = ""

    @property
    def url(self) -> str:
        return f"{'https' if self.ca else 'http'}://{self.host}:{self.port}"

    def write_kubeconfig(self, path: Path) -> None:
        write_kubeconfig(path, self.url, self.token, self.ca)


def write_kubeconfig(path: Path, url: str, token: str, ca: str = "") -> None:
    """A kubeconfig that only its owner can read; `ca` is the PEM to trust."""
    cluster = {"server": url}
    if ca:
        cluster["certificate-authority-data"] = base64.b64encode(ca.encode()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "btcwatcher", "cluster": cluster}],
        "users": [{"name": "btcwatcher", "user": {"token": token}}],
        "contexts": [
            {
                "name": "btcwatcher",
                "context": {"cluster": "btcwatcher", "user": "btcwatcher", "namespace": "default"},
            }
        ],
        "current-context": "btcwatcher",
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".new")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        yaml.safe_dump(config, file, sort_keys=False)
    partial.replace(path)


@contextlib.asynccontextmanager
async def serve(
    host: str,
    port: int,
    token: str,
    *,
    api: Api | None = None,
    tls: Certificate | bool = True,
    account_admission: bool = False,
) -> AsyncIterator[Serving]:
    """Serves while the context is open. Port 0 takes a free one; OSError when the port is in use.

    With `account_admission` a pod needs a ServiceAccount and gets its token, which takes controllers to go with it.
    Without TLS it is cheaper, and enough for clients of ours; kubectl sends its token over TLS only.
    """
    certificate = self_signed(tuple({host: None, "127.0.0.1": None, "localhost": None})) if tls is True else tls
    app = create_app(token, api=api)
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        context = certificate.server_context() if certificate else None
        site = web.TCPSite(runner, host, port, backlog=1024, ssl_context=context)
        await site.start()
        bound: int = runner.addresses[0][1]
        state = app[API]
        state.account_admission = state.account_admission or account_admission
        state.address = f"{host}:{bound}"
        try:
            yield Serving(host, bound, token, state, certificate.certificate if certificate else "")
        finally:
            state.stopping.set()
            for collection in state.store.all():
                collection.close()
            await asyncio.sleep(0)
    finally:
        await runner.cleanup()
