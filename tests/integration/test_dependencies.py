"""The reduced manifests against really installed Poetrys: they install what the whole one does, and lock the same."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING
from typing import NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from .poetries import InstalledPoetry

POETRY_TOML = "[virtualenvs]\nin-project = true\n"
ON = {"POETRY_WITH": "binary-torch"}
OFF = {"POETRY_WITHOUT": "binary-torch"}
TORCH = {"torch (2.7.1+cu128)", "filelock (3.20.0)"}
INSTALL = "install --no-interaction --no-ansi --no-root"

SOURCE = """
    [[tool.poetry.source]]
    name = "loopback"
    url = "{index}"
    priority = "primary"
"""
GROUP = """
    [tool.poetry.group.binary-torch]
    optional = true

    [tool.poetry.group.binary-torch.dependencies]
    torch = {{ version = "2.7.1+cu128", source = "loopback" }}
"""

#: Projects in every form that Poetry reads, each with all that an installation of dependencies must not need: files
#: that are not there, scripts, packages, and tables of other tools.
PROJECTS = {
    "standard": """
        [build-system]
        requires = ["poetry-core>=2"]
        build-backend = "poetry.core.masonry.api"

        [project]
        name = "app"
        version = "1.4"
        description = "An app."
        readme = "README.md"
        license = "MIT"
        license-files = ["LICENSE*"]
        requires-python = ">=3.10,<4"
        authors = [{{ name = "A. Author", email = "a@example.com" }}]
        classifiers = ["Private :: Do Not Upload"]
        dependencies = ["numpy>=2"]

        [project.optional-dependencies]
        bars = ["tqdm>=4"]

        [project.scripts]
        app = "app:main"

        [project.urls]
        Home = "https://example.com"

        [tool.poetry]
        requires-poetry = ">=2.2"
        packages = [{{ include = "app" }}]
        include = ["data/*.txt"]

        [tool.ruff]
        line-length = 100
        """
    + GROUP,
    "legacy": """
        [tool.poetry]
        name = "app"
        version = "1.4"
        description = "An app."
        authors = ["A. Author <a@example.com>"]
        license = "MIT"
        readme = "README.md"
        packages = [{{ include = "app" }}]

        [tool.poetry.dependencies]
        python = ">=3.10,<4"
        numpy = ">=2"
        tqdm = {{ version = "*", optional = true }}

        [tool.poetry.extras]
        bars = ["tqdm"]

        [tool.poetry.scripts]
        app = "app:main"
        """
    + GROUP,
    "dynamic": """
        [project]
        name = "app"
        dynamic = ["version", "dependencies", "readme", "classifiers"]
        requires-python = ">=3.10,<4"

        [tool.poetry]
        version = "1.4"
        readme = "README.md"

        [tool.poetry.dependencies]
        numpy = ">=2"
        """
    + GROUP,
    "no package": """
        [tool.poetry]
        package-mode = false

        [tool.poetry.dependencies]
        python = ">=3.10,<4"
        numpy = ">=2"
        """
    + GROUP,
    "standard groups": """
        [project]
        name = "app"
        version = "1.4"
        requires-python = ">=3.10,<4"
        dependencies = ["numpy>=2"]

        [dependency-groups]
        extra = ["filelock"]
        binary-torch = ["torch==2.7.1+cu128", {{ include-group = "extra" }}]

        [tool.poetry.group.binary-torch]
        optional = true

        [tool.poetry.group.binary-torch.dependencies]
        torch = {{ source = "loopback" }}
        """,
}


class Reduced(NamedTuple):
    """A project that is locked, and what was made of it."""

    project: Path
    deps: Path


def run(poetry: InstalledPoetry, line: str, cwd: Path, **environ: str) -> str:
    done = poetry.run(*line.split(), cwd=cwd, **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "poetry-gpu-build:" not in done.stderr
    return done.stdout


def installing(poetry: InstalledPoetry, folder: Path, **environ: str) -> set[str]:
    """What the image's install line would install there, each with its version."""
    said = run(poetry, f"{INSTALL} --dry-run", folder, **environ)
    # What no group or extra asks for is listed too: "Installing tqdm (4.67.1): Skipped for the following reason: …".
    return set(re.findall(r"- Installing (\S+ \([^)]*\))$", said, re.MULTILINE))


@pytest.fixture(scope="module")
def made(poetry: InstalledPoetry, index: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Reduced]:
    """Each project by its name, locked and reduced once for each Poetry."""

    @cache
    def make(name: str) -> Reduced:
        root = tmp_path_factory.mktemp("reduced")
        project = root / "project"
        project.mkdir()
        text = (dedent(PROJECTS[name]) + dedent(SOURCE) + '[tool.gpu-build]\nlock = "require"\n').format(index=index)
        project.joinpath("pyproject.toml").write_text(text, encoding="utf-8")
        project.joinpath("poetry.toml").write_text(POETRY_TOML, encoding="utf-8")
        run(poetry, "lock", project)
        run(poetry, f"gpu-build dependencies --output {root / 'deps'}", project)
        return Reduced(project, root / "deps")

    return make


@pytest.mark.parametrize("name", PROJECTS)
def test_the_reduced_manifest_makes_the_same_lock(
    name: str, made: Callable[[str], Reduced], poetry: InstalledPoetry, tmp_path: Path
) -> None:
    project, deps = made(name)
    copy = Path(shutil.copytree(deps / "all", tmp_path / "all"))
    (copy / "poetry.lock").unlink()
    run(poetry, "lock", copy)
    assert (copy / "poetry.lock").read_bytes() == (project / "poetry.lock").read_bytes()


@pytest.mark.parametrize("name", ["standard", "legacy"])
def test_the_reduced_manifest_installs_the_same(
    name: str, made: Callable[[str], Reduced], poetry: InstalledPoetry
) -> None:
    project, deps = made(name)
    expected = installing(poetry, project, **ON)
    assert expected == TORCH | {"numpy (2.3.5)"}
    assert installing(poetry, deps / "all", **ON) == expected


@pytest.mark.parametrize("name", PROJECTS)
def test_with_a_lock_torch_s_step_installs_what_it_says_of_torch_s_group(
    name: str, made: Callable[[str], Reduced], poetry: InstalledPoetry
) -> None:
    said = run(poetry, f"{INSTALL} --dry-run", made(name).deps / "torch", **ON)
    assert "Installing dependencies from lock file" in said
    assert set(re.findall(r"- Installing (\S+ \([^)]*\))$", said, re.MULTILINE)) == TORCH


@pytest.mark.parametrize("name", ["standard", "legacy", "standard groups"])
def test_without_a_lock_torch_s_step_installs_its_group_alone(
    name: str, made: Callable[[str], Reduced], poetry: InstalledPoetry, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(made(name).deps / "torch", tmp_path / "torch"))
    (copy / "poetry.lock").unlink()
    assert installing(poetry, copy, **ON) == TORCH


@pytest.mark.parametrize("name", ["standard", "legacy"])
def test_torch_s_step_installs_nothing_where_torch_is_compiled(
    name: str, made: Callable[[str], Reduced], poetry: InstalledPoetry, tmp_path: Path
) -> None:
    run(poetry, f"gpu-build dependencies --without-torch --output {tmp_path / 'deps'}", made(name).project)
    assert installing(poetry, tmp_path / "deps/torch", **OFF) == set()
