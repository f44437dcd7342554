"""What the integration tests share: the built wheel, both Poetrys with and without it, and the index on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .index import served
from .index import write_index
from .poetries import OLDEST
from .poetries import ROOT
from .poetries import InstalledPoetry
from .poetries import build_environment
from .poetries import check_output
from .poetries import newest_poetry
from .poetries import overlay
from .poetries import poetry_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project as a wheel, built once."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder
    check_output(build_environment(), "-m", "pip", *build, ROOT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the index on loopback."""
    root = tmp_path_factory.mktemp("index")
    write_index(root)
    with served(root) as address:
        yield address


@pytest.fixture(scope="session", params=["oldest", "newest"])
def plain_poetry(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> InstalledPoetry:
    """A supported Poetry without the plugin."""
    version = OLDEST if request.param == "oldest" else newest_poetry()
    return InstalledPoetry(version, poetry_environment(version), tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def poetry(plain_poetry: InstalledPoetry, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> InstalledPoetry:
    """The same Poetry with the plugin's wheel installed beside it."""
    folder = tmp_path_factory.mktemp(f"poetry-{plain_poetry.version}")
    return InstalledPoetry(plain_poetry.version, overlay(plain_poetry.python, folder, wheel), plain_poetry.home)
