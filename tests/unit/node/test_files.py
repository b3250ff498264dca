"""Volumes as folders, and a container's root with its mounts."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from btcwatcher_local.node import rootfs
from btcwatcher_local.node.atomic import Payload, write_files
from btcwatcher_local.node.env import ConfigError
from btcwatcher_local.node.volumes import VolumeError, prepare
from support.objects import pod

if TYPE_CHECKING:
    from pathlib import Path

Obj = dict[str, Any]


class Fake:
    def __init__(self, folder: Path, **secrets: dict[str, str]) -> None:
        self.folder = folder
        self.secrets = secrets
        self.phase = "Bound"

    async def secret(self, _: str, name: str) -> Obj | None:
        held = self.secrets.get(name)
        return held and {"data": {key: base64.b64encode(text.encode()).decode() for key, text in held.items()}}

    async def config_map(self, _: str, name: str) -> Obj | None:
        return {"data": {"k": "config"}} if name == "c" else None

    async def claim(self, _: str, name: str) -> Obj | None:
        return {"spec": {"volumeName": "pv"}, "status": {"phase": self.phase}} if name == "data" else None

    async def persistent_volume(self, _: str) -> Obj | None:
        return {"spec": {"hostPath": {"path": str(self.folder / "pv")}}}

    async def service_account_token(self, _pod: Obj, _source: Obj) -> str:
        return "token"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".."))


def with_volumes(*volumes: Obj) -> Obj:
    wanted = pod()
    wanted["spec"]["volumes"] = list(volumes)
    return wanted


def test_a_swap_is_one_rename_and_leaves_nothing_old(tmp_path: Path) -> None:
    assert write_files(tmp_path, {"a": Payload(b"1", 0o600), "sub/b": Payload(b"2", 0o644)})
    assert (tmp_path / "a").read_text() == "1"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "sub" / "b").read_text() == "2"
    before = (tmp_path / "..data").readlink()
    assert not write_files(tmp_path, {"a": Payload(b"1", 0o600), "sub/b": Payload(b"2", 0o644)})
    assert write_files(tmp_path, {"a": Payload(b"3", 0o600)})
    assert (tmp_path / "a").read_text() == "3"
    assert not (tmp_path / "sub").exists()
    assert not (tmp_path / before).exists()
    assert str((tmp_path / "a").readlink()) == "..data/a"


async def test_kinds_of_volumes(tmp_path: Path) -> None:
    lookup = Fake(tmp_path, s={"key": "hidden", "other": "x"})
    wanted = with_volumes(
        {"name": "sec", "secret": {"secretName": "s", "defaultMode": 0o400, "items": [{"key": "key", "path": "d/k"}]}},
        {"name": "cfg", "configMap": {"name": "c"}},
        {"name": "run", "emptyDir": {"medium": "Memory"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "down", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"name": "all", "projected": {"sources": [{"secret": {"name": "s"}}, {"configMap": {"name": "c"}}]}},
        {"name": "none", "secret": {"secretName": "no", "optional": True}},
    )
    found = await prepare(wanted, tmp_path / "vols", lookup, {})
    assert (found["sec"] / "d" / "k").read_text() == "hidden"
    assert (found["sec"] / "d" / "k").stat().st_mode & 0o777 == 0o400
    assert not (found["sec"] / "other").exists()
    assert (found["cfg"] / "k").read_text() == "config"
    assert found["run"].is_dir()
    assert found["data"] == tmp_path / "pv"
    assert (found["down"] / "labels").read_text() == 'app="x"'
    assert names(found["all"]) == ["k", "key", "other"]
    assert names(found["none"]) == []


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        ({"secret": {"secretName": "no"}}, 'secret "no" not found'),
        (
            {"secret": {"secretName": "s", "items": [{"key": "no", "path": "p"}]}},
            "references non-existent secret key: no",
        ),
        ({"persistentVolumeClaim": {"claimName": "no"}}, 'persistentvolumeclaim "no" not found'),
        ({"nfs": {}}, "not supported on a local node: nfs"),
    ],
)
async def test_a_volume_that_cannot_be_made_is_named(tmp_path: Path, volume: Obj, words: str) -> None:
    with pytest.raises(VolumeError, match=f'MountVolume.SetUp failed for volume "v" : .*{words}'):
        await prepare(with_volumes({"name": "v", **volume}), tmp_path, Fake(tmp_path, s={"a": "b"}), {})


def test_two_roots_with_equal_mount_paths(tmp_path: Path) -> None:
    container = {"name": "main", "volumeMounts": [{"name": "data", "mountPath": "/bot/data"}]}
    for bot in ("one", "two"):
        (tmp_path / f"volume-{bot}").mkdir()
        rootfs.build(tmp_path / bot, container, {"data": tmp_path / f"volume-{bot}"}, {})
        cwd = rootfs.working_dir(tmp_path / bot, "/bot")
        (cwd / "data" / "x").write_text(bot)
    assert (tmp_path / "volume-one" / "x").read_text() == "one"
    assert (tmp_path / "volume-two" / "x").read_text() == "two"


def test_a_new_root_keeps_the_volumes_and_nothing_else(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    container = {"name": "main", "volumeMounts": [{"name": "data", "mountPath": "/bot/data"}]}
    root = tmp_path / "root"
    rootfs.build(root, container, {"data": volume}, {})
    (root / "bot" / "data" / "kept").write_text("x")
    (root / "bot" / "lost").write_text("x")
    rootfs.build(root, container, {"data": volume}, {})
    assert (volume / "kept").exists()
    assert not (root / "bot" / "lost").exists()


def test_mount_below_a_mount_and_sub_path(tmp_path: Path) -> None:
    volumes = {name: tmp_path / name for name in ("outer", "inner")}
    for folder in volumes.values():
        folder.mkdir()
    (volumes["inner"] / "f").write_text("content")
    container = {
        "name": "main",
        "volumeMounts": [
            {"name": "inner", "mountPath": "/bot/in/f", "subPath": "f"},
            {"name": "outer", "mountPath": "/bot"},
        ],
    }
    for _ in range(2):
        rootfs.build(tmp_path / "root", container, volumes, {})
        assert (tmp_path / "root" / "bot" / "in" / "f").read_text() == "content"


def test_paths_cannot_leave_the_root(tmp_path: Path) -> None:
    assert rootfs.inside(tmp_path, "/../../etc") == tmp_path / "etc"
    container = {"name": "main", "volumeMounts": [{"name": "v", "mountPath": "/x", "subPath": "../.."}]}
    with pytest.raises(ConfigError, match="must be relative"):
        rootfs.build(tmp_path / "root", container, {"v": tmp_path}, {})


def test_termination_log_is_told_relative_to_the_working_directory(tmp_path: Path) -> None:
    root = tmp_path / "root"
    rootfs.build(root, {"name": "main"}, {}, {})
    cwd = rootfs.working_dir(root, "/bot")
    path, told = rootfs.termination_log(root, {"name": "main"}, cwd)
    assert told == "../dev/termination-log"
    assert (cwd / told).resolve() == path.resolve()


def test_termination_log_is_told_absolute_when_the_working_directory_is_a_mount(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    container = {"name": "main", "volumeMounts": [{"name": "v", "mountPath": "/bot"}]}
    rootfs.build(tmp_path / "root", container, {"v": tmp_path / "volume"}, {})
    cwd = rootfs.working_dir(tmp_path / "root", "/bot")
    path, told = rootfs.termination_log(tmp_path / "root", container, cwd)
    assert told == str(path)


def test_programs_are_looked_for_in_the_root_first(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").write_text("#!/bin/sh\n")
    assert rootfs.executable("/bin/sh", tmp_path, tmp_path, "") == str(tmp_path / "bin" / "sh")
    assert rootfs.executable("/bin/ls", tmp_path, tmp_path, "") == "/bin/ls"
    assert rootfs.executable("sh", tmp_path, tmp_path, "/usr/bin:/bin") in ("/usr/bin/sh", "/bin/sh")
    assert rootfs.executable("no-such-program", tmp_path, tmp_path, "/usr/bin:/bin") is None
