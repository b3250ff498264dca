"""Webhook tokens: rotated without a gap in every way of showing them, and never in a log."""

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from btcwatcher_local.loopback import free_port
from support import api
from support.api import FREQTRADE, STRATEGY, Api, strategy, token, webhook
from support.api_cluster import Cluster

pytestmark = pytest.mark.integration

ENTRY = FREQTRADE["entry"]


def basic(secret: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"json": body, "auth": ("anybody", secret)}


def bearer(secret: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"json": body, "headers": {"Authorization": f"Bearer {secret}"}}


def in_url(secret: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"json": body, "params": {"token": secret}}


def in_body(secret: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"json": {**body, "token": secret}}


def signed(secret: str, body: dict[str, Any]) -> dict[str, Any]:
    raw, identifier, now = json.dumps(body), f"msg-{body['trade_id']}", str(int(time.time()))
    digest = hmac.digest(secret.encode(), f"{identifier}.{now}.{raw}".encode(), "sha256")
    signature = f"v1,{base64.b64encode(digest).decode()}"
    headers = {"webhook-id": identifier, "webhook-timestamp": now, "webhook-signature": signature}
    return {"content": raw, "headers": headers}


WAYS = [basic, bearer, in_url, in_body, signed]


@pytest.mark.parametrize("way", WAYS)
async def test_a_rotation_has_no_gap(served: Api, way: Callable[[str, dict[str, Any]], dict[str, Any]]) -> None:
    """Senders learn of a new token some time after the API: until the next rotation both are right."""

    async def status(generation: int, number: int) -> int:
        request = way(token(generation=generation), {**ENTRY, "trade_id": f"{generation}-{number}"})
        return (await served.http.post(webhook(), **request)).status_code

    going = True

    async def sender() -> set[int]:
        """Takes the new token a while after the API has it."""
        seen, number = set(), 0
        while going:
            number += 1
            seen.add(await status(told, number))
        return seen

    told = 1
    sending = asyncio.create_task(sender())
    for generation in (2, 3, 4):
        served.registry.put(strategy(tokenGeneration=generation))
        assert [await status(one, generation) for one in (generation - 1, generation)] == [202, 202]
        told = generation
    assert [await status(one, 0) for one in (1, 2, 5)] == [401, 401, 401]
    going = False
    assert await sending == {202}


def secrets_of(secret: str) -> list[str]:
    """The token in each form in which it may travel."""
    coded = [base64.b64encode(f"{user}{secret}".encode()).decode() for user in ("", "anybody:", f"{STRATEGY}:")]
    return [secret, *(one.rstrip("=") for one in coded)]


async def test_no_token_is_ever_in_a_log(cluster: Cluster, postgres_url: str, tmp_path: Path) -> None:
    """A real process that logs all it can, over both ways to the webhook and along every way to fail."""
    await cluster.define()
    await cluster.apply()
    right, wrong = token(), "a-wrong-token-that-is-somebodys-secret"
    settings = {"BTCWATCHER_LOG_LEVEL": "DEBUG"}
    async with api.process(postgres_url, tmp_path, tmp_path / "kubeconfig", free_port(), **settings) as served:
        await served.ready(120)
        bodies: list[dict[str, Any]] = [
            {**ENTRY, "trade_id": "1"},
            {**ENTRY, "trade_id": "2", "pair": 5},
            {**ENTRY, "trade_id": "3", "enter_tag": "\0"},
            {**ENTRY, "trade_id": "4", "note": "x" * 300_000},
        ]
        seen = set()
        for secret in (right, wrong):
            for way in WAYS:
                for body in bodies:
                    for expect in ({}, {"Expect": "something"}):
                        request = way(secret, body)
                        request["headers"] = {**request.get("headers", {}), **expect}
                        seen.add((await served.http.post(webhook(), **request)).status_code)
            for method, path in (("POST", webhook("trading.unknown")), ("GET", webhook()), ("POST", "/nowhere")):
                answer = await served.http.request(method, path, params={"token": secret}, auth=("anybody", secret))
                seen.add(answer.status_code)
            broken = f'{{"token": "{secret}", '.encode()
            seen.add((await served.http.post(webhook(), content=broken, auth=("anybody", secret))).status_code)
            seen.add((await served.http.post(webhook(), content=f"token={secret}&a".encode())).status_code)
            _, writer = await asyncio.open_connection("127.0.0.1", served.http.base_url.port)
            writer.write(f"POST {webhook()}?token={secret} HTTP/1.1\r\nAuthorization : {secret}\r\n\r\n".encode())
            await writer.drain()
            writer.close()
        assert {202, 400, 401, 404, 405, 413, 422} <= seen
        await served.stop()
        log = served.log.read_text()
    assert '"signal accepted"' in log
    assert '"signal refused"' in log
    for secret in (right, wrong):
        assert [one for one in secrets_of(secret) if one in log] == []
    assert httpx.URL(postgres_url).password not in log
