"""A client of the cluster in $KUBECONFIG (or ~/.kube/config), or of the one we run in."""

import contextlib
import os
from collections.abc import AsyncIterator
from typing import Final

from kubernetes.aio import client, config

SECONDS: Final = 10.0
"""How long a request may take."""


@contextlib.asynccontextmanager
async def api_client() -> AsyncIterator[client.ApiClient]:
    """Raises kubernetes' ConfigException when nothing says where the cluster is."""
    configuration = client.Configuration()
    if os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"):
        config.load_incluster_config(client_configuration=configuration)
    else:
        # The library looks at $KUBECONFIG once, when it is imported.
        named = os.environ.get("KUBECONFIG") or None
        await config.load_kube_config(config_file=named, client_configuration=configuration)
    async with client.ApiClient(configuration=configuration) as connected:
        yield connected


@contextlib.asynccontextmanager
async def custom_objects() -> AsyncIterator[client.CustomObjectsApi]:
    """Raises kubernetes' ConfigException when nothing says where the cluster is."""
    async with api_client() as connected:
        yield client.CustomObjectsApi(connected)
