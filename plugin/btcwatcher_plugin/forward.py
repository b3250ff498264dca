"""A way to a Service of the cluster from this machine: `kubectl port-forward`, for as long as it is needed.

Not the API server's proxy to Services: it takes the Authorization header for its own and does not hand it on.
"""

import contextlib
import re
import threading
from collections.abc import Iterator
from typing import IO, Final

from btcwatcher_plugin.errors import PluginError
from btcwatcher_plugin.kubectl import Kubectl, KubectlError, Object

LABELS: Final = "app.kubernetes.io/name=btc-watcher,app.kubernetes.io/component=api"
_READY: Final = re.compile(r"^Forwarding from 127\.0\.0\.1:(\d+) ->")
_HINT: Final = (
    "Say where the API is, if not there: --api-namespace and --api-service, or its address with --api-url or"
    " BTCWATCHER_API_URL. With `make run` that is BTCWATCHER_API_URL=http://127.0.0.1:8000."
)


@contextlib.contextmanager
def to_service(kubectl: Kubectl, namespace: str, name: str | None) -> Iterator[str]:
    """The URL that leads to the API's Service; `name` None looks it up by its labels. Raises PluginError."""
    service = name or _service(kubectl, namespace)
    arguments = ("port-forward", "--namespace", namespace, "--address", "127.0.0.1", f"service/{service}", ":http")
    process = kubectl.start(*arguments)
    try:
        port = _port(process.stdout)
        if port is None:
            words = KubectlError((process.communicate()[1] or "").strip()).words
            raise PluginError(f"there is no way to Service {namespace}/{service}: {words}", _HINT)
        _read_on(process.stdout, process.stderr)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _service(kubectl: Kubectl, namespace: str) -> str:
    try:
        found: list[Object] = kubectl.get("services", "--namespace", namespace, f"--selector={LABELS}")
    except KubectlError as error:
        raise PluginError(
            f"the API's Service cannot be looked up in namespace {namespace}: {error.words}", _HINT
        ) from error
    if not found:
        raise PluginError(f"namespace {namespace} has no Service of BTC Watcher's API", _HINT)
    return str(found[0]["metadata"]["name"])


def _port(output: IO[str] | None) -> int | None:
    """Of the line that says so; None when kubectl ends before."""
    for line in output or ():
        if found := _READY.match(line):
            return int(found[1])
    return None


def _read_on(*outputs: IO[str] | None) -> None:
    """kubectl writes a line for each connection: what nobody reads would stop it one day."""
    for output in outputs:
        if output is not None:
            threading.Thread(target=_drain, args=(output,), daemon=True).start()


def _drain(output: IO[str]) -> None:
    with contextlib.suppress(ValueError, OSError):
        for _ in output:
            pass
