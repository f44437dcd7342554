"""The examination of a machine with a real engine: one that is well, one whose builder or daemon is gone."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING
from typing import Any

import pytest

from .harness.bases import BINARY_BASE
from .harness.bases import SOURCE_BASE
from .harness.project import EXAMPLE
from .harness.project import edit_pyproject

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from .harness.engine import Engine
    from .harness.plugin import Poetry

Lines = dict[str, dict[str, Any]]


@pytest.fixture
def minimal(tmp_path: Path) -> Path:
    copy = tmp_path / "hello-gpu"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("poetry.lock", "__pycache__"))
    return copy


def doctor(poetry: Poetry, project: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], Lines]:
    result = poetry.gpu_build("doctor", *arguments, "--format", "json", cwd=project)
    return result, {line["topic"]: line for line in json.loads(result.stdout)["lines"]}


@pytest.mark.parametrize(("card", "mode", "base"), [("8.6", "binary", BINARY_BASE), ("5.2", "source", SOURCE_BASE)])
def test_where_an_image_can_be_built_nothing_stands_in_the_way(
    bases: Engine, poetry: Poetry, minimal: Path, card: str, mode: str, base: str
) -> None:
    result, lines = doctor(poetry, minimal, "--gpu", card)
    # This engine knows no runtime of NVIDIA, which matters where the machine has a GPU.
    bad = [topic for topic, line in lines.items() if line["mark"] == "problem"]
    assert (result.returncode, bad) in ((0, []), (1, ["container runtime"]))
    assert json.loads(result.stdout)["mode"] == mode
    assert lines["engine"]["seen"].startswith("Docker 26.1.5")
    assert lines["base image"]["seen"] == f"{base} is here"
    assert str(bases.folder) in lines["disk"]["seen"]
    assert lines["coverage"]["mark"] != "problem"


def test_a_base_image_that_is_nowhere_near_is_asked_of_its_registry(
    bases: Engine, poetry: Poetry, minimal: Path
) -> None:
    # Nothing answers there: whether the registry has the image cannot be told, which stops nothing.
    gone = f"{bases.address}:1/nvidia/cuda:12.8.1-devel-ubuntu22.04"
    edit_pyproject(
        minimal,
        lambda document: document["tool"].update({"gpu-build": {"modes": {"binary": {"base-image": gone}}}}),
    )
    _, lines = doctor(poetry, minimal, "--gpu", "8.6")
    assert lines["base image"]["mark"] == "warning"
    assert gone in lines["base image"]["seen"]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("BUILDX_BUILDER", "nobody", 'no builder "nobody" found'),
        ("DOCKER_HOST", "unix:///nowhere/docker.sock", "the Docker daemon does not answer"),
    ],
)
def test_an_engine_that_is_gone_ends_with_4(
    poetry: Poetry, minimal: Path, variable: str, value: str, said: str
) -> None:
    result, lines = doctor(poetry.with_env(**{variable: value}), minimal, "--gpu", "8.6")
    assert result.returncode == 4
    assert lines["engine"]["mark"] == "problem"
    assert said in lines["engine"]["seen"]
    assert lines["engine"]["remedies"]
    assert lines["coverage"]["mark"] == "ok"
