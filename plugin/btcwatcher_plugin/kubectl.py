"""kubectl, through which all of the cluster is reached.

So kubeconfig, contexts, exec credentials, OIDC, proxies and impersonation are kubectl's own.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from btcwatcher_crds.names import GROUP, PROXY_PLURAL, STRATEGY_PLURAL
from btcwatcher_plugin.errors import PluginError

Object = dict[str, Any]

STRATEGIES: Final = f"{STRATEGY_PLURAL}.{GROUP}"
PROXIES: Final = f"{PROXY_PLURAL}.{GROUP}"
FIELD_MANAGER: Final = "kubectl-btcwatcher"

_ENV: Final = "KUBECTL"
_LOG_LINE: Final = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d")
_NOT_INSTALLED: Final = "the server doesn't have a resource type"
_HINTS: Final = (
    (_NOT_INSTALLED, "BTC Watcher is not installed in this cluster, or this is another cluster than you think: see"
     " `kubectl config current-context`."),
    ("was refused - did you specify the right host or port", "The cluster of this context does not answer. With `make"
     " run`: does it run, and is KUBECONFIG its .local/kubeconfig?"),
    ("Unable to connect to the server", "The cluster of this context does not answer: see `kubectl cluster-info`."),
    ("Forbidden", "Your account of the cluster lacks this right: BTC Watcher's kinds are in the roles view (to look)"
     " and edit (to change)."),
    (f'{STRATEGIES} "', "See which there are: kubectl btcwatcher status -A"),
)  # fmt: skip


class KubectlError(PluginError):
    """kubectl's own words, with a hint where one is known."""

    def __init__(self, words: str) -> None:
        # What kubectl logs on the way says the same again, in a developer's words.
        self.words = "\n".join(line for line in words.splitlines() if not _LOG_LINE.match(line)) or words
        super().__init__(self.words, next((hint for sign, hint in _HINTS if sign in words), ""))

    @property
    def not_found(self) -> bool:
        return "(NotFound)" in self.words

    @property
    def conflict(self) -> bool:
        return "(Conflict)" in self.words


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl with the flags that the user gave for it, such as --context or -n."""

    command: str
    flags: tuple[str, ...] = ()

    def run(self, *arguments: str) -> str:
        """Its output. Raises KubectlError with its words."""
        done = self._run(*arguments)
        if done.returncode:
            raise KubectlError(done.stderr.strip() or f"kubectl ended with status {done.returncode}")
        return done.stdout

    def get(self, *arguments: str) -> list[Object]:
        """The objects of `kubectl get`. Raises KubectlError, also when some of several are not there."""
        return _items(self.run("get", *arguments, "-o", "json"))

    def raw(self, path: str) -> Object:
        """What a GET of the path answers. Raises KubectlError."""
        found: Object = json.loads(self.run("get", "--raw", path))
        return found

    def annotate(self, strategy: Object, annotations: dict[str, str], *arguments: str) -> None:
        """Raises KubectlError, a `conflict` if the Strategy is no longer as it was read."""
        metadata = strategy["metadata"]
        change = {"metadata": {"resourceVersion": metadata["resourceVersion"], "annotations": annotations}}
        self.patch(metadata["namespace"], metadata["name"], change, *arguments)

    def patch(self, namespace: str, name: str, change: Object, *arguments: str) -> None:
        """A merge patch of a Strategy. Raises KubectlError."""
        merge = ("--type=merge", "--patch", json.dumps(change), f"--field-manager={FIELD_MANAGER}")
        self.run("patch", STRATEGIES, name, "--namespace", namespace, *merge, *arguments)

    def flag(self, name: str) -> str:
        """What the user gave for a flag of kubectl's; empty if nothing."""
        return next((one.partition("=")[2] for one in self.flags if one.startswith(f"{name}=")), "")

    def become(self, *arguments: str) -> NoReturn:
        """Turns this process into kubectl: what it prints and how it ends is kubectl's."""
        os.execvp(self.command, self.line(*arguments))  # noqa: S606 - an argument list, no shell

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """kubectl beside us; whoever starts it ends it."""
        return subprocess.Popen(
            self.line(*arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def _run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.line(*arguments), check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )

    def line(self, *arguments: str) -> list[str]:
        return [self.command, *_without_double_namespace(self.flags, arguments), *arguments]


def _without_double_namespace(flags: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """A namespace that a command names takes the place of the user's."""
    if not any(argument.partition("=")[0] == "--namespace" for argument in arguments):
        return list(flags)
    return [flag for flag in flags if not flag.startswith("--namespace=")]


def find(flags: Sequence[str] = ()) -> Kubectl:
    """The kubectl to use: $KUBECTL, or the one of the PATH. Raises PluginError."""
    command = os.environ.get(_ENV) or shutil.which("kubectl")
    if not command:
        raise PluginError("kubectl is not on the PATH", f"Put it there, or name it: {_ENV}=/path/to/kubectl")
    return Kubectl(command, tuple(flags))


@dataclass(frozen=True, slots=True)
class Asked:
    """What one of several questions brought: objects, or why there are none."""

    items: list[Object]
    error: KubectlError | None = None


def ask(kubectl: Kubectl, *questions: Sequence[str]) -> list[Asked]:
    """Several `kubectl get` at the same time; one that fails does not harm the others."""

    def one(question: Sequence[str]) -> Asked:
        try:
            return Asked(kubectl.get(*question))
        except KubectlError as error:
            return Asked([], error)

    with ThreadPoolExecutor(max_workers=8) as pool:
        return list(pool.map(one, questions))


def _items(output: str) -> list[Object]:
    found = json.loads(output) if output.strip() else {"items": []}
    return list(found["items"]) if "items" in found else [found]
