"""The controllers a Strategy's children need; ordinary clients of any Kubernetes API server."""

from btcwatcher_local.controllers.run import run

__all__ = ["run"]
