"""kopf's part: it keeps the watches open and hands every event to the controller. It decides nothing."""

import asyncio
from types import SimpleNamespace
from typing import Any

import kopf
from aiohttp import ClientSession, TCPConnector, TraceConfig, TraceRequestEndParams
from kubernetes.aio import client

from btcwatcher_crds import names
from btcwatcher_operator import credentials
from btcwatcher_operator.backoff import EndlessBackoff
from btcwatcher_operator.canary import Canary
from btcwatcher_operator.controller import WATCHED, Controller
from btcwatcher_operator.live import SELECTOR
from btcwatcher_operator.resources import (
    CONFIG_MAP,
    EXCHANGE,
    LEASE,
    LEASE_SELECTOR,
    NAMESPACE,
    PROXY,
    SWITCHES,
    Object,
)
from btcwatcher_operator.store import version_of

STOPPING_SECONDS = 2.0
"""How long kopf gets to close its connections."""

IDENTITY: Any = "btcwatcher-operator"
"""Who we are among kopf's peers, of which there are none. Left to itself kopf asks for the user's name, and a
container's user has none (the type of it is not exported)."""


class NoDiffs(kopf.DiffBaseStorage):
    """Keeps nothing of objects: no handler asks kopf what changed, and its copies cost more than all the rest."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return kopf.BodyEssence()

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        return None


async def watch(
    controller: Controller, canary: Canary, settings: kopf.OperatorSettings, namespaces: tuple[str, ...]
) -> None:
    """Until SIGTERM or SIGINT, which kopf takes. Raises what a watch failed of: it does not go on without one.

    Not kopf.operator(): when one watch has failed that waits for the others to end, and one that is about to log in
    again never does. The process would live on, deaf.
    """
    tasks = await kopf.spawn_tasks(
        registry=registry(controller, canary),
        settings=settings,
        clusterwide=not namespaces,
        namespaces=namespaces,
        identity=IDENTITY,
    )
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=STOPPING_SECONDS)


def registry(controller: Controller, canary: Canary) -> kopf.OperatorRegistry:
    """A registry whose handlers, one a kind, only pass events on."""
    built = kopf.OperatorRegistry()

    @kopf.on.login(registry=built)
    async def login(settings: kopf.OperatorSettings, **_: Any) -> kopf.AiohttpSession:
        # Not by kopf's own ways: they know no tokenFile, and read a ServiceAccount's token once.
        return _telling_of_lists(await credentials.configuration(), settings, controller)

    for resource in [*(resource for resource, _ in WATCHED), PROXY, EXCHANGE, *SWITCHES, NAMESPACE, CONFIG_MAP]:
        if resource in controller.absent:
            continue

        @kopf.on.event(resource.group, resource.version, resource.plural, registry=built)
        async def on_event(event: kopf.RawEvent, _controller: Controller = controller, **_: Any) -> None:
            obj: Object = {**event["object"], "metadata": {**event["object"]["metadata"]}}
            _controller.observe(event["type"], obj)

    @kopf.on.event(LEASE.group, LEASE.version, LEASE.plural, registry=built)
    async def on_lease(event: kopf.RawEvent, **_: Any) -> None:
        canary.saw(version_of({**event["object"]}))

    return built


def _telling_of_lists(
    held: client.Configuration, settings: kopf.OperatorSettings, controller: Controller
) -> kopf.AiohttpSession:
    """kopf's own session, and the controller hears of each LIST: kopf lists where a watch cannot go on."""
    watched = (*(resource for resource, _ in WATCHED), PROXY, EXCHANGE, *SWITCHES, NAMESPACE)
    by_plural = {resource.plural: resource for resource in watched}

    async def ended(_: ClientSession, __: SimpleNamespace, params: TraceRequestEndParams) -> None:
        resource = by_plural.get(params.url.name)
        if resource and params.method == "GET" and "watch" not in params.url.query and params.response.ok:
            controller.listed(resource)

    trace = TraceConfig()
    trace.on_request_end.append(ended)
    session = ClientSession(
        # The library knows what the configuration says of certificates.
        connector=TCPConnector(limit=0, ssl=client.ApiClient(held).rest_client.ssl_context),
        middlewares=[credentials.sender(held)],
        proxy=held.proxy,
        trust_env=settings.networking.trust_env,
        trace_configs=[trace],
    )
    return kopf.AiohttpSession(server=held.host, aiohttp_session=session)


def settings(request_timeout: float, watch_timeout: float) -> kopf.OperatorSettings:
    """Both in seconds: how long a LIST may take, and how long a watch may be silent."""
    built = kopf.OperatorSettings()
    built.peering.standalone = True
    built.scanning.disabled = True
    built.posting.enabled = False
    built.watching.chunk_size = 200
    for resource, selector in WATCHED:
        if selector:
            built.watching.label_selectors[resource.plural] = selector
    built.watching.label_selectors[LEASE.plural] = LEASE_SELECTOR
    built.watching.label_selectors[NAMESPACE.plural] = SELECTOR
    built.networking.error_backoffs = EndlessBackoff()
    built.networking.request_timeout = request_timeout
    built.networking.connect_timeout = min(request_timeout, 10)
    built.watching.inactivity_timeout = watch_timeout
    built.queueing.worker_limit = None
    # Each object has a task of kopf's with its last event for so long: at start that is thousands.
    built.queueing.idle_timeout = 0.5
    built.persistence.diffbase_storage = NoDiffs()
    # Nothing is ever written: only handlers of changes make progress.
    built.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=names.GROUP)
    built.persistence.finalizer = f"{names.GROUP}/kopf"
    return built
