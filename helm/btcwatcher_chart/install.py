"""`python -m btcwatcher_chart.install REPOSITORY HELM` writes manifests/install/, for those who use plain kubectl.

It is what helm renders with the values of manifests/install/values.yaml, without what only helm understands.
`make test` compares.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

CHART = Path("helm/btc-watcher")
FOLDER = Path("manifests/install")
VALUES = FOLDER / "values.yaml"
MANIFEST = FOLDER / "btcwatcher.yaml"
RELEASE = NAMESPACE = "btcwatcher"

Object = dict[str, Any]

_HEADER = """# BTC Watcher for plain kubectl.
# Rendered from helm/btc-watcher by `make chart`: change the chart, or values.yaml beside this file.
#
#   kubectl create namespace btcwatcher
#   kubectl -n btcwatcher create secret generic btcwatcher-database \\
#     --from-literal=uri=postgresql://USER:PASSWORD@HOST:5432/DATABASE
#   kubectl apply --server-side -f btcwatcher.yaml
#
# The Job btcwatcher-make-keys makes the Secret btcwatcher-keys, which the pods wait for, and changes nothing in it
# later. It removes itself after ten minutes: apply another version of this file after that, or delete the Job before.
"""


def template(repository: Path, helm: Path) -> str:
    """What helm prints. Raises CalledProcessError."""
    arguments = ("template", RELEASE, str(repository / CHART), "--namespace", NAMESPACE)
    command = [str(helm), *arguments, "--values", str(repository / VALUES)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def manifest(objects: Iterable[Object]) -> str:
    """The file's text."""
    plain = sorted(
        (_plain(item) for item in objects if not _is_test(item)), key=lambda item: _ORDER.get(item["kind"], len(_ORDER))
    )
    return _HEADER + "".join(
        f"---\n{yaml.safe_dump(item, sort_keys=False, width=120)}" for item in [_NAMESPACE, *plain]
    )


_NAMESPACE: Object = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
}
_KINDS = (
    "CustomResourceDefinition",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "NetworkPolicy",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "Job",
)
_ORDER = {kind: number for number, kind in enumerate(_KINDS)}
"""What others need comes before them."""


def _is_test(item: Object) -> bool:
    """Whether it is for `helm test` alone."""
    return bool(item["metadata"].get("labels", {}).get("app.kubernetes.io/component") == "test")


def _plain(item: Object) -> Object:
    """Without hooks: kubectl makes all at once, and pods wait for what they mount."""
    metadata = dict(item["metadata"])
    for field in ("labels", "annotations"):
        kept = {name: value for name, value in metadata.pop(field, {}).items() if not name.startswith("helm.sh/")}
        if "app.kubernetes.io/managed-by" in kept:
            kept["app.kubernetes.io/managed-by"] = "kubectl"
        if kept:
            metadata[field] = kept
    plain = {**item, "metadata": metadata}
    template = item.get("spec", {}).get("template")
    if template:
        plain["spec"] = {**item["spec"], "template": _plain(template)}
    return plain


def main() -> None:
    repository, helm = (Path(argument) for argument in sys.argv[1:3])
    objects = [item for item in yaml.safe_load_all(template(repository, helm)) if item]
    (repository / MANIFEST).write_text(manifest(objects))


if __name__ == "__main__":
    main()
