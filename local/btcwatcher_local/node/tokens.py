"""Tokens of the pods on this node: asked for once, and again before they expire."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import structlog

from btcwatcher_local.client import resources, times
from btcwatcher_local.client.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from btcwatcher_local.client.http import Client
    from btcwatcher_local.client.resources import Obj

log = structlog.get_logger(__name__)

_SECONDS = 3600
_LONGEST = timedelta(hours=24)
_RETRY = timedelta(seconds=10)
# So that the tokens of many pods that started together are not renewed together.
_JITTER = 0.02


@dataclass(slots=True)
class Token:
    text: str
    expires: datetime
    renew: datetime


def renewal(asked: datetime, expires: datetime, share: float) -> datetime:
    """When to ask for the next one: after a share of its life, and once a day."""
    return asked + min((expires - asked) * share, _LONGEST)


class TokenCache:
    """One token for each source of a pod's volumes; a pod is told when its next one is due."""

    def __init__(self, client: Client, renew_after: float, clock: Callable[[], datetime] = times.now) -> None:
        self._client = client
        self._renew_after = renew_after
        self._clock = clock
        self._held: dict[str, dict[tuple[str, int], Token]] = {}

    def due(self, uid: str) -> datetime | None:
        """When the first of a pod's tokens is to be renewed, None when it has none."""
        return min((token.renew for token in self._held.get(uid, {}).values()), default=None)

    def forget(self, uid: str) -> None:
        self._held.pop(uid, None)

    async def get(self, pod: Obj, source: Obj) -> str:
        """The token for a `serviceAccountToken` source. Raises ApiError when there is none and none is to be had."""
        uid = resources.uid(pod)
        key = (source.get("audience") or "", int(source.get("expirationSeconds") or _SECONDS))
        held = self._held.setdefault(uid, {}).get(key)
        now = self._clock()
        if held is not None and now < held.renew:
            return held.text
        try:
            self._held[uid][key] = made = await self._ask(pod, *key)
        except (ApiError, aiohttp.ClientError, TimeoutError) as error:
            if held is None or now >= held.expires:
                raise
            log.warning("token not renewed", pod="/".join(resources.key(pod)), error=str(error))
            held.renew = now + _RETRY
            return held.text
        return made.text

    async def _ask(self, pod: Obj, audience: str, seconds: int) -> Token:
        bound = {"apiVersion": "v1", "kind": "Pod", "name": resources.name(pod), "uid": resources.uid(pod)}
        spec: Obj = {"expirationSeconds": seconds, "boundObjectRef": bound}
        if audience:
            spec["audiences"] = [audience]
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        account = pod["spec"].get("serviceAccountName") or "default"
        namespace = resources.namespace(pod)
        asked = self._clock()
        made = await self._client.create_subresource(resources.SERVICE_ACCOUNTS, namespace, account, "token", request)
        expires = times.parse(made["status"]["expirationTimestamp"]) or asked + timedelta(seconds=seconds)
        share = self._renew_after * (1 - _JITTER * random.random())  # noqa: S311 - no secret
        return Token(made["status"]["token"], expires, renewal(asked, expires, share))
