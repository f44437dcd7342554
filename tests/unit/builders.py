"""Small builders that the unit tests share: each makes one thing of the core from as little as a test has to say."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from poetry.core.constraints.version import parse_constraint

from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.facts.load import load_packages
from poetry_gpu_build.gpu.interface import Gpu
from poetry_gpu_build.plan import Inputs
from poetry_gpu_build.plan import Request
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.project import read_project
from poetry_gpu_build.required import Required
from poetry_gpu_build.resources import docker_dir
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.selection.flags import Flags
from poetry_gpu_build.selection.question import Question
from poetry_gpu_build.torch_pin import PinnedTorch
from poetry_gpu_build.torch_pin import TorchPin
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import DriverVersion
from poetry_gpu_build.values import TorchBuild

if TYPE_CHECKING:
    import pytest

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project

ROOT = Path(__file__).resolve().parents[2]
GIB = 2**30
PYPROJECT_PATH = Path("pyproject.toml")

# The minimal project under the policy: one main dependency, and the wheel as an optional group of its own.
HEAD = """\
[project]
name = "minimal"
version = "0.1.0"
requires-python = ">=3.10,<3.13"
dependencies = ["numpy>=1.26"]

[tool.poetry]
package-mode = false
"""
GROUP = """
[tool.poetry.group.binary-torch]
optional = true

[tool.poetry.group.binary-torch.dependencies]
torch = { version = "2.7.1+cu128", source = "pytorch-cu128" }
"""
SOURCE = """
[[tool.poetry.source]]
name = "pytorch-cu128"
url = "https://download.pytorch.org/whl/cu128"
priority = "explicit"
"""
PYPROJECT = HEAD + GROUP + SOURCE


def cc(text: str) -> ComputeCapability:
    return ComputeCapability.parse(text)


def gpu(capability: str, *, name: str | None = None, driver: str | None = None) -> Gpu:
    """A GPU that was named; with a driver, one of the machine's own."""
    return Gpu(
        capability=cc(capability),
        reported_by="--gpu" if driver is None else "NVML",
        name=name,
        driver=None if driver is None else DriverVersion.parse(driver),
    )


@lru_cache(maxsize=1)
def facts() -> CompatibilityFacts:
    """The shipped facts."""
    return load_compatibility(policies_dir() / "facts")


def policy(settings: str = "") -> Policy:
    """The shipped policy under these lines of [tool.gpu-build]."""
    return load_policy(policies_dir(), parse_toml(f"[tool.gpu-build]\n{settings}", PYPROJECT_PATH))


def pinned(wheel: str | None) -> PinnedTorch:
    """The wheel that a project pins; None: a range that names no single build."""
    pin = TorchPin(wheel or ">=2", "binary-torch", None, None, Position(PYPROJECT_PATH, 1, 1))
    return PinnedTorch(None if wheel is None else TorchBuild.parse(wheel), pin, "its constraint")


def required(name: str, constraint: str | None) -> Required:
    """A distribution that an image installs; None: in versions that are not told."""
    parsed = None if constraint is None else parse_constraint(constraint)
    return Required(name, parsed, Position(PYPROJECT_PATH, 4, 1))


def question(
    *gpus: Gpu | str, flags: Flags | None = None, wheel: str | None = "2.7.1+cu128", settings: str = ""
) -> Question:
    """What the choice of the mode depends on; a text is a named compute capability."""
    return Question(
        flags=flags or Flags(),
        gpus=tuple(gpu(item) if isinstance(item, str) else item for item in gpus),
        policy=policy(settings),
        pinned=pinned(wheel),
        facts=facts(),
    )


def write_project(folder: Path, pyproject: str = PYPROJECT, *, lock: str | None = None) -> Path:
    """A throw-away project with the shipped docker/ files, in which the linter finds no error; returns its root."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("poetry.toml", ".dockerignore"):
        folder.joinpath(name).write_bytes(ROOT.joinpath("examples", "minimal", name).read_bytes())
    folder.joinpath("pyproject.toml").write_text(pyproject, encoding="utf-8")
    if lock is not None:
        folder.joinpath("poetry.lock").write_text(lock, encoding="utf-8")
    docker = folder / "docker"
    docker.mkdir(exist_ok=True)
    for file in docker_dir().iterdir():
        docker.joinpath(file.name).write_bytes(file.read_bytes())
    return folder


def project(folder: Path, pyproject: str = PYPROJECT, *, lock: str | None = None, python: str = "3.10") -> Project:
    """The same, as the program reads it."""
    return read_project(read_toml(write_project(folder, pyproject, lock=lock) / "pyproject.toml"), python)


def inputs(
    folder: Path,
    pyproject: str = PYPROJECT,
    *,
    version: str = "1.2.3",
) -> Inputs:
    """What a plan is made from."""
    found = project(folder, pyproject)
    return Inputs(
        project=found,
        policy=load_policy(policies_dir(), found.pyproject),
        facts=facts(),
        version=version,
        load_packages=lambda: load_packages(policies_dir() / "facts"),
    )


def request(*gpus: Gpu | str, flags: Flags | None = None, tags: tuple[str, ...] = ()) -> Request:
    return Request(flags or Flags(), tuple(gpu(item) if isinstance(item, str) else item for item in gpus), tags)


def settings(lines: str) -> str:
    """The minimal project with these lines in [tool.gpu-build]."""
    return f"{PYPROJECT}\n[tool.gpu-build]\n{lines}\n"


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Everything below a folder: path → mode and contents."""
    found = {}
    for path in sorted(folder.rglob("*")):
        contents = bytes(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (path.lstat().st_mode, contents)
    return found


def put_on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str, *, program: str = "docker") -> Path:
    """Stand a shell script in for a program, before all others on PATH; returns the script."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / program
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return path
