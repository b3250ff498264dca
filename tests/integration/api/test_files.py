"""A strategy file by upload becomes a ConfigMap that a Strategy can name."""

from typing import Any

import httpx
import pytest

from support.desk import STRATEGIES, Desk
from support.manifests import EAGER, HOLDER

pytestmark = pytest.mark.integration

CONFIG_MAPS = "/api/v1/namespaces/trading/configmaps"


async def upload(desk: Desk, source: str = EAGER, file: str = "eager.py", **fields: str) -> httpx.Response:
    data = {"namespace": "trading", **fields}
    return await desk.ask("POST", f"{STRATEGIES}/files", data=data, files={"file": (file, source)})


async def config_map(desk: Desk, name: str = "eager") -> dict[str, Any]:
    answer = await desk.kubernetes.get(f"{CONFIG_MAPS}/{name}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_an_uploaded_file_is_a_source_for_a_strategy(desk: Desk) -> None:
    answer = await upload(desk)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert said["classes"] == ["Eager"]
    assert (await config_map(desk))["data"] == {"eager.py": EAGER}
    made = await desk.create(source=said["source"], strategyName="Eager")
    assert made.status_code == 201, made.text
    assert desk.audit()[0] == ("tess", "file.upload", "trading.eager")


async def test_a_file_is_changed_only_on_demand_and_others_stay(desk: Desk) -> None:
    await upload(desk, name="desk-files")
    assert (await upload(desk, HOLDER, "holder.py", name="desk-files")).status_code == 201
    refused = await upload(desk, HOLDER, name="desk-files")
    assert (refused.status_code, "replace=true" in refused.json()["detail"]) == (409, True)
    assert (await upload(desk, HOLDER, name="desk-files", replace="true")).status_code == 200
    assert (await config_map(desk, "desk-files"))["data"] == {"eager.py": HOLDER, "holder.py": HOLDER}
    assert [action for _, action, _ in desk.audit()] == ["file.upload"] * 3


async def test_somebody_elses_config_map_is_left_alone(desk: Desk) -> None:
    theirs = {"metadata": {"name": "eager"}, "data": {"other": "1"}}
    assert (await desk.kubernetes.post(CONFIG_MAPS, json=theirs)).status_code == 201
    for replace in ("false", "true"):
        refused = await upload(desk, replace=replace)
        assert (refused.status_code, "left alone" in refused.json()["detail"]) == (409, True)
    assert (await config_map(desk))["data"] == {"other": "1"}


@pytest.mark.parametrize(
    ("source", "file", "fields", "status", "field"),
    [
        ("class Eager(", "eager.py", {}, 422, "file"),
        (EAGER, "eager.txt", {}, 422, "file"),
        (EAGER, "eager.py", {"class_name": "Nobody"}, 422, "class_name"),
        (EAGER, "eager.py", {"namespace": "No_Name"}, 422, "namespace"),
        (EAGER, "eager.py", {"colour": "red"}, 422, "colour"),
        ("#" * 129 * 1024, "eager.py", {}, 422, "file"),
    ],
)
async def test_refusals_name_the_field(
    desk: Desk, source: str, file: str, fields: dict[str, str], status: int, field: str
) -> None:
    answer = await upload(desk, source, file, **fields)
    assert answer.status_code == status
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert desk.audit() == []


async def test_bodies_that_are_no_form(desk: Desk) -> None:
    path = f"{STRATEGIES}/files"
    assert (await desk.ask("POST", path, json={})).status_code == 415
    assert (await desk.ask("POST", path, data={"namespace": "trading"}, files={"other": b"x"})).status_code == 422
    big = await upload(desk, "#" * 1024 * 1024)
    assert (big.status_code, big.headers["content-type"]) == (413, "application/problem+json")
    assert (await upload(desk, namespace="nowhere")).status_code == 404
