"""kubectl as the tests' client: what a user does is what is tested."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

REPOSITORY = Path(__file__).parents[2]
Object = dict[str, Any]
T = TypeVar("T")


class Kubectl:
    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self._command = shutil.which("kubectl") or str(REPOSITORY / ".tools" / "bin" / "kubectl")

    def run(self, *arguments: str, stdin: str | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        command = [self._command, "--kubeconfig", str(self.kubeconfig), *arguments]
        return subprocess.run(command, check=False, input=stdin, capture_output=True, text=True, timeout=timeout)

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 60) -> str:
        """kubectl's output; an AssertionError with its words when it fails."""
        done = self.run(*arguments, stdin=stdin, timeout=timeout)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def apply(self, *objects: Object) -> None:
        self("apply", "-f", "-", stdin=_documents(objects))

    def refused(self, *objects: Object) -> str:
        """The words with which an apply is refused."""
        done = self.run("apply", "-f", "-", stdin=_documents(objects))
        assert done.returncode != 0, f"it was taken: {done.stdout}"
        return done.stderr

    def get(self, kind: str, name: str, namespace: str) -> Object | None:
        done = self.run("-n", namespace, "get", kind, name, "-o", "json", "--ignore-not-found")
        assert done.returncode == 0, done.stderr
        found: Object | None = json.loads(done.stdout) if done.stdout else None
        return found

    def list(self, kind: str, namespace: str, *arguments: str) -> list[Object]:
        items: list[Object] = json.loads(self("-n", namespace, "get", kind, "-o", "json", *arguments))["items"]
        return items

    def patch(self, kind: str, name: str, namespace: str, change: Object, *arguments: str) -> None:
        self("-n", namespace, "patch", kind, name, "--type=merge", "-p", json.dumps(change), *arguments)


def _documents(objects: Iterable[Object]) -> str:
    """JSON in YAML's frame: PyYAML leaves a text like 12345e67 unquoted, which kubectl then reads as a number."""
    return "".join(f"---\n{json.dumps(item)}\n" for item in objects)


def until(look: Callable[[], T], what: str, seconds: float = 60.0) -> T:
    """Looks until something truthy is seen; it is returned. An AssertionError names what never was."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what} (last seen: {seen!r})"
        time.sleep(0.1)
