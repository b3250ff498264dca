"""The node agent: runs pods as processes of this machine, an ordinary client of any Kubernetes API server."""

from btcwatcher_local.node.agent import run
from btcwatcher_local.node.images import ImageTable
from btcwatcher_local.node.settings import NodeSettings

__all__ = ["ImageTable", "NodeSettings", "run"]
