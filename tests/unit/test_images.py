"""The images' files, without building any: what is installed in them, as whom they run, and what a build may see."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).parents[2]
IMAGES: Final = ("operator", "api", "freqtrade")
OURS: Final = {"operator": ("crds", "operator"), "api": ("crds", "api")}
_PINNED: Final = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
_HASHES: Final = re.compile(r"--hash=(sha256:[0-9a-f]{64})")


def dockerfile(image: str) -> str:
    return (REPOSITORY / "images" / image / "Dockerfile").read_text()


def final_stage(image: str) -> str:
    return dockerfile(image).rsplit("\nFROM ", 1)[1]


def pinned(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Name -> version and hashes."""
    text = (REPOSITORY / lock).read_text()
    starts = [(found.start(), found[1], found[2]) for found in _PINNED.finditer(text)]
    ends = [start for start, _, _ in starts[1:]] + [len(text)]
    return {
        name: (version, frozenset(_HASHES.findall(text[start:end])))
        for (start, name, version), end in zip(starts, ends, strict=True)
    }


def asked(requirements: str) -> set[str]:
    """The requirements of a .in file, with their extras."""
    lines = (line.partition("#")[0].strip() for line in (REPOSITORY / requirements).read_text().splitlines())
    return {line for line in lines if line}


def imported(image: str) -> set[str]:
    """The distributions that our packages of this image import."""
    names: set[str] = set()
    for room in OURS[image]:
        for file in (REPOSITORY / room / f"btcwatcher_{room}").rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.partition(".")[0])
    others = {name for name in names if name not in sys.stdlib_module_names and not name.startswith("btcwatcher_")}
    known = packages_distributions()
    return {re.sub(r"[-_.]+", "-", known[name][0]).lower() for name in others}


@pytest.mark.parametrize("image", OURS)
def test_what_the_code_imports_is_in_its_image(image: str) -> None:
    assert imported(image) - set(pinned(f"images/{image}/requirements.lock")) == set()


@pytest.mark.parametrize("image", OURS)
def test_what_an_image_asks_for_is_asked_for_by_the_project_with_the_same_extras(image: str) -> None:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]["dependencies"]
    said = {re.split(r"[<>=;! ]", requirement, maxsplit=1)[0] for requirement in project}
    assert asked(f"images/{image}/requirements.in") <= said


@pytest.mark.parametrize(
    "lock", ["images/operator/requirements.lock", "images/api/requirements.lock", "images/build.lock"]
)
def test_images_hold_the_versions_that_are_tested(lock: str) -> None:
    """Renew them with `make lock`."""
    tested = pinned("requirements.lock")
    assert {name: version for name, (version, _) in pinned(lock).items()} == {
        name: tested[name][0] for name in pinned(lock)
    }


@pytest.mark.parametrize(
    "lock", sorted(str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "images").rglob("*.lock"))
)
def test_lock_files_pin_by_hash_and_name_no_registry(lock: str) -> None:
    assert all(hashes for _, hashes in pinned(lock).values())
    assert "://" not in (REPOSITORY / lock).read_text()


def test_the_operator_carries_nothing_of_the_api() -> None:
    assert not pinned("images/operator/requirements.lock").keys() & {
        "fastapi",
        "sqlalchemy",
        "psycopg",
        "apprise",
        "uvicorn",
        "alembic",
        "jinja2",
        "pyjwt",
    }


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_runs_as_a_user_without_rights_under_an_init(image: str) -> None:
    stage = final_stage(image)
    assert re.findall(r"^USER (.*)$", stage, re.MULTILINE) == ["10001:10001"]
    assert 'ENTRYPOINT ["tini", "--", ' in stage
    assert "HEALTHCHECK " in stage


@pytest.mark.parametrize("image", IMAGES)
def test_packages_are_installed_by_hash_and_compiled(image: str) -> None:
    text = dockerfile(image).replace("\\\n", " ")
    for command in re.findall(r"pip install (.*?)(?:&&|\n)", text):
        assert "--require-hashes" in command or ("--no-index" in command and "--no-deps" in command), command
    assert "compileall" in text
    assert "uninstall --yes pip setuptools" in text


def test_all_images_have_one_base_which_is_pinned() -> None:
    bases = {
        found for image in IMAGES for found in re.findall(r"^ARG PYTHON_IMAGE=(.+)$", dockerfile(image), re.MULTILINE)
    }
    assert len(bases) == 1
    assert re.fullmatch(r"[a-z0-9./-]+:\d+\.\d+[a-z0-9.-]*", bases.pop())
    for image in IMAGES:
        assert set(re.findall(r"^FROM (\S+)", dockerfile(image), re.MULTILINE)) == {"${PYTHON_IMAGE}"}


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_says_what_it_is(image: str) -> None:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    stage = final_stage(image)
    labels = dict(re.findall(r'org\.opencontainers\.image\.([a-z.]+)="([^"]*)"', stage))
    assert labels["title"] == f"btcwatcher/{image}"
    assert project["license"] in labels["licenses"]
    assert f"ARG VERSION={project['version']}\n" in stage
    assert labels["version"] == "${VERSION}"
    assert labels["base.name"] == "${PYTHON_IMAGE}"


def test_a_build_sees_what_is_copied_and_nothing_else() -> None:
    lines = [line for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert lines[0] == "*"
    copied = {
        path
        for image in OURS
        for arguments in re.findall(r"^COPY (?!--from)(.*)$", dockerfile(image), re.MULTILINE)
        for path in arguments.split()[:-1]
    }
    assert copied == allowed
    assert all((REPOSITORY / path).exists() for path in copied)
