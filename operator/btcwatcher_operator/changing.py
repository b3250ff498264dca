"""Applies an object of ours over what is there, so that what is wanted no longer goes."""

from btcwatcher_operator.cluster import Cluster, ClusterError
from btcwatcher_operator.drift import applied_hash
from btcwatcher_operator.ownership import made_by_post
from btcwatcher_operator.resources import STATEFUL_SET, Object

FIELD_REFUSALS = (400, 403, 422)
"""Answers that another try does not change: the API server refuses the object as it is."""


async def change(cluster: Cluster, child: Object, live: Object) -> Object:
    """The object as it is then. Raises ClusterError."""
    if made_by_post(live) and applied_hash(live) != applied_hash(child):
        live = await cluster.hand_over(child)
    try:
        return await cluster.apply(under(live, child))
    except ClusterError as error:
        if error.status != 422 or is_immutable(error):
            raise
        # A port that somebody gave another number stays beside ours, and has its name: no apply takes it away.
        return await cluster.overwrite(under(live, child))


def under(live: Object | None, child: Object) -> Object:
    """The child as it is to be applied: a StatefulSet only if nobody changed it since it was seen.

    A request of ours that was long on its way, while another replica became the active one, must not bring an older pod
    back: that would restart the bot.
    """
    if live is None or child["kind"] != STATEFUL_SET.kind:
        return child
    return {**child, "metadata": {**child["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}}


def is_immutable(error: ClusterError) -> bool:
    """Whether a StatefulSet is refused for a field that cannot be changed once it is made."""
    return error.status == 422 and "updates to statefulset spec for fields other than" in error.message
