"""The id of a Strategy, <namespace>.<name>, by which the API knows it."""

from btcwatcher_crds.names import strategy_id
from btcwatcher_plugin.kubectl import Kubectl

_DEFAULT = "default"


def identifier(kubectl: Kubectl, name: str) -> str:
    """Of what the user typed: an id (a name holds no dot), or a name in the namespace of -n or of the context."""
    return name if "." in name else strategy_id(namespace(kubectl), name)


def namespace(kubectl: Kubectl) -> str:
    """That of -n, or of the context."""
    given = kubectl.flag("--namespace")
    if given:
        return given
    return kubectl.run("config", "view", "--minify", "--output=jsonpath={..namespace}").strip() or _DEFAULT
