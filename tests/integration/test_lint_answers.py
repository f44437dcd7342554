"""`gpu-build-lint` as it is installed: it imports no Poetry, and gives an answer again that still holds."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from .poetries import OLDEST
from .poetries import overlay
from .poetries import poetry_environment

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = "FROM a\nRUN poetry config virtualenvs.create false\n"
MENDED = "FROM a\n"
LINE = ("--select", "GPU105")
# The times of a file that changed less than 2 s ago do not tell the next change (lint/answers.py).
SETTLED = 2.1


@pytest.fixture(scope="module")
def script(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed script."""
    folder = tmp_path_factory.mktemp("linter")
    return overlay(poetry_environment(OLDEST), folder, wheel).parent / "gpu-build-lint"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a finding, which nobody has touched for a while."""
    root = tmp_path / "project"
    (root / "docker").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "app"\nversion = "1"\n', encoding="utf-8")
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    time.sleep(SETTLED)
    return root


def lint(script: Path, project: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    own = {"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(project.parent / "cache"), "LANG": "C.UTF-8"}
    return subprocess.run([script, *arguments], cwd=project, env={**own, **environ}, capture_output=True, text=True)


def imported(script: Path, project: Path, *arguments: str) -> set[str]:
    """The modules that a run imports, as `python -X importtime` lists them."""
    shown = lint(script, project, *arguments, PYTHONPROFILEIMPORTTIME="1").stderr
    return {line.rpartition("|")[2].strip() for line in shown.splitlines() if line.startswith("import time:")}


def test_no_poetry_is_imported(script: Path, project: Path) -> None:
    modules = imported(script, project)
    assert "poetry_gpu_build.lint.session" in modules
    foreign = {"poetry", "cleo", "tomlkit", "packaging"}
    assert not {name for name in modules if name.partition(".")[0] in foreign}


def test_a_lone_dockerfile_is_linted_without_what_only_other_files_need(script: Path, project: Path) -> None:
    modules = imported(script, project, "docker/Dockerfile")
    assert "poetry_gpu_build.lint.commands" in modules
    others = (
        "yaml",
        "poetry_gpu_build.documents.compose",
        "poetry_gpu_build.facts",
        "poetry_gpu_build.lint.rules.gpu5",
    )
    assert not {name for name in modules if name.startswith(others)}


def test_the_same_question_is_answered_without_linting_again(script: Path, project: Path) -> None:
    first = lint(script, project, *LINE)
    assert (first.returncode, first.stderr) == (1, "")
    assert "docker/Dockerfile:2:5: error[GPU105]" in first.stdout
    again = lint(script, project, *LINE)
    assert (again.returncode, again.stdout, again.stderr) == (first.returncode, first.stdout, first.stderr)
    assert "poetry_gpu_build.lint.session" not in imported(script, project, *LINE)


def test_a_changed_file_is_linted_again(script: Path, project: Path) -> None:
    assert lint(script, project, *LINE).returncode == 1
    (project / "docker/Dockerfile").write_text(MENDED, encoding="utf-8")
    assert lint(script, project, *LINE).returncode == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[tool.gpu-build.lint]\nignore = ["GPU1"]\n'),
        ("docker/pyproject.toml", '[project]\nname = "another-project"\n'),
    ],
)
def test_a_changed_or_new_manifest_counts(script: Path, project: Path, name: str, text: str) -> None:
    line = ("docker/Dockerfile", "--format", "json")
    first = lint(script, project, *line)
    (project / name).write_text(text, encoding="utf-8")
    assert lint(script, project, *line).stdout != first.stdout


def test_what_cannot_be_read_is_said_each_time(script: Path, project: Path) -> None:
    for _ in range(2):
        done = lint(script, project, "no-such.Dockerfile")
        assert (done.returncode, "no-such.Dockerfile" in done.stderr) == (2, True)


def test_a_fix_is_made_although_the_same_was_asked_before(script: Path, project: Path) -> None:
    dockerfile = project / "docker/Dockerfile"
    before = "FROM a\nRUN poetry install\n"
    for _ in range(2):
        dockerfile.write_text(before, encoding="utf-8")
        time.sleep(SETTLED)
        lint(script, project, "--select", "GPU307", "--fix", "docker/Dockerfile")
        assert dockerfile.read_text(encoding="utf-8") != before


def test_a_cache_that_cannot_be_written_is_no_error(script: Path, project: Path) -> None:
    done = lint(script, project, *LINE, XDG_CACHE_HOME="/dev/null")
    assert (done.returncode, done.stderr) == (1, "")
