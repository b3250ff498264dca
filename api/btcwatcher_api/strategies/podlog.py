"""The log of a bot's pod, as Kubernetes streams it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import aiohttp
from kubernetes.aio import client
from kubernetes.aio.client.exceptions import ApiException

from btcwatcher_api.cluster import core
from btcwatcher_api.cluster.client import Cluster
from btcwatcher_api.cluster.connection import SECONDS
from btcwatcher_api.problems import Problem
from btcwatcher_crds.names import CONTAINER_BOT, pod

FOLLOW_SECONDS: Final = 3600
"""A log is followed this long; whoever wants more asks again."""
_MOST_FOLLOWERS: Final = 100
"""Each holds a connection to Kubernetes."""
_QUIET_SECONDS: Final = 5.0
"""So soon it is noticed that the reader of a log in which nothing happens has gone."""
_GRACE_SECONDS: Final = 15.0
_NOT_YET: Final = 400
_MISSING: Final = 404


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `kubectl logs` can ask for, too."""

    container: str = CONTAINER_BOT
    tail: int | None = None
    since_seconds: int | None = None
    previous: bool = False
    timestamps: bool = False
    follow: bool = False

    def query(self) -> dict[str, str | int]:
        """As Kubernetes asks for it."""
        switches = {"previous": self.previous, "timestamps": self.timestamps, "follow": self.follow}
        numbers = {"tailLines": self.tail, "sinceSeconds": self.since_seconds}
        return {
            "container": self.container,
            **{name: "true" for name, on in switches.items() if on},
            **{name: number for name, number in numbers.items() if number is not None},
        }


class PodLogs:
    """Opens logs, and bounds how many are followed at once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._followers = 0

    async def open(self, namespace: str, name: str, wanted: Wanted) -> aiohttp.ClientResponse:
        """The log of a Strategy's pod, to be handed to `chunks`.

        Raises Problem: 404 without a pod, 409 when the container has said nothing yet, 503 with too many followers.
        """
        if wanted.follow and self._followers >= _MOST_FOLLOWERS:
            raise Problem(
                503, f"{_MOST_FOLLOWERS} logs are being followed already: try again later", (), {"Retry-After": "10"}
            )
        seconds = FOLLOW_SECONDS + _GRACE_SECONDS if wanted.follow else SECONDS * 3

        async def ask(connected: client.ApiClient) -> aiohttp.ClientResponse:
            where = core.path("namespaces", namespace, "pods", pod(name), "log")
            try:
                return await core.opened(connected, where, wanted.query(), seconds)
            except ApiException as error:
                if error.status in (_NOT_YET, _MISSING):
                    raise _no_log(error.status, str(error.body), name) from None
                raise

        return await self._cluster.call(ask)

    async def chunks(
        self, answer: aiohttp.ClientResponse, follow: bool, gone: Callable[[], Awaitable[bool]]
    ) -> AsyncIterator[bytes]:
        """The bytes as they come, until the log ends, `gone()` or, followed, the hour is over."""
        self._followers += follow
        ends = asyncio.get_running_loop().time() + FOLLOW_SECONDS
        try:
            while not follow or asyncio.get_running_loop().time() < ends:
                try:
                    async with asyncio.timeout(_QUIET_SECONDS if follow else None):
                        chunk = await answer.content.readany()
                except TimeoutError:
                    if await gone():
                        return
                    continue
                except aiohttp.ClientError:
                    return  # the pod's node has gone: what was read is what there is
                if not chunk:
                    return
                yield chunk
        finally:
            self._followers -= follow
            answer.close()


def _no_log(status: int, body: str, name: str) -> Problem:
    try:
        said = str(json.loads(body)["message"])
    except (ValueError, TypeError, KeyError):
        said = body.strip() or "no reason given"
    if status == _MISSING:
        return Problem(404, f"there is no pod of {name} now, so no log either; its health says why ({said})")
    return Problem(409, f"there is no such log yet: {said}")
