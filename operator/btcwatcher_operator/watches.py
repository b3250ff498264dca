"""kopf's part: it keeps the watches open and hands every event to the controller. It decides nothing."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import kopf

from btcwatcher_crds import names
from btcwatcher_operator.controller import WATCHED, Controller
from btcwatcher_operator.live import SELECTOR
from btcwatcher_operator.resources import CONFIG_MAP, NAMESPACE, PROXY, Object


class EndlessBackoff:
    """Delays in seconds, doubling to half a minute, without end: a network error never ends the operator."""

    def __iter__(self) -> Iterator[float]:
        for exponent in itertools.count():
            yield min(0.1 * 2.0 ** min(exponent, 10), 30.0) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter


class NoDiffs(kopf.DiffBaseStorage):
    """Keeps nothing of objects: no handler asks kopf what changed, and its copies cost more than all the rest."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


def registry(controller: Controller) -> kopf.OperatorRegistry:
    """A registry whose handlers, one a kind, only pass events on."""
    built = kopf.OperatorRegistry()

    @kopf.on.login(registry=built)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)

    for resource in [*(resource for resource, _ in WATCHED), PROXY, NAMESPACE, CONFIG_MAP]:
        if resource in controller.absent:
            continue

        @kopf.on.event(resource.group, resource.version, resource.plural, registry=built)
        async def on_event(event: kopf.RawEvent, _controller: Controller = controller, **_: Any) -> None:
            obj: Object = {**event["object"], "metadata": {**event["object"]["metadata"]}}
            _controller.observe(event["type"], obj)

    return built


def settings() -> kopf.OperatorSettings:
    built = kopf.OperatorSettings()
    built.peering.standalone = True
    built.scanning.disabled = True
    built.posting.enabled = False
    built.watching.chunk_size = 200
    for resource, selector in WATCHED:
        if selector:
            built.watching.label_selectors[resource.plural] = selector
    built.watching.label_selectors[NAMESPACE.plural] = SELECTOR
    built.networking.error_backoffs = EndlessBackoff()
    built.networking.request_timeout = 30
    built.networking.connect_timeout = 10
    built.queueing.worker_limit = None
    # Each object has a task of kopf's with its last event for so long: at start that is thousands.
    built.queueing.idle_timeout = 0.5
    built.persistence.diffbase_storage = NoDiffs()
    # Nothing is ever written: only handlers of changes make progress.
    built.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=names.GROUP)
    built.persistence.finalizer = f"{names.GROUP}/kopf"
    return built
