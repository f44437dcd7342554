"""``poetry gpu-build doctor`` in a process of its own, on machines and projects that lack something or everything."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

    from .poetries import InstalledPoetry

# A docker whose every answer is that of a healthy one; a machine that runs these tests may have a GPU.
DOCKER = """\
#!/bin/sh
case "$1 $2" in
  "buildx version") echo "github.com/docker/buildx 0.13.1 7884339" ;;
  "buildx inspect") printf 'Name:   default\\nDriver: docker\\n\\nNodes:\\nName: default\\nStatus: running\\n' ;;
  "version --format") echo 26.1.5 ;;
  "info --format") echo '{"ServerVersion": "26.1.5", "Name": "far", "OSType": "linux", "Runtimes": {"nvidia": {}}}' ;;
  "image inspect") echo sha256:0 ;;
  *) exit 1 ;;
esac
"""
BARE = """\
[project]
name = "bare"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = []

[tool.poetry]
package-mode = false
"""


@pytest.fixture
def no_docker(tmp_path: Path) -> str:
    """A PATH on which nothing is."""
    folder = tmp_path / "nothing"
    folder.mkdir()
    return str(folder)


@pytest.fixture
def docker(tmp_path: Path) -> str:
    """A PATH on which there is a docker and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "docker"
    program.write_text(DOCKER, encoding="utf-8")
    program.chmod(0o755)
    return str(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the command runs."""
    made = tmp_path / "here"
    made.mkdir()
    return made


def helps(ran: CompletedProcess[str], topic: str) -> list[str]:
    """The remedies below the lines of a topic."""
    lines = ran.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line[2:].startswith(topic))
    found = []
    for line in lines[at + 1 :]:
        if not line.startswith("  "):
            break
        found.append(line.strip())
    return found


def seen(ran: CompletedProcess[str], topic: str) -> tuple[str, str]:
    document: dict[str, Any] = json.loads(ran.stdout)
    [line] = [line for line in document["lines"] if line["topic"] == topic]
    return line["mark"], line["seen"]


def test_with_nothing_it_says_first_what_to_install_and_ends_with_4(
    poetry: InstalledPoetry, folder: Path, no_docker: str
) -> None:
    ran = poetry.run("gpu-build", "doctor", cwd=folder, PATH=no_docker)
    assert (ran.returncode, ran.stderr) == (4, "")
    assert "✗ engine             docker is not installed, or not on PATH" in ran.stdout
    assert helps(ran, "engine")[0].startswith("help: install Docker Engine")
    assert "! project" in ran.stdout
    assert ran.stdout.count("✗") == 1


def test_with_a_docker_alone_it_ends_with_0_and_says_what_is_left_to_do(
    poetry: InstalledPoetry, folder: Path, docker: str
) -> None:
    ran = poetry.run("gpu-build", "doctor", "--gpu", "8.6", cwd=folder, PATH=docker)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert "✓ engine" in ran.stdout
    assert "✓ coverage           torch 2.7.1+cu128: its sm_86 machine code runs on 8.6" in ran.stdout
    assert any("--project DIR" in way for way in helps(ran, "project"))


def test_a_project_that_is_not_under_the_policy_ends_with_1_and_init_mends_it(
    poetry: InstalledPoetry, folder: Path, docker: str
) -> None:
    (folder / "pyproject.toml").write_text(BARE, encoding="utf-8")
    ran = poetry.run("gpu-build", "doctor", "--gpu", "8.6", cwd=folder, PATH=docker)
    assert ran.returncode == 1
    for topic in ("docker files", "group", "poetry.toml"):
        assert f"✗ {topic}" in ran.stdout
        assert "help: let it be written: poetry gpu-build init" in helps(ran, topic)

    assert poetry.run("gpu-build", "init", "--yes", cwd=folder).returncode == 0
    ran = poetry.run("gpu-build", "doctor", "--gpu", "8.6", cwd=folder, PATH=docker)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert "✗" not in ran.stdout


def test_a_broken_manifest_ends_with_1_and_its_place(poetry: InstalledPoetry, folder: Path, docker: str) -> None:
    (folder / "pyproject.toml").write_text("[project]\nname = \n", encoding="utf-8")
    ran = poetry.run("gpu-build", "doctor", cwd=folder, PATH=docker)
    assert ran.returncode == 1
    assert "✗ project            pyproject.toml:2:8: " in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


def test_a_lock_is_held_against_pyproject_toml_as_this_poetry_does(
    poetry: InstalledPoetry, folder: Path, docker: str
) -> None:
    path = folder / "pyproject.toml"
    path.write_text(BARE, encoding="utf-8")
    assert poetry.run("lock", cwd=folder).returncode == 0
    doctor = ("gpu-build", "doctor", "--format", "json")
    mark, said = seen(poetry.run(*doctor, cwd=folder, PATH=docker), "lock")
    assert (mark, said.split(";")[0]) == ("ok", "poetry.lock is that of pyproject.toml")

    path.write_text(BARE.replace("[]", '["humanize"]'), encoding="utf-8")
    mark, said = seen(poetry.run(*doctor, cwd=folder, PATH=docker), "lock")
    assert (mark, said.split(";")[0]) == ("warning", "poetry.lock is stale: pyproject.toml has changed since")
