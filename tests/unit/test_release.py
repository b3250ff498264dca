"""The release workflow, as far as it can be looked at without running it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

REPOSITORY: Final = Path(__file__).parents[2]
TEXT: Final = (REPOSITORY / ".github" / "workflows" / "release.yaml").read_text()
WORKFLOW: Final[dict[str, Any]] = yaml.safe_load(TEXT)
JOBS: Final[dict[str, Any]] = WORKFLOW["jobs"]


def step(job: str, action: str) -> dict[str, Any]:
    """The inputs of the step of a job that uses this action."""
    found = next(one for one in JOBS[job]["steps"] if one.get("uses", "").startswith(f"{action}@"))
    inputs: dict[str, Any] = found["with"]
    return inputs


def test_actions_are_pinned() -> None:
    used = re.findall(r"uses: (\S+)", TEXT)
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", action)] == []


def test_it_pushes_where_the_repository_says_and_nowhere_else() -> None:
    assert WORKFLOW["env"] == {"REGISTRY": "${{ vars.REGISTRY }}"}
    assert not re.search(r"\b(ghcr|quay|docker|gcr)\.io\b", TEXT)
    assert ":latest" not in TEXT


def test_every_image_is_built_from_its_dockerfile_for_both_platforms() -> None:
    built = {one["image"]: one["context"] for one in JOBS["images"]["strategy"]["matrix"]["include"]}
    assert built.keys() == {file.parent.name for file in REPOSITORY.glob("images/*/Dockerfile")}
    assert {image for image, context in built.items() if context == "."} == {"operator", "api"}
    inputs = step("images", "docker/build-push-action")
    assert inputs["platforms"] == "linux/amd64,linux/arm64"
    assert inputs["provenance"] == "mode=max"
    arguments = {line.partition("=")[0] for line in inputs["build-args"].splitlines()}
    for file in REPOSITORY.glob("images/*/Dockerfile"):
        assert arguments == set(re.findall(r"^ARG (\w+)=", file.read_text(), re.MULTILINE))


@pytest.mark.parametrize("job", ["images", "chart"])
def test_what_is_pushed_is_signed_after_the_tests_with_no_more_rights_than_that_takes(job: str) -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert JOBS[job]["permissions"] == {"contents": "read", "packages": "write", "id-token": "write"}
    assert any("cosign sign --yes" in one.get("run", "") for one in JOBS[job]["steps"])
    assert {"prepare", "test"} <= {*JOBS["images"]["needs"]}


def test_no_step_puts_an_expression_into_a_script() -> None:
    """What somebody names a tag would be run as a command."""
    scripts = [one["run"] for job in JOBS.values() for one in job["steps"] if "run" in one]
    assert [script for script in scripts if "${{" in script] == []
