"""A bare concurrent client: plain requests side by side, for what kubectl would take minutes for."""

import asyncio
import ssl
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml

Object = dict[str, Any]

PLURALS = {
    "Strategy": ("/apis/btcwatcher.io/v1alpha1", "strategies"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "Service": ("/api/v1", "services"),
    "Secret": ("/api/v1", "secrets"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "Ingress": ("/apis/networking.k8s.io/v1", "ingresses"),
    "Event": ("/api/v1", "events"),
    "Pod": ("/api/v1", "pods"),
    "Job": ("/apis/batch/v1", "jobs"),
}

CONCURRENCY = 16


class Bulk:
    """Speaks to the API server of a kubeconfig with a bearer token. An async context manager."""

    def __init__(self, kubeconfig: Path, concurrency: int = CONCURRENCY) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        self._url = config["clusters"][0]["cluster"]["server"]
        self._headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
        self._concurrency = concurrency

    async def __aenter__(self) -> Self:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connector = aiohttp.TCPConnector(limit=self._concurrency, ssl=context)
        self._session = aiohttp.ClientSession(self._url, connector=connector, headers=self._headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        return self._session

    async def ask(self, method: str, path: str, body: Object | None = None, *, may_fail: bool = False) -> Object:
        """Any request; a PATCH is a merge patch. An AssertionError has the refusal, unless it `may_fail`."""
        headers = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {}
        async with self._session.request(method, path, json=body, headers=headers) as answer:
            said: Object = await answer.json()
            assert may_fail or answer.status < 400, said
            return said

    async def create(self, objects: Iterable[Object]) -> list[Object]:
        """POSTs them, some side by side; what was made, in the same order. An AssertionError names a refusal."""
        gate = asyncio.Semaphore(self._concurrency)

        async def one(obj: Object) -> Object:
            async with gate, self._session.post(_path(obj["kind"], obj["metadata"]["namespace"]), json=obj) as answer:
                made: Object = await answer.json()
                assert answer.status == 201, made
                return made

        return await asyncio.gather(*(one(obj) for obj in objects))

    async def list(self, kind: str, namespace: str, selector: str = "") -> list[Object]:
        async with self._session.get(_path(kind, namespace), params={"labelSelector": selector}) as answer:
            body: Object = await answer.json()
            assert answer.status == 200, body
            return [{"apiVersion": body["apiVersion"], "kind": kind, **item} for item in body["items"]]

    async def count(self, kind: str, namespace: str) -> int:
        """How many there are: one of them, and how many more the server says remain."""
        async with self._session.get(_path(kind, namespace), params={"limit": "1"}) as answer:
            body: Object = await answer.json()
            assert answer.status == 200, body
            return len(body["items"] or []) + int(body["metadata"].get("remainingItemCount") or 0)

    async def delete(self, kind: str, namespace: str, name: str) -> None:
        """Gone at once, without grace."""
        path, options = f"{_path(kind, namespace)}/{name}", {"gracePeriodSeconds": 0}
        async with self._session.delete(path, json=options) as answer:
            assert answer.status in (200, 202, 404), await answer.text()

    async def patch(
        self, kind: str, namespace: str, name: str, change: Object, subresource: str | None = None
    ) -> Object:
        """A merge patch."""
        headers = {"Content-Type": "application/merge-patch+json"}
        path = "/".join(part for part in (_path(kind, namespace), name, subresource) if part)
        async with self._session.patch(path, json=change, headers=headers) as answer:
            body: Object = await answer.json()
            assert answer.status == 200, body
            return body

    async def get(self, kind: str, namespace: str, name: str) -> Object:
        async with self._session.get(f"{_path(kind, namespace)}/{name}") as answer:
            body: Object = await answer.json()
            assert answer.status == 200, body
            return body


def _path(kind: str, namespace: str) -> str:
    group, plural = PLURALS[kind]
    return f"{group}/namespaces/{namespace}/{plural}"
