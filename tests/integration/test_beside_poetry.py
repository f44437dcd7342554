"""The plugin beside a really installed Poetry: its commands are there, and nothing else is different."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .poetries import InstalledPoetry

PROJECT = '[project]\nname = "app"\nversion = "1.2.3"\nrequires-python = ">=3.10"\n'
BROKEN = "[project\nname = "


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A working folder with this pyproject.toml, or none."""
    if request.param is not None:
        tmp_path.joinpath("pyproject.toml").write_text(request.param, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("folder", "line"),
    [
        (None, "--version"),
        (None, "version -s"),
        (None, "env info -p"),
        (PROJECT, "version -s"),
        (PROJECT, "env info -p"),
        (BROKEN, "--version"),
        (BROKEN, "install"),
    ],
    ids=lambda value: {None: "no project", PROJECT: "a project", BROKEN: "a broken project"}.get(value, value),
    indirect=["folder"],
)
def test_a_command_that_is_not_ours_behaves_as_without_the_plugin(
    plain_poetry: InstalledPoetry, poetry: InstalledPoetry, folder: Path, line: str
) -> None:
    without = plain_poetry.run(*line.split(), cwd=folder)
    with_ = poetry.run(*line.split(), cwd=folder, POETRY_WITH="main")
    assert (with_.returncode, with_.stdout, with_.stderr) == (without.returncode, without.stdout, without.stderr)


def test_poetry_knows_both_plugins(poetry: InstalledPoetry, tmp_path: Path) -> None:
    shown = poetry.run("self", "show", "plugins", cwd=tmp_path, POETRY_WITHOUT="binary-torch")
    assert "poetry-gpu-build" in shown.stdout
    assert "1 plugin and 1 application plugin" in " ".join(shown.stdout.split())
    assert shown.stderr == ""


@pytest.mark.parametrize("line", ["gpu-build --help", "gpu-build archs --help", "gpu-build up --help", "list"])
def test_the_commands_are_listed_and_answer_help_outside_a_project(
    poetry: InstalledPoetry, tmp_path: Path, line: str
) -> None:
    answer = poetry.run(*line.split(), cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "gpu-build" in answer.stdout
    assert answer.stderr == ""
