"""The Job that tries a revision before a running bot is given it: the same pod without credentials and data."""

from btcwatcher_crds import names
from btcwatcher_crds.strategy import Strategy
from btcwatcher_operator.children.metadata import Object, metadata

DEADLINE_SECONDS = 900
"""As long as a bot may take to start on a busy node, the pull of its image included."""
KEPT_SECONDS = 3600
"""How long a Job that has ended stays, for whoever wants its log. One that failed is then tried anew."""

_NO_RETRY = 0  # what freqtrade refuses once it refuses again


def preflight_job(strategy: Strategy, revision: str, template: Object) -> Object:
    """`template` is the revision's pod template, as its Secret holds it."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(
            strategy,
            names.preflight_job(strategy.metadata.name, revision),
            extra_labels={names.LABEL_COMPONENT: names.COMPONENT_PREFLIGHT, names.LABEL_REVISION: revision},
        ),
        "spec": {
            "backoffLimit": _NO_RETRY,
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            # A drained node says nothing about the revision.
            "podFailurePolicy": {
                "rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]
            },
            "template": _template(template),
        },
    }


def _template(template: Object) -> Object:
    spec = {key: value for key, value in template["spec"].items() if key != "topologySpreadConstraints"}
    before = spec.pop("initContainers")
    spec["containers"] = [container for container in before if container["name"] == names.CONTAINER_PREFLIGHT]
    if others := [container for container in before if container["name"] != names.CONTAINER_PREFLIGHT]:
        spec["initContainers"] = others
    spec["restartPolicy"] = "Never"
    spec["volumes"] = [_volume(volume) for volume in spec["volumes"] if volume["name"] != names.MOUNT_CREDENTIALS]
    # Not the bot's component: Service, topology spread and the StatefulSet select by it.
    labels = {**template["metadata"]["labels"], names.LABEL_COMPONENT: names.COMPONENT_PREFLIGHT}
    return {"metadata": {**template["metadata"], "labels": labels}, "spec": spec}


def _volume(volume: Object) -> Object:
    """The volume; in place of the bot's data an empty one, for those are the running bot's."""
    return {"name": volume["name"], "emptyDir": {}} if volume["name"] == names.MOUNT_DATA else volume
