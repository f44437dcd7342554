"""The linter as a program, on files that are made to break it: an answer soon, never a traceback, the others linted."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING
from typing import NamedTuple

import pytest

from ..builders import write_project
from .hostile_files import CASES
from .hostile_files import DOCKERFILE

if TYPE_CHECKING:
    from pathlib import Path

# The goal is 2 s; a test machine may be slow, and busy with other things.
SECONDS = 20
MIB = 300
OTHER = "docker/Dockerfile.source"
FOUND_IN_OTHER = f"{OTHER}:2:5: error[GPU105]"


class Done(NamedTuple):
    """How a run ended."""

    code: int
    out: str
    err: str


def lint(folder: Path, *arguments: str, output: Path) -> Done:
    output.mkdir()
    command = [sys.executable, "-m", "poetry_gpu_build.cli", *arguments]
    with (output / "out").open("wb") as out, (output / "err").open("wb") as err:
        ended = subprocess.run(
            command,
            cwd=folder,
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            preexec_fn=limit_memory,
        )
    told, said = ((output / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err"))
    return Done(ended.returncode, told, said)


def limit_memory() -> None:
    """Beyond it Python raises MemoryError, which would be a traceback. (What wait4 says counts the tests' own.)"""
    resource.setrlimit(resource.RLIMIT_AS, (MIB * 2**20, MIB * 2**20))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = write_project(tmp_path / "project")
    (project / OTHER).write_text("FROM a\nRUN poetry config a b\n", encoding="utf-8")
    return project


@pytest.mark.skipif(sys.platform == "win32", reason="limits and FIFOs are POSIX's")
@pytest.mark.parametrize("case", CASES)
def test_a_hostile_file_gets_an_answer_and_hides_no_other_file(case: str, root: Path, tmp_path: Path) -> None:
    CASES[case](root)
    done = lint(root, output=tmp_path / "output")
    assert "Traceback" not in done.err
    assert done.code in (1, 2)
    assert (done.code == 2) == bool(done.err)
    assert FOUND_IN_OTHER in done.out
    if case.startswith(
        ("loop as docker", "fifo as docker", "folder as docker", "loop as p", "fifo as p", "folder as p")
    ):
        assert case.rpartition("/")[2].rpartition(" ")[2] in done.err
        assert done.err.count("error:") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", [DOCKERFILE, "docker/docker-compose.yml", "pyproject.toml", "docker"])
def test_what_may_not_be_read_is_told_by_its_name(name: str, root: Path, tmp_path: Path) -> None:
    (root / name).chmod(0)
    try:
        done = lint(root, output=tmp_path / "output")
    finally:
        (root / name).chmod(0o755)
    assert (done.code, "Traceback" in done.err) == (2, False)
    assert name.rpartition("/")[2] in done.err
    assert name == "docker" or FOUND_IN_OTHER in done.out


def test_a_named_file_that_is_a_link_to_nothing_is_told(root: Path, tmp_path: Path) -> None:
    (root / "other.Dockerfile").symlink_to("nowhere")
    done = lint(root, "other.Dockerfile", OTHER, output=tmp_path / "output")
    assert (done.code, "there is no file" in done.err) == (2, True)
    assert FOUND_IN_OTHER in done.out


def test_a_file_of_the_project_that_is_a_link_to_nothing_is_missing(root: Path, tmp_path: Path) -> None:
    (root / "poetry.toml").unlink()
    (root / "poetry.toml").symlink_to("nowhere")
    done = lint(root, "--select", "GPU105", output=tmp_path / "output")
    assert (done.code, done.err) == (1, "")


def test_a_folder_that_a_dockerfile_runs_is_no_problem(root: Path, tmp_path: Path) -> None:
    (root / "app").mkdir()
    (root / DOCKERFILE).write_text("FROM a\nCOPY . .\nRUN sh app\n", encoding="utf-8")
    assert lint(root, output=tmp_path / "output").err == ""


def test_a_large_program_that_a_dockerfile_runs_is_no_problem(root: Path, tmp_path: Path) -> None:
    (root / "cuda.run").write_bytes(b"\0" * 3_000_000)
    (root / DOCKERFILE).write_text("FROM a\nCOPY . .\nRUN sh cuda.run\n", encoding="utf-8")
    assert lint(root, output=tmp_path / "output").err == ""


def test_a_manifest_that_is_no_toml_is_a_finding_under_the_shipped_policy(root: Path, tmp_path: Path) -> None:
    (root / "pyproject.toml").write_text("[project]\nname = \n", encoding="utf-8")
    done = lint(root, output=tmp_path / "output")
    assert (done.code, done.err) == (1, "")
    assert "pyproject.toml:2:8: error[GPU900]" in done.out
    assert FOUND_IN_OTHER in done.out


def test_a_wrong_setting_still_ends_the_run(root: Path, tmp_path: Path) -> None:
    (root / "pyproject.toml").write_text("[tool.gpu-build]\nnonsense = 1\n", encoding="utf-8")
    done = lint(root, output=tmp_path / "output")
    assert (done.code, done.out) == (2, "")
    assert "pyproject.toml:2:1" in done.err


@pytest.mark.parametrize("form", ["json", "github", "gitlab", "junit", "sarif"])
def test_every_format_shows_bytes_that_are_no_text(form: str, root: Path, tmp_path: Path) -> None:
    (root / DOCKERFILE).write_bytes(b"FROM a\nRUN poetry config \xff\xfe\0 b\nNONE \xff\n")
    done = lint(root, "--format", form, output=tmp_path / "output")
    assert "Traceback" not in done.err
    assert "GPU105" in done.out
