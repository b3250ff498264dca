"""Where the cluster is and how it lets us in: $KUBECONFIG, else the cluster we run in, else ~/.kube/config.

Tokens of ServiceAccounts are renewed in their files about every hour; who reads them once is let out an hour later.
"""

import asyncio
import os
from typing import Final

import aiohttp
from kubernetes.aio import client, config

REREAD_SECONDS: Final = 60.0
"""How old what was read of a token may get; a new one is written minutes before the old one ends."""


async def configuration(reread_seconds: float = REREAD_SECONDS) -> client.Configuration:
    """Its `get_api_key_with_prefix` gives the token as it is now.

    Raises kubernetes' ConfigException when there is neither a kubeconfig nor a service account.
    """
    found = client.Configuration()
    if not os.environ.get("KUBECONFIG"):
        try:
            config.load_incluster_config(client_configuration=found)  # which reads its token again by itself
        except config.ConfigException:
            pass
        else:
            return found
    await _load(found)
    found.refresh_api_key_hook = _Reread(reread_seconds)
    return found


async def _load(into: client.Configuration) -> None:
    # The library looks at $KUBECONFIG once, when it is imported.
    await config.load_kube_config(os.environ.get("KUBECONFIG") or None, client_configuration=into)


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


async def header(held: client.Configuration) -> str | None:
    """The Authorization header of the next request, None where no token is used."""
    token: str | None = await held.get_api_key_with_prefix("BearerToken", alias="authorization")
    return token


def sender(held: client.Configuration) -> aiohttp.ClientMiddlewareType:
    """Has an aiohttp session send, with each request, the token as it is then."""

    async def send(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        if token := await header(held):
            request.headers["Authorization"] = token
        return await handler(request)

    return send
