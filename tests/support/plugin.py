"""`kubectl btcwatcher`, run as a person runs it: kubectl finds the plugin on the PATH."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import operated
from support.kubectl import REPOSITORY, Kubectl, until

Object = dict[str, Any]

_BIN = REPOSITORY / ".venv" / "bin"


class Plugin:
    """Of one cluster; what it is told from outside is only what is given here."""

    def __init__(self, kubeconfig: Path, **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BTCWATCHER_")}
        kubectl = shutil.which("kubectl") or str(REPOSITORY / ".tools" / "bin" / "kubectl")
        path = os.pathsep.join([str(_BIN), str(Path(kubectl).parent), kept["PATH"]])
        self.environment = {**kept, "PATH": path, "KUBECONFIG": str(kubeconfig), **environment}

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", "btcwatcher", *arguments],
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environment,
        )

    def __call__(self, *arguments: str) -> str:
        """What it prints; an AssertionError with its words when it fails."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"kubectl btcwatcher {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def refused(self, *arguments: str) -> str:
        """The words with which it ends with status 1."""
        done = self.run(*arguments)
        assert done.returncode == 1, f"kubectl btcwatcher {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stderr


@dataclass(frozen=True, slots=True)
class Desk:
    """A namespace that an operator looks after, and the plugin; the pods' kubelet is the test."""

    kubectl: Kubectl
    namespace: str
    plugin: Plugin

    def __call__(self, *arguments: str) -> str:
        return self.plugin(*arguments, "-n", self.namespace)

    def refused(self, *arguments: str) -> str:
        return self.plugin.refused(*arguments, "-n", self.namespace)

    def apply(self, **spec: Any) -> None:
        self.kubectl.apply(
            {
                "apiVersion": "btcwatcher.io/v1alpha1",
                "kind": "Strategy",
                "metadata": {"name": "ema", "namespace": self.namespace, "labels": {"desk": "crypto"}},
                "spec": {
                    "strategyName": "Ema",
                    "exchange": {"name": "binance", "pairs": ["BTC/USDT", "ETH/USDT"]},
                    "timeframe": "5m",
                    **spec,
                },
            }
        )

    def ready(self, **spec: Any) -> str:
        """A Strategy `ema` whose bot is Ready; its revision."""
        self.apply(**spec)
        until(lambda: self.strategy().get("status", {}).get("port"), "the operator is there", seconds=60)
        operated.settled(self.kubectl, self.namespace)
        current = operated.revision(self.kubectl, self.namespace)
        operated.pod(self.kubectl, self.namespace)
        operated.report(self.kubectl, self.namespace, operated.RUNNING)
        until(lambda: self.strategy()["status"].get("readyRevision") == current, "it was ready")
        return current

    def strategy(self) -> Object:
        return operated.strategy(self.kubectl, self.namespace)

    def annotation(self, name: str) -> str:
        found: str = self.strategy()["metadata"].get("annotations", {}).get(name, "")
        return found

    def condition(self, kind: str) -> Object:
        return operated.condition(self.kubectl, self.namespace, kind)

    def told(self, *arguments: str) -> Object:
        """What `status -o json` says of the one Strategy."""
        items = json.loads(self("status", *arguments, "-o", "json"))["items"]
        assert len(items) == 1
        found: Object = items[0]
        return found
