"""What the project is made of: its files and its poetry.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from poetry_gpu_build.doctor.checks.docker_files import judge_docker_files
from poetry_gpu_build.doctor.checks.poetry_toml import judge_poetry_toml
from poetry_gpu_build.doctor.checks.project import judge_project
from poetry_gpu_build.doctor.line import INIT
from poetry_gpu_build.doctor.project_seen import ProjectSeen
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.errors import ConfigurationError

from ..builders import PYPROJECT
from ..builders import policy
from ..builders import project
from ..builders import settings
from ..builders import write_project
from .world import around

# --- project


def test_a_project_is_told_with_its_name_and_its_folder(tmp_path: Path) -> None:
    line = judge_project(around(write_project(tmp_path)).seen)
    assert (line.mark, line.seen) == ("ok", f"minimal, {tmp_path}")


def test_no_project_is_a_warning_that_says_where_to_go() -> None:
    line = judge_project(ProjectSeen())
    assert line.mark == "warning"
    assert any("--project DIR" in remedy for remedy in line.remedies)


def test_what_cannot_be_read_is_told_with_its_place_as_seen_from_the_project() -> None:
    root = Path("/home/me/app")
    fault = ConfigurationError("x", where=Position(root / "pyproject.toml", 3, 1), ways_out=("y",))
    line = judge_project(ProjectSeen(root, fault=fault))
    assert (line.mark, line.seen, line.remedies) == ("problem", "pyproject.toml:3:1: x", ("y",))


@pytest.mark.parametrize("lock", ["[", "package = 3"])
def test_a_lock_that_cannot_be_read_is_a_problem_of_the_project(tmp_path: Path, lock: str) -> None:
    line = judge_project(around(write_project(tmp_path, lock=lock)).seen)
    assert line.mark == "problem"
    assert "poetry.lock" in line.seen
    assert any("poetry lock" in remedy for remedy in line.remedies)


def test_a_source_that_is_not_defined_too(tmp_path: Path) -> None:
    line = judge_project(around(write_project(tmp_path, PYPROJECT.replace("pytorch-cu128", "elsewhere", 1))).seen)
    assert line.mark == "problem"
    assert "'elsewhere', which is not defined" in line.seen


# --- docker files


def test_the_docker_files_are_named(tmp_path: Path) -> None:
    line = judge_docker_files(project(tmp_path), policy(), "binary")
    assert (line.mark, line.seen) == (
        "ok",
        "docker/Dockerfile, docker/Dockerfile.source, docker/docker-compose.yml",
    )


@pytest.mark.parametrize(
    ("gone", "binary", "source"),
    [
        ("docker/Dockerfile", "problem", "warning"),
        ("docker/Dockerfile.source", "warning", "problem"),
        ("docker/docker-compose.yml", "warning", "warning"),
    ],
)
def test_a_missing_file_is_a_problem_where_a_build_here_needs_it_and_init_writes_it(
    tmp_path: Path, gone: str, binary: str, source: str
) -> None:
    found = project(tmp_path)
    (tmp_path / gone).unlink()
    for mode, mark in (("binary", binary), ("source", source)):
        line = judge_docker_files(found, policy(), mode)  # type: ignore[arg-type]
        assert (line.mark, line.seen, line.remedies) == (mark, f"{gone}: not there", (INIT,))


def test_all_missing_files_are_one_line_with_one_remedy(tmp_path: Path) -> None:
    found = project(tmp_path)
    for file in (tmp_path / "docker").iterdir():
        file.unlink()
    line = judge_docker_files(found, policy(), "binary")
    assert line.mark == "problem"
    assert line.seen.count("docker/") == 3
    assert line.remedies == (INIT,)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("modes.binary.dockerfile", "../Dockerfile"),
        ("modes.binary.dockerfile", "docker"),
        ("modes.binary.dockerfile", "x" * 5000),
        ("context", "elsewhere"),
        ("context", ".."),
    ],
)
def test_a_path_that_cannot_be_used_is_a_problem_that_init_does_not_mend(tmp_path: Path, key: str, value: str) -> None:
    (tmp_path.parent / "Dockerfile").touch()
    line = judge_docker_files(project(tmp_path), policy(f'{key} = "{value}"'), "binary")
    assert line.mark == "problem"
    assert line.remedies
    assert INIT not in line.remedies


# --- poetry.toml


def test_poetry_toml_says_that_the_image_s_interpreter_is_the_environment(tmp_path: Path) -> None:
    line = judge_poetry_toml(write_project(tmp_path), ())
    assert line.mark == "ok"
    assert line.seen.startswith("virtualenvs.create = false")


def test_without_poetry_toml_there_is_a_virtual_environment_in_the_image(tmp_path: Path) -> None:
    line = judge_poetry_toml(tmp_path, ())
    assert (line.mark, line.remedies) == ("problem", (INIT,))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("[virtualenvs]\ncreate = true\n", "virtualenvs.create is not false"),
        ("[virtualenvs]\ncreate = 'false'\n", "virtualenvs.create is not false"),
        ("", "virtualenvs.create is not false"),
        ("virtualenvs = 3\n", "virtualenvs.create is not false"),
        ("[virtualenvs]\ncreate = false\n", "poetry.toml lacks installer.builtin-uninstall = true"),
    ],
)
def test_a_setting_that_says_otherwise_is_a_problem(tmp_path: Path, text: str, seen: str) -> None:
    root = write_project(tmp_path)
    (root / "poetry.toml").write_text(text)
    line = judge_poetry_toml(root, around(root).seen.findings("GPU506"))
    assert line.mark == "problem"
    assert seen in line.seen
    assert line.remedies[0] == INIT


@pytest.mark.parametrize("text", [b"[", b"\xff", b"\x00"])
def test_a_poetry_toml_that_cannot_be_read_is_a_problem(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "poetry.toml").write_bytes(text)
    line = judge_poetry_toml(tmp_path, ())
    assert line.mark == "problem"
    assert "poetry.toml" in line.seen


def test_a_team_that_does_not_mind_is_warned(tmp_path: Path) -> None:
    root = write_project(tmp_path, settings('lint.ignore = ["GPU506"]'))
    (root / "poetry.toml").write_text("[virtualenvs]\ncreate = true\n")
    assert judge_poetry_toml(root, around(root).seen.findings("GPU506")).mark == "warning"
