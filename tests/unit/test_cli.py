"""`gpu-build-lint` as it is run: what it reports, its exit codes, and what it does not import."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .builders import write_project

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = "FROM a\nRUN poetry config virtualenvs.create false\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_project(tmp_path)


def lint(folder: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "poetry_gpu_build.cli", *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_finding_is_shown_with_its_place_and_is_exit_1(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    done = lint(root, "--select", "GPU105")
    assert (done.returncode, done.stderr) == (1, "")
    assert "docker/Dockerfile:2:5: error[GPU105]" in done.stdout


def test_no_finding_is_exit_0(root: Path) -> None:
    (root / "docker/Dockerfile").write_text("FROM a\n", encoding="utf-8")
    assert lint(root, "--select", "GPU105").returncode == 0


def test_exit_zero_is_exit_0_with_findings_too(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    assert lint(root, "--select", "GPU105", "--exit-zero").returncode == 0


def test_only_the_named_files_are_reported_on(root: Path) -> None:
    for name in ("Dockerfile", "Dockerfile.source"):
        (root / "docker" / name).write_text(BROKEN, encoding="utf-8")
    done = lint(root, "--select", "GPU105", "--format", "json", "docker/Dockerfile.source")
    assert [finding["path"] for finding in json.loads(done.stdout)["findings"]] == ["docker/Dockerfile.source"]


def test_a_dockerfile_that_no_mode_builds_is_linted_where_it_is_named(root: Path) -> None:
    (root / "other.Dockerfile").write_text(BROKEN, encoding="utf-8")
    assert lint(root, "--select", "GPU105", "other.Dockerfile").returncode == 1


def test_stdin_stands_for_the_file_that_it_names(root: Path) -> None:
    (root / "docker/Dockerfile").write_text("FROM a\n", encoding="utf-8")
    done = lint(root, "--select", "GPU105", "-", "--stdin-filename", "docker/Dockerfile", stdin=BROKEN)
    assert done.returncode == 1
    assert "docker/Dockerfile:2:5" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-"], "--stdin-filename"),
        (["--fix", "-", "--stdin-filename", "docker/Dockerfile"], "--diff"),
        (["--select", "XYZ1"], "there is no rule XYZ1"),
        (["no-such.Dockerfile"], "there is no file"),
    ],
)
def test_what_cannot_be_asked_is_exit_2_with_what_to_do(root: Path, arguments: list[str], said: str) -> None:
    done = lint(root, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_read_does_not_hide_the_others(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    (root / "docker/Dockerfile.source").unlink()
    (root / "docker/Dockerfile.source").mkdir()
    done = lint(root, "--select", "GPU105")
    assert "docker/Dockerfile:2:5" in done.stdout
    assert "Dockerfile.source" in done.stderr
    assert done.returncode == 2


def test_poetry_is_not_imported(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    code = "import sys; from poetry_gpu_build.cli import main; main(['docker/Dockerfile']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {name for name in loaded if name.startswith(("poetry.console", "poetry.factory", "cleo", "tomlkit"))}


INSTALL = "FROM a\nRUN poetry install\n"
MOUNTED = "FROM a\nRUN --mount=type=cache,target=/root/.cache/pypoetry poetry install\n"


def test_a_fix_is_written_and_said(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(INSTALL, encoding="utf-8")
    done = lint(root, "--select", "GPU307", "--fix", "docker/Dockerfile")
    assert (root / "docker/Dockerfile").read_text(encoding="utf-8") == MOUNTED
    assert "Fixed 1 finding." in done.stdout
    assert done.returncode == 0


def test_a_second_fix_changes_nothing(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(MOUNTED, encoding="utf-8")
    assert lint(root, "--select", "GPU307", "--fix", "docker/Dockerfile").returncode == 0
    assert (root / "docker/Dockerfile").read_text(encoding="utf-8") == MOUNTED


def test_a_diff_shows_the_fix_and_writes_nothing(root: Path) -> None:
    (root / "docker/Dockerfile").write_text(INSTALL, encoding="utf-8")
    done = lint(root, "--select", "GPU307", "--diff", "docker/Dockerfile")
    assert (root / "docker/Dockerfile").read_text(encoding="utf-8") == INSTALL
    assert "--- a/docker/Dockerfile" in done.stdout
    assert "+RUN --mount=type=cache" in done.stdout
    assert done.returncode == 1


def test_fixes_stay_in_the_named_files(root: Path) -> None:
    for name in ("Dockerfile", "Dockerfile.source"):
        (root / "docker" / name).write_text(INSTALL, encoding="utf-8")
    lint(root, "--select", "GPU307", "--fix", "docker/Dockerfile")
    assert (root / "docker/Dockerfile.source").read_text(encoding="utf-8") == INSTALL
