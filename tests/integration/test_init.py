"""``poetry gpu-build init`` with a really installed Poetry: afterwards Poetry, the plan and the linter are content."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .poetries import InstalledPoetry

EMPTY = """\
[project]
name = "empty"
version = "0.1.0"
description = ""
authors = [
    {name = "A",email = "a@example.org"}
]
requires-python = ">=3.10"
dependencies = [
]


[build-system]
requires = ["poetry-core>=2.0.0,<3.0.0"]
build-backend = "poetry.core.masonry.api"
"""
TORCH_IN_MAIN = """\
[tool.poetry]
name = "old"
version = "0.1.0"
description = "In Poetry's own notation."
authors = ["A <a@example.org>"]

[tool.poetry.dependencies]
python = "^3.10"
numpy = "^1.26"  # arrays
torch = "2.7.1"  # the training
torchvision = "0.22.1"

[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"

[tool.ruff]
line-length = 100
"""
STANDARD = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "standard"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = [
    "numpy>=1.26",
    # the training
    "torch>=2.2,<3",
]

[dependency-groups]
dev = ["pytest"]
"""
PROJECTS = {"empty": EMPTY, "torch-in-main": TORCH_IN_MAIN, "standard": STANDARD}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", PROJECTS)
def test_a_project_is_under_the_policy_afterwards(poetry: InstalledPoetry, tmp_path: Path, kind: str) -> None:
    tmp_path.joinpath("pyproject.toml").write_text(PROJECTS[kind], encoding="utf-8")
    done = poetry.run("gpu-build", "init", "--yes", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

    check = poetry.run("check", cwd=tmp_path)
    assert check.returncode == 0, check.stdout + check.stderr

    plan = poetry.run("gpu-build", "--dry-run", "--gpu", "8.6", cwd=tmp_path)
    assert plan.returncode == 0, plan.stdout + plan.stderr
    assert "torch        2.7.1+cu128" in plan.stdout

    lint = subprocess.run(
        [poetry.python, "-m", "poetry_gpu_build.cli"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr  # a warning may remain: GPU508

    before = contents(tmp_path)
    again = poetry.run("gpu-build", "init", "--yes", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (0, "")
    assert contents(tmp_path) == before
