"""``POETRY_WITH`` and ``POETRY_WITHOUT`` against a really installed Poetry: what is installed, and what is written."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from .index import TORCH
from .poetries import InstalledPoetry
from .poetries import check_output

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from subprocess import CompletedProcess

WITH = {"POETRY_WITH": "binary-torch"}
WITHOUT = {"POETRY_WITHOUT": "binary-torch"}
NEITHER: dict[str, str] = {}
BOTH = WITH | WITHOUT
UNKNOWN = {"POETRY_WITH": "binary-tourch"}

HEAD = """
    [build-system]
    requires = ["poetry-core>=2"]
    build-backend = "poetry.core.masonry.api"

    [project]
    name = "app"
    version = "1"
    requires-python = ">=3.10"
    dependencies = ["numpy"]

    [[tool.poetry.source]]
    name = "loopback"
    url = "{index}"
    priority = "primary"
"""

#: How a project may declare the group: the policy's way, the way that installs torch by default, and PEP 735.
PYPROJECTS = {
    "optional": """
        [tool.poetry.group.binary-torch]
        optional = true

        [tool.poetry.group.binary-torch.dependencies]
        torch = {{ version = "2.7.1+cu128", source = "loopback" }}
    """,
    "required": """
        [tool.poetry.group.binary-torch.dependencies]
        torch = {{ version = "2.7.1+cu128", source = "loopback" }}
    """,
    "pep735": """
        [dependency-groups]
        binary-torch = ["torch==2.7.1+cu128"]

        [tool.poetry.group.binary-torch]
        optional = true

        [tool.poetry.group.binary-torch.dependencies]
        torch = {{ source = "loopback" }}
    """,
}


@dataclass(frozen=True, slots=True)
class Project:
    """A copy of a locked project, with an environment of its own in ``.venv``."""

    folder: Path
    poetry: InstalledPoetry

    def run(self, line: str, environ: dict[str, str] | None = None) -> CompletedProcess[str]:
        done = self.poetry.run(*line.split(), cwd=self.folder, **(environ or {}))
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def holds(self, name: str) -> bool:
        return any(self.folder.glob(f".venv/lib/python*/site-packages/{name}-*.dist-info"))

    @property
    def written(self) -> tuple[str, str]:
        """What Poetry may write: pyproject.toml and poetry.lock, with nothing translated on the way."""
        pyproject, lock = self.folder / "pyproject.toml", self.folder / "poetry.lock"
        return pyproject.read_bytes().decode(), lock.read_bytes().decode()


@pytest.fixture(scope="session")
def locked(plain_poetry: InstalledPoetry, index: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The projects, each locked by a Poetry that has no plugin."""
    folders = {}
    for name, groups in PYPROJECTS.items():
        folder = folders[name] = tmp_path_factory.mktemp(name)
        folder.joinpath("app.py").touch()
        text = (dedent(HEAD) + dedent(groups)).format(index=index)
        folder.joinpath("pyproject.toml").write_text(text, encoding="utf-8")
        lock = plain_poetry.run("lock", cwd=folder)
        assert lock.returncode == 0, lock.stdout + lock.stderr
    return folders


@pytest.fixture(scope="session")
def installed(
    locked: dict[str, Path], plain_poetry: InstalledPoetry, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The same projects with everything installed, torch too."""
    folders = {}
    for name, folder in locked.items():
        project = fresh_copy(folder, tmp_path_factory.mktemp("installed"), plain_poetry)
        project.run("install --all-groups")
        folders[name] = project.folder
    return folders


@pytest.fixture
def copy(locked: dict[str, Path], poetry: InstalledPoetry, tmp_path: Path) -> Callable[..., Project]:
    """Make a fresh project that any test may spoil."""

    def copy(name: str, using: InstalledPoetry = poetry) -> Project:
        return fresh_copy(locked[name], tmp_path, using)

    return copy


def fresh_copy(folder: Path, parent: Path, poetry: InstalledPoetry) -> Project:
    """Copy a project, and give it an environment where it has none."""
    copied = parent / str(len(list(parent.iterdir())))
    shutil.copytree(folder, copied, symlinks=True)
    if not copied.joinpath(".venv").exists():
        check_output(sys.executable, "-m", "venv", "--without-pip", copied / ".venv")
    return Project(copied, poetry)


def row(project: str, environ: dict[str, str], line: str, *, torch: bool) -> object:
    said = " ".join(f"{name}={value}" for name, value in environ.items()) or "neither"
    return pytest.param(project, environ, line, torch, id=f"{project}: {said}: {line}")


@pytest.mark.parametrize(
    ("name", "environ", "line", "torch"),
    [
        row("optional", NEITHER, "install", torch=False),
        row("optional", WITH, "install", torch=True),
        row("optional", WITHOUT, "install", torch=False),
        row("optional", BOTH, "install", torch=False),
        row("optional", UNKNOWN, "install", torch=False),
        row("optional", {"POETRY_WITH": "Binary_Torch"}, "install", torch=True),
        row("optional", {"POETRY_WITH": ""}, "install", torch=False),
        row("required", NEITHER, "install", torch=True),
        row("required", WITHOUT, "install", torch=False),
        row("pep735", WITH, "install", torch=True),
        # The command line has the last word.
        row("optional", WITHOUT, "install --with binary-torch", torch=True),
        row("optional", WITH, "install --without binary-torch", torch=False),
        row("optional", WITH, "install --only main", torch=False),
        row("optional", WITH, "install --all-groups", torch=True),
        row("required", WITHOUT, "install --all-groups", torch=True),
        row("optional", WITH, "install --only-root", torch=False),
        # Every command that installs obeys.
        row("optional", WITH, "sync", torch=True),
        row("required", WITHOUT, "sync", torch=False),
        row("optional", WITH, "update", torch=True),
        row("required", WITHOUT, "update", torch=False),
    ],
)
def test_what_a_command_installs(
    copy: Callable[..., Project], name: str, environ: dict[str, str], line: str, torch: bool
) -> None:
    project = copy(name)
    before = project.written
    project.run(line, environ)
    assert project.holds("torch") is torch
    assert project.holds("filelock") is torch
    assert project.holds("numpy") is ("--only-root" not in line)
    assert project.written == before


@pytest.mark.parametrize(
    ("name", "environ", "line", "torch"),
    [
        row("optional", NEITHER, "sync", torch=False),
        row("optional", WITH, "sync", torch=True),
        row("required", WITHOUT, "sync", torch=False),
        row("optional", WITHOUT, "install", torch=True),
        row("optional", WITHOUT, "add tqdm", torch=True),
    ],
)
def test_only_sync_removes_a_torch_that_is_installed(
    installed: dict[str, Path],
    poetry: InstalledPoetry,
    tmp_path: Path,
    name: str,
    environ: dict[str, str],
    line: str,
    torch: bool,
) -> None:
    project = fresh_copy(installed[name], tmp_path, poetry)
    assert project.holds("torch")
    project.run(line, environ)
    assert project.holds("torch") is torch


@pytest.mark.parametrize(("name", "environ", "torch"), [("optional", WITH, True), ("required", WITHOUT, False)])
def test_add_and_remove_install_what_the_toggle_says_and_write_what_poetry_alone_writes(
    copy: Callable[..., Project],
    plain_poetry: InstalledPoetry,
    name: str,
    environ: dict[str, str],
    torch: bool,
) -> None:
    project, alone = copy(name), copy(name, plain_poetry)

    project.run("add tqdm", environ)
    alone.run("add tqdm --lock")
    assert project.written == alone.written
    assert (project.holds("tqdm"), project.holds("torch")) == (True, torch)

    project.run("remove tqdm", environ)
    alone.run("remove tqdm --lock")
    assert project.written == alone.written
    assert (project.holds("tqdm"), project.holds("torch")) == (False, torch)


@pytest.mark.parametrize("name", ["optional", "pep735"])
@pytest.mark.parametrize("line", ["add --lock --group binary-torch tqdm", "remove --lock --group binary-torch torch"])
def test_changing_the_switched_group_itself_writes_what_poetry_alone_writes(
    copy: Callable[..., Project], plain_poetry: InstalledPoetry, name: str, line: str
) -> None:
    project, alone = copy(name), copy(name, plain_poetry)
    project.run(line, WITH)
    alone.run(line)
    assert project.written == alone.written


@pytest.mark.parametrize(
    ("name", "environ"),
    [
        ("optional", WITH),
        ("optional", BOTH),
        ("required", WITHOUT),
        ("required", {"POETRY_WITHOUT": "main"}),
        ("pep735", WITH),
    ],
)
def test_a_lock_made_from_nothing_is_the_one_that_poetry_alone_makes(
    copy: Callable[..., Project], name: str, environ: dict[str, str]
) -> None:
    project = copy(name)
    before = project.written
    project.folder.joinpath("poetry.lock").unlink()
    project.run("lock", environ)
    assert project.written == before


@pytest.mark.parametrize(("name", "environ"), [("optional", WITH), ("required", WITHOUT)])
def test_the_lock_stays_fresh_under_the_toggle(
    copy: Callable[..., Project], name: str, environ: dict[str, str]
) -> None:
    project = copy(name)
    before = project.written
    assert project.run("check --lock", environ).stdout == "All set!\n"
    assert project.written == before


@pytest.mark.parametrize(("name", "environ", "torch"), [("optional", WITH, True), ("required", WITHOUT, False)])
def test_show_lists_the_groups_that_install_would_install(
    copy: Callable[..., Project], name: str, environ: dict[str, str], torch: bool
) -> None:
    assert (f"torch (!) {TORCH}" in " ".join(copy(name).run("show", environ).stdout.split())) is torch


def test_a_built_project_is_the_same_under_the_toggle(
    copy: Callable[..., Project], plain_poetry: InstalledPoetry
) -> None:
    project, alone = copy("required"), copy("required", plain_poetry)
    project.run("build --format wheel", {"POETRY_WITHOUT": "binary-torch,main"})
    alone.run("build --format wheel")
    (built,), (expected,) = project.folder.glob("dist/*"), alone.folder.glob("dist/*")
    assert built.read_bytes() == expected.read_bytes()


def test_an_unknown_group_is_told_once_on_stderr_and_the_command_goes_on(copy: Callable[..., Project]) -> None:
    project = copy("optional")
    quiet = project.run("install --dry-run")
    warned = project.run("install --dry-run", UNKNOWN)
    assert warned.stdout == quiet.stdout
    assert warned.stderr.count("binary-tourch") == 1
    assert "It has: binary-torch, main." in warned.stderr


def test_without_the_plugin_the_variables_do_nothing(
    copy: Callable[..., Project], plain_poetry: InstalledPoetry
) -> None:
    """The reason why the toggle exists; should this fail, Poetry has learnt to read the variables itself."""
    optional, required = copy("optional", plain_poetry), copy("required", plain_poetry)
    optional.run("install", WITH)
    required.run("install", WITHOUT)
    assert (optional.holds("torch"), required.holds("torch")) == (False, True)
