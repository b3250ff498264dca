"""The embedded Kubernetes API server: real semantics, state in memory."""

from .app import create_app
from .context import Api
from .server import Serving, serve, write_kubeconfig

__all__ = ["Api", "Serving", "create_app", "serve", "write_kubeconfig"]
