"""Pods as a kubelet reports them."""

from typing import Any

from btcwatcher_crds import names

Object = dict[str, Any]


def container(name: str = names.CONTAINER_BOT, **fields: Any) -> Object:
    return {"name": name, "restartCount": 0, "ready": False, "state": {}, **fields}


def ended(code: int, message: str = "", reason: str = "Error") -> Object:
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


PASSED = container(names.CONTAINER_PREFLIGHT, state=ended(0, reason="Completed"))


def pod(bot: Object | None = None, preflight: Object | None = PASSED, revision: str = "r1", **status: Any) -> Object:
    status.setdefault("conditions", [{"type": "PodScheduled", "status": "True"}])
    if bot is not None:
        status["containerStatuses"] = [bot]
    if preflight is not None:
        status["initContainerStatuses"] = [preflight]
    return {
        "kind": "Pod",
        "metadata": {"name": "ema-0", "labels": {names.LABEL_REVISION: revision}},
        "status": status,
    }


RUNNING = container(ready=True, started=True, state={"running": {}})
