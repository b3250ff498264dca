"""A small async Kubernetes API client: plain dicts in, plain dicts out, for any API server."""

from btcwatcher_local.client.config import Connection, load_kubeconfig
from btcwatcher_local.client.errors import ApiError
from btcwatcher_local.client.events import EventRecorder
from btcwatcher_local.client.http import Client
from btcwatcher_local.client.informer import Informer
from btcwatcher_local.client.queue import WorkQueue
from btcwatcher_local.client.resources import Obj, Resource

__all__ = [
    "ApiError",
    "Client",
    "Connection",
    "EventRecorder",
    "Informer",
    "Obj",
    "Resource",
    "WorkQueue",
    "load_kubeconfig",
]
