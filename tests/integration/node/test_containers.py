"""Containers as processes: files, environment, restarts, probes, logs."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import signal
from typing import TYPE_CHECKING

import pytest

from btcwatcher_local import procinfo
from btcwatcher_local.client.resources import CONFIG_MAPS, SECRETS
from support.localcluster import container_status, eventually, ready, restarts, running, waiting_reason

if TYPE_CHECKING:
    from support.localcluster import LocalCluster, Obj

pytestmark = pytest.mark.integration

LOOP = "while :; do sleep 0.1; done"


def encoded(**data: str) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def terminated(pod: Obj, name: str = "main") -> Obj:
    found: Obj = (container_status(pod, name).get("state") or {}).get("terminated") or {}
    return found


def last_end(pod: Obj, name: str = "main") -> Obj:
    found: Obj = (container_status(pod, name).get("lastState") or {}).get("terminated") or {}
    return found


async def test_a_bots_pod(node: LocalCluster) -> None:
    """Init container with a warning, Secret and emptyDir by relative paths, exec probes, logs."""
    await node.create(SECRETS, {"metadata": {"name": "rev"}, "data": encoded(**{"config.json": "{}", "key": "k"})})
    mounts = [{"name": "rev", "mountPath": "/bot/revision"}, {"name": "data", "mountPath": "/bot/data"}]
    probe = {"exec": {"command": ["test", "-f", "run/ready"]}, "periodSeconds": 1}
    await node.create_pod(
        "bot",
        f"echo word $(WORD) in $(NAME); cat revision/config.json data/made; echo; touch run/ready; {LOOP}",
        env=[
            {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "rev", "key": "key"}}},
            {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
        volumeMounts=[*mounts, {"name": "run", "mountPath": "/bot/run"}],
        volumes=[
            {"name": "rev", "secret": {"secretName": "rev"}},
            {"name": "data", "emptyDir": {}},
            {"name": "run", "emptyDir": {"medium": "Memory"}},
        ],
        initContainers=[
            {
                "name": "preflight",
                "image": "docker.io/library/busybox:1.36",
                "args": ["echo checked; echo made > data/made; printf warning > $BTCWATCHER_TERMINATION_LOG"],
                "workingDir": "/bot",
                "volumeMounts": mounts,
            }
        ],
        startupProbe={**probe, "failureThreshold": 30},
        readinessProbe=probe,
    )
    pod = await node.until("bot", ready)
    assert pod["status"]["podIP"] == "127.0.0.1"
    assert terminated(pod, "preflight")["message"] == "warning"
    assert terminated(pod, "preflight")["reason"] == "Completed"
    assert container_status(pod)["started"] is True
    assert await node.until_logged("bot") == "word k in bot\n{}made\n\n"
    assert await node.log("bot", "preflight") == "checked\n"
    await node.until_told("bot", "Pulled", "Created", "Started")


async def test_two_pods_with_equal_mount_paths(node: LocalCluster) -> None:
    for name in ("one", "two"):
        await node.create(SECRETS, {"metadata": {"name": name}, "data": encoded(word=name)})
        await node.create_pod(
            name,
            f"cat conf/word > data/copy; cat data/copy; echo; {LOOP}",
            volumeMounts=[{"name": "c", "mountPath": "/bot/conf"}, {"name": "d", "mountPath": "/bot/data"}],
            volumes=[{"name": "c", "secret": {"secretName": name}}, {"name": "d", "emptyDir": {}}],
        )
    for name in ("one", "two"):
        await node.until(name, running)
        assert await node.until_logged(name) == f"{name}\n"


async def test_changed_secret_reaches_a_running_container(node: LocalCluster) -> None:
    await node.create(SECRETS, {"metadata": {"name": "access"}, "data": encoded(netrc="old")})
    pod = await node.create_pod(
        "bot",
        LOOP,
        volumeMounts=[{"name": "a", "mountPath": "/bot/access"}],
        volumes=[{"name": "a", "secret": {"secretName": "access"}}],
    )
    await node.until("bot", running)
    path = node.rootfs(pod) / "bot" / "access" / "netrc"
    assert path.read_text() == "old"
    await node.client.patch(SECRETS, node.namespace, "access", {"data": encoded(netrc="new", more="x")})
    await eventually(lambda: path.read_text() == "new")
    assert (path.parent / "more").read_text() == "x"
    assert restarts(await node.until("bot", running)) == 0


async def test_environment_is_minimal(node: LocalCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_AGENT", "hidden")
    await node.create_pod("bot", f"env; {LOOP}")
    await node.until("bot", running)
    names = {line.split("=")[0] for line in (await node.until_logged("bot")).splitlines()}
    assert "SECRET_OF_THE_AGENT" not in names
    assert {"PATH", "HOME", "LANG", "TMPDIR", "FROM_IMAGE", "BTCWATCHER_TERMINATION_LOG"} <= names


async def test_kill_9_is_restarted_at_once_then_with_back_off(node: LocalCluster) -> None:
    pod = await node.create_pod("bot", LOOP)
    await node.until("bot", running)
    first = node.pid(pod)
    os.kill(first, signal.SIGKILL)
    pod = await node.until("bot", lambda item: restarts(item) == 1 and running(item))
    assert last_end(pod)["exitCode"] == 137
    assert node.pid(pod) != first
    os.kill(node.pid(pod), signal.SIGKILL)
    pod = await node.until("bot", lambda item: waiting_reason(item) == "CrashLoopBackOff")
    waiting = container_status(pod)["state"]["waiting"]["message"]
    assert waiting.startswith("back-off 1s restarting failed container=main pod=bot_")
    pod = await node.until("bot", lambda item: restarts(item) == 2)
    await node.until_told("bot", "BackOff")


async def test_children_of_a_container_end_with_it(node: LocalCluster) -> None:
    pod = await node.create_pod(
        "bot", "sleep 300 & echo $! > child; setsid sleep 301 & sleep 0.5; exit 0", restartPolicy="Never"
    )
    child = node.rootfs(pod) / "bot" / "child"
    await node.until("bot", lambda item: item["status"].get("phase") == "Succeeded")
    assert procinfo.start_time(int(child.read_text())) is None
    if procinfo.LINUX:
        assert procinfo.marked({node.marker(pod)}) == []


async def test_failure_leaves_its_message(node: LocalCluster) -> None:
    await node.create_pod(
        "bot",
        'printf %s "{\\"reason\\":\\"ConfigInvalid\\"}" > $BTCWATCHER_TERMINATION_LOG; exit 2',
        restartPolicy="Never",
    )
    pod = await node.until("bot", lambda item: item["status"].get("phase") == "Failed")
    assert terminated(pod)["message"] == '{"reason":"ConfigInvalid"}'
    assert (terminated(pod)["exitCode"], terminated(pod)["reason"]) == (2, "Error")


async def test_failure_falls_back_to_its_logs(node: LocalCluster) -> None:
    await node.create_pod(
        "bot",
        "echo first; echo last words >&2; exit 1",
        restartPolicy="Never",
        terminationMessagePolicy="FallbackToLogsOnError",
    )
    pod = await node.until("bot", lambda item: item["status"].get("phase") == "Failed")
    assert "last words" in terminated(pod)["message"]


async def test_failed_liveness_restarts_the_container(node: LocalCluster) -> None:
    await node.create_pod(
        "bot",
        f"touch alive; sleep 1.5; rm alive; {LOOP}",
        livenessProbe={"exec": {"command": ["test", "-f", "alive"]}, "periodSeconds": 1, "failureThreshold": 1},
    )
    pod = await node.until("bot", lambda item: restarts(item) == 1)
    assert last_end(pod)["exitCode"] == 143
    killing = ("Killing", "Container main failed liveness probe, will be restarted")
    await node.until_told("bot", killing, "Unhealthy")


async def test_readiness_comes_and_goes(node: LocalCluster) -> None:
    probe = {"exec": {"command": ["cat", "ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    pod = await node.create_pod("bot", LOOP, readinessProbe=probe)
    await node.until("bot", lambda item: running(item) and not ready(item))
    flag = node.rootfs(pod) / "bot" / "ready"
    flag.touch()
    await node.until("bot", ready)
    flag.unlink()
    pod = await node.until("bot", lambda item: not ready(item))
    assert restarts(pod) == 0


async def test_failed_startup_restarts(node: LocalCluster) -> None:
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    await node.create_pod("bot", LOOP, startupProbe=probe)
    pod = await node.until("bot", lambda item: restarts(item) >= 1)
    assert last_end(pod)["exitCode"] == 143


async def test_missing_secret_then_there(node: LocalCluster) -> None:
    env = [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "later", "key": "k"}}}]
    await node.create_pod("bot", f"echo $K; {LOOP}", env=env)
    pod = await node.until("bot", lambda item: waiting_reason(item) == "CreateContainerConfigError")
    assert container_status(pod)["state"]["waiting"]["message"] == 'secret "later" not found'
    await node.create(SECRETS, {"metadata": {"name": "later"}, "data": encoded(k="v")})
    pod = await node.until("bot", running)
    assert restarts(pod) == 0


async def test_missing_volume_then_there(node: LocalCluster) -> None:
    await node.create_pod(
        "bot",
        f"cat c/k; {LOOP}",
        volumeMounts=[{"name": "c", "mountPath": "/bot/c"}],
        volumes=[{"name": "c", "configMap": {"name": "later"}}],
    )
    await node.until("bot", lambda item: waiting_reason(item) == "ContainerCreating")
    message = 'MountVolume.SetUp failed for volume "c" : configmap "later" not found'
    await node.until_told("bot", ("FailedMount", message))
    await node.create(CONFIG_MAPS, {"metadata": {"name": "later"}, "data": {"k": "there"}})
    await node.until("bot", running)


async def test_unknown_image(node: LocalCluster) -> None:
    await node.create_pod("bot", LOOP, image="no/such:1")
    pod = await node.until("bot", lambda item: waiting_reason(item) == "ImagePullBackOff")
    message = container_status(pod)["state"]["waiting"]["message"]
    assert "no local command is known for it in the image table" in message
    assert "busybox" in message


async def test_program_that_does_not_exist(node: LocalCluster) -> None:
    await node.create_pod("bot", "", command=["no-such-program"], args=[], restartPolicy="Never")
    pod = await node.until("bot", lambda item: item["status"].get("phase") == "Failed")
    assert (terminated(pod)["exitCode"], terminated(pod)["reason"]) == (128, "StartError")
    assert "no-such-program" in terminated(pod)["message"]


async def test_logs_as_kubectl_asks(node: LocalCluster) -> None:
    pod = await node.create_pod("bot", f"echo run; echo two; {LOOP}")
    await node.until("bot", running)
    assert (await node.log_request("bot", "main", "wrong"))[0] == 401
    assert (await node.log_request("bot", "no", node.client.connection.token or ""))[0] == 400
    assert (await node.log_request("bot", "main", node.client.connection.token or "", previous="true"))[0] == 400
    assert await node.log("bot", tailLines="1") == "two\n"
    follow = asyncio.create_task(node.log("bot", follow="true"))
    await asyncio.sleep(0.3)
    os.kill(node.pid(pod), signal.SIGKILL)
    async with asyncio.timeout(3):
        assert await follow == "run\ntwo\n"
    await node.until("bot", lambda item: restarts(item) == 1)
    assert await node.log("bot", previous="true") == "run\ntwo\n"


async def test_a_follower_that_hangs_up_is_no_error(node: LocalCluster, caplog: pytest.LogCaptureFixture) -> None:
    await node.create_pod("bot", "while :; do echo line; sleep 0.05; done")
    await node.until("bot", running)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(node.log("bot", follow="true"), 0.5)
    # What follows now is written to nobody.
    lines = len((await node.log("bot")).splitlines())

    async def goes_on() -> bool:
        return len((await node.log("bot")).splitlines()) > lines + 5

    await eventually(goes_on)
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []
