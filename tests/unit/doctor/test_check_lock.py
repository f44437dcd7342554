from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from poetry.packages.locker import Locker

from poetry_gpu_build.doctor.checks.lock import is_fresh
from poetry_gpu_build.doctor.checks.lock import judge_lock
from poetry_gpu_build.documents.toml import read_toml

from ..builders import PYPROJECT
from ..builders import project
from ..builders import write_project

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.policy import Lock
    from poetry_gpu_build.project import Project

STALE = '[metadata]\nlock-version = "2.1"\ncontent-hash = "0"\n'


def locked(folder: Path, pyproject: str = PYPROJECT) -> Project:
    """A project whose lock has the hash that Poetry gives this pyproject.toml."""
    data = read_toml(write_project(folder, pyproject) / "pyproject.toml").data
    hashed = Locker(folder / "poetry.lock", data)._content_hash
    return project(folder, pyproject, lock=STALE.replace('"0"', f'"{hashed}"'))


@pytest.mark.parametrize(
    ("wanted", "lock", "mark"),
    [
        ("exclude", None, "ok"),
        ("exclude", STALE, "warning"),
        ("exclude", "", "warning"),
        ("require", None, "problem"),
        ("require", STALE, "problem"),
        ("require", "", "problem"),
    ],
)
def test_a_lock_that_is_missing_or_stale_is_a_problem_where_the_images_need_it(
    tmp_path: Path, wanted: Lock, lock: str | None, mark: str
) -> None:
    line = judge_lock(project(tmp_path, lock=lock), wanted)
    assert line.mark == mark
    assert line.remedies == (() if mark == "ok" else ("write it: poetry lock",))


@pytest.mark.parametrize("wanted", ["exclude", "require"])
def test_a_lock_that_poetry_takes_for_pyproject_toml_s_is_well(tmp_path: Path, wanted: Lock) -> None:
    line = judge_lock(locked(tmp_path), wanted)
    assert line.mark == "ok"
    assert line.seen.startswith("poetry.lock is that of pyproject.toml")


def test_a_dependency_that_was_added_since_makes_it_stale(tmp_path: Path) -> None:
    lock = locked(tmp_path).lock
    assert lock is not None
    text = lock.path.read_text(encoding="utf-8")
    changed = PYPROJECT.replace('"numpy>=1.26"', '"numpy>=1.26", "humanize"')
    assert is_fresh(project(tmp_path, changed, lock=text)) is False


@pytest.mark.parametrize(
    ("pyproject", "lock"),
    [
        # What TOML can say and Poetry's hash cannot hold.
        (PYPROJECT + "\n[tool.poetry.dependencies]\nx = 2020-01-01\n", STALE),
        (PYPROJECT, "metadata = 3\n"),
    ],
)
def test_a_lock_of_which_poetry_can_say_nothing_is_a_warning(tmp_path: Path, pyproject: str, lock: str) -> None:
    line = judge_lock(project(tmp_path, pyproject, lock=lock), "exclude")
    assert line.mark == "warning"
    assert "cannot be told" in line.seen
