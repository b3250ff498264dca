"""A client of the cluster in $KUBECONFIG, of the one we run in, or of the one in ~/.kube/config.

Tokens of ServiceAccounts are renewed in their files about every hour; who reads them once is let out an hour later.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Final

from kubernetes.aio import client, config

SECONDS: Final = 10.0
"""How long a request may take."""
REREAD_SECONDS: Final = 60.0
"""How old what was read of a token may get; a new one is written minutes before the old one ends."""


@contextlib.asynccontextmanager
async def api_client(reread_seconds: float = REREAD_SECONDS) -> AsyncIterator[client.ApiClient]:
    """Raises kubernetes' ConfigException when nothing says where the cluster is."""
    configuration = client.Configuration()
    if os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"):
        config.load_incluster_config(client_configuration=configuration)  # which reads its token again by itself
    else:
        await _load(configuration)
        configuration.refresh_api_key_hook = _Reread(reread_seconds)
    async with client.ApiClient(configuration=configuration) as connected:
        yield connected


async def _load(into: client.Configuration) -> None:
    # The library looks at $KUBECONFIG once, when it is imported.
    await config.load_kube_config(config_file=os.environ.get("KUBECONFIG") or None, client_configuration=into)


class _Reread:
    """Reads the kubeconfig again, and with it the `tokenFile` that it names; the library does that once only."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due = asyncio.get_running_loop().time() + seconds

    async def __call__(self, held: client.Configuration) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._due:
            return
        self._due = now + self._seconds
        fresh = client.Configuration()
        try:
            await _load(fresh)
        except (config.ConfigException, OSError):
            return  # while it is not there, what we have may still be good
        held.api_key.update(fresh.api_key)


@contextlib.asynccontextmanager
async def custom_objects() -> AsyncIterator[client.CustomObjectsApi]:
    """Raises kubernetes' ConfigException when nothing says where the cluster is."""
    async with api_client() as connected:
        yield client.CustomObjectsApi(connected)
