"""What the end-to-end tests share: one engine, its base images and two servers, for the whole session."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from .harness.bases import make_bases
from .harness.engine import Engine
from .harness.getpip import get_pip
from .harness.gitserver import GitServer
from .harness.index import Index
from .harness.machine import why_not
from .harness.standin import binary_wheel
from .harness.standin import torch_repository

if TYPE_CHECKING:
    from collections.abc import Iterator


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
