"""NotificationChannels by REST on the embedded API server: the custom resource, never what its Secret holds."""

from typing import Any

import httpx
import pytest

from support.desk import NAMESPACED, Desk
from support.localcluster import eventually

pytestmark = pytest.mark.integration

CHANNELS = "/api/v1/notifications/channels"
DESK = f"{CHANNELS}/trading.desk"
SPEC: dict[str, Any] = {"type": "WeCom", "credentialsRef": {"name": "desk-robot"}}


async def create(desk: Desk, name: str = "desk", **spec: Any) -> httpx.Response:
    body = {"namespace": "trading", "name": name, "spec": {**SPEC, **spec}}
    return await desk.ask("POST", CHANNELS, json=body)


async def listed(desk: Desk, count: int, **filters: Any) -> dict[str, Any]:
    page: dict[str, Any] = {}

    async def all_are_there() -> bool:
        page.update((await desk.ask("GET", CHANNELS, params=filters)).json())
        return bool(page["total"] == count)

    await eventually(all_are_there)
    return page


async def test_made_read_changed_and_deleted(desk: Desk) -> None:
    made = await create(desk)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == DESK
    said = made.json()
    assert (said["type"], said["ready"], said["message"]) == ("WeCom", None, "nothing has been sent yet")
    seen = (await desk.kubernetes.get(f"{NAMESPACED}/notificationchannels/desk")).json()
    assert seen["spec"] == said["spec"]
    etag = made.headers["etag"]
    body = {"spec": {**SPEC, "language": "zh"}}
    assert (await desk.ask("PUT", DESK, json=body)).status_code == 428
    changed = await desk.ask("PUT", DESK, json=body, headers={"If-Match": etag})
    assert changed.json()["spec"]["language"] == "zh"
    assert (await desk.ask("PUT", DESK, json=body, headers={"If-Match": etag})).status_code == 412
    assert (await desk.ask("GET", DESK)).headers["etag"] == changed.headers["etag"]
    assert (await desk.ask("DELETE", DESK)).status_code == 204
    assert (await desk.ask("GET", DESK)).status_code == 404
    assert [row[1:] for row in desk.audit()] == [
        (f"notificationchannel.{action}", "trading.desk") for action in ("create", "update", "delete")
    ]


async def test_the_list_shows_what_kubectl_made_and_how_it_is_doing(desk: Desk) -> None:
    for name in ("a", "b", "c"):
        assert (await create(desk, name)).status_code == 201
    seen = (await desk.kubernetes.get(f"{NAMESPACED}/notificationchannels/b")).json()
    moment = "2026-11-27T09:00:00Z"
    seen["status"] = {
        "conditions": [
            {
                "type": kind,
                "status": status,
                "reason": "Auth",
                "message": "the robot's key is wrong",
                "observedGeneration": 1,
                "lastTransitionTime": moment,
            }
            for kind, status in (("Ready", "False"), ("Paused", "True"))
        ]
    }
    put = await desk.kubernetes.put(f"{NAMESPACED}/notificationchannels/b/status", json=seen)
    assert put.status_code == 200, put.text
    page = await listed(desk, 3, limit=2)
    assert ([one["id"] for one in page["items"]], page["next"]) == (["trading.a", "trading.b"], "trading.b")

    async def told() -> bool:
        second = (await desk.ask("GET", CHANNELS, params={"limit": 2})).json()["items"][1]
        return (second["ready"], second["paused"], second["reason"]) == (False, True, "Auth")

    await eventually(told)
    assert [one["name"] for one in (await listed(desk, 3, after="trading.b"))["items"]] == ["c"]
    assert (await desk.ask("GET", CHANNELS, params={"namespace": "other"})).json()["total"] == 0


async def test_one_that_is_named_is_not_deleted_by_mistake(desk: Desk) -> None:
    await create(desk)
    await create(desk, "phone", fallback={"name": "desk"})
    await listed(desk, 2)
    assert (await desk.create(signals={"notify": {"channels": ["desk"]}})).status_code == 201
    await desk.listed(1)
    assert (await desk.ask("GET", DESK)).json()["named_by"] == ["trading.ema-cross"]
    refused = await desk.ask("DELETE", DESK)
    assert refused.status_code == 409
    assert "it is named by trading.ema-cross, the channel phone" in refused.json()["detail"]
    assert (await desk.ask("DELETE", DESK, params={"force": True})).status_code == 204


@pytest.mark.parametrize(
    ("spec", "field", "said"),
    [
        ({"endpoint": "http://169.254.169.254/latest"}, "spec.endpoint", "no address of the internet"),
        ({"endpoint": "https://user:secret@example.com/"}, "spec.endpoint", "without user name"),
        ({"type": "Pigeon"}, "spec.type", "Unsupported value"),
        ({"token": "12345:secret"}, "spec.token", "unknown field"),
        ({"fallback": {"name": "desk"}}, "", "must name another channel"),
    ],
)
async def test_refusals_are_readable_and_no_credential_is_taken(
    desk: Desk, spec: dict[str, Any], field: str, said: str
) -> None:
    answer = await create(desk, **spec)
    assert answer.status_code in (400, 422), answer.text
    assert said in answer.text
    if answer.status_code == 422 and field:
        assert any(one["field"] == field and said in one["message"] for one in answer.json()["errors"]), answer.text
    assert desk.audit() == []
