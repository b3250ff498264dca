"""That a cached Strategy is what the API server has now: asked for before anything of it is changed."""

from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.cluster import Cluster, ClusterError
from btcwatcher_operator.resources import STRATEGY


class Confirmation:
    """That the cached Strategy is what the API server has now: asked once, before a pass changes anything of its.

    A stale cache must not bring a deleted Strategy's children back, nor an older spec.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.given = False

    async def get(self, strategy: Strategy) -> None:
        """Raises ClusterError 409 when the cache lags behind."""
        if self.given:
            return
        metadata = strategy.metadata
        live = await self._cluster.get(STRATEGY, metadata.namespace, metadata.name)
        if (
            live is None
            or live["metadata"]["uid"] != metadata.uid
            or live["metadata"]["resourceVersion"] != metadata.resource_version
            or live["metadata"].get("deletionTimestamp")
        ):
            raise ClusterError(409, "Conflict", "the Strategy is not what the cache says; its event is on the way")
        self.given = True
