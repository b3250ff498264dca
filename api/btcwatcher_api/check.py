"""`btcwatcher-api check`: whether an installation works, seen from outside of its pods; what `helm test` runs.

Nothing is written: the webhook is asked without a token, and the Lease is only read.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import httpx
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.config import ConfigException

from btcwatcher_api.cluster import core
from btcwatcher_api.cluster.connection import SECONDS, api_client

WEBHOOK = "/api/v1/signals/webhook/none.none"
"""No Strategy of that name need be there."""

LET_IN_BY_NONE = (401, 404)
"""Without a token a Strategy's webhook answers 401; 404 where there is no such Strategy, which is known then."""

Finding = tuple[bool, str]
"""Whether it is as it should be, and a sentence."""


async def check_api(url: str) -> AsyncIterator[Finding]:
    """Whether the API lives, is ready, and lets nobody send without a token."""
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS, trust_env=False) as http:
        for method, path, wanted in (
            ("GET", "/healthz", (200,)),
            ("GET", "/readyz", (200,)),
            ("POST", WEBHOOK, LET_IN_BY_NONE),
        ):
            said = f"{method} {url.rstrip('/')}{path}"
            try:
                answer = await http.request(method, path, json={} if method == "POST" else None)
            except httpx.HTTPError as error:
                yield False, f"{said}: {str(error) or type(error).__name__}"
                continue
            right = answer.status_code in wanted
            yield right, f"{said}: {answer.status_code}" + ("" if right else f", not {wanted[0]}: {answer.text[:300]}")


async def check_lease(namespace: str, name: str) -> Finding:
    """Whether a replica of the operator holds its Lease."""
    said = f"Lease {namespace}/{name}"
    try:
        async with api_client() as connected:
            where = core.path("namespaces", namespace, "leases", name, api="/apis/coordination.k8s.io/v1")
            lease = await core.request(connected, "GET", where)
    except ApiException as error:
        return False, f"{said}: {error.status} {error.reason}"
    except (aiohttp.ClientError, TimeoutError, OSError, ConfigException) as error:
        return False, f"{said}: {str(error) or type(error).__name__}"
    right, words = held(lease.get("spec") or {}, datetime.now(UTC))
    return right, f"{said}: {words}"


def held(spec: core.Object, now: datetime) -> Finding:
    """Of a Lease's spec. Clocks may differ by as much again as it lasts."""
    holder = spec.get("holderIdentity")
    if not holder:
        return False, "nobody holds it"
    renewed, seconds = spec.get("renewTime"), spec.get("leaseDurationSeconds")
    if renewed is None or seconds is None:
        return False, f"{holder} never renewed it"
    age = now - datetime.fromisoformat(renewed)
    if age > 2 * timedelta(seconds=seconds):
        return False, f"{holder} renewed it {age.total_seconds():.0f} s ago"
    return True, f"held by {holder}"
