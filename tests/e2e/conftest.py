"""What the end-to-end tests share: one engine, its base images and two servers, for the whole session."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .harness.bases import make_bases
from .harness.engine import Engine
from .harness.getpip import get_pip
from .harness.gitserver import GitServer
from .harness.index import Index
from .harness.machine import why_not
from .harness.plugin import Poetry
from .harness.plugin import install_poetry
from .harness.plugin import plugin_wheel
from .harness.project import Surroundings
from .harness.project import example_project
from .harness.standin import binary_wheel
from .harness.standin import torch_repository
from .images import Image
from .images import kept

if TYPE_CHECKING:
    from collections.abc import Iterator

# Not ours to import for doctests: it is the source of a package named torch.
collect_ignore = ["torch_standin"]


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A private engine without images. GPU_BUILD_E2E_KEEP=1 leaves its folder behind."""
    reason = why_not()
    if reason is not None:
        # `make e2e` promises a result: there, a machine that cannot give one is a failure.
        if os.environ.get("GPU_BUILD_E2E") == "require":
            pytest.fail(f"the end-to-end tests cannot run here: {reason}", pytrace=False)
        pytest.skip(reason)
    with Engine(keep=os.environ.get("GPU_BUILD_E2E_KEEP") == "1") as running:
        yield running


@pytest.fixture(scope="session")
def bases(engine: Engine) -> Engine:
    """The engine with both of NVIDIA's base images in it."""
    make_bases(engine)
    return engine


@pytest.fixture(scope="session")
def index(bases: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """An index that builds can reach, with the binary torch 2.7.1+cu128 and, under /files/, get-pip.py."""
    folder = tmp_path_factory.mktemp("index")
    shutil.copy(binary_wheel(bases), folder)
    shutil.copy(get_pip(), folder)
    with Index(folder, address=bases.address) as server:
        yield server


@pytest.fixture(scope="session")
def git_server(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A git server that builds can reach: whole/pytorch.git, and broken/pytorch.git that does not compile."""
    folder = tmp_path_factory.mktemp("git")
    torch_repository(folder / "whole")
    torch_repository(folder / "broken", broken=True)
    with GitServer(folder, address=engine.address) as server:
        yield server


@pytest.fixture(scope="session")
def surroundings(index: Index, git_server: GitServer) -> Surroundings:
    """The servers that a build asks; the index has this plugin's wheel too."""
    wheel = shutil.copy(plugin_wheel(), index.folder)
    return Surroundings(index, git_server, Path(wheel))


@pytest.fixture(scope="session")
def poetry(bases: Engine, tmp_path_factory: pytest.TempPathFactory) -> Poetry:
    """The `poetry` command with this plugin installed beside it; its docker is the engine's."""
    return install_poetry(tmp_path_factory.mktemp("poetry"), plugin_wheel(), bases)


@pytest.fixture(scope="session")
def project(surroundings: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """examples/minimal, adapted to this machine and committed. Tests that change a project change a copy of it."""
    return example_project(tmp_path_factory.mktemp("project") / "hello-gpu", surroundings)


@pytest.fixture(scope="session")
def binary_image(bases: Engine, poetry: Poetry, project: Path) -> Image:
    """The project's image for a card of 2020, built with nothing in the cache."""
    return kept(Image(bases, "hello-gpu:binary", poetry.built("--gpu", "8.6", cwd=project)))


@pytest.fixture(scope="session")
def source_image(bases: Engine, poetry: Poetry, project: Path) -> Image:
    """The project's image for a card of 2014: torch compiled by NVIDIA's compiler of CUDA 11.8."""
    return kept(Image(bases, "hello-gpu:source", poetry.built("--gpu", "5.2", cwd=project)))
