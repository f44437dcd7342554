"""`poetry gpu-build lint` is `gpu-build-lint`: the same options, the same answers; what differs is Poetry around it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.commands.lint import GpuBuildLintCommand
from poetry_gpu_build.lint.command_line import parser

from ..builders import settings
from ..builders import tree
from ..builders import write_project

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Poetry

BROKEN = "FROM a\nRUN poetry config virtualenvs.create false\n"
INSTALL = "FROM a\nRUN poetry install\n"
LINT = "gpu-build lint --select GPU105"
POETRYS_OWN = ("help", "quiet", "verbose", "version", "ansi", "no-ansi", "no-interaction", "no-plugins", "no-cache")
POETRYS_PLACES = ("project", "directory")


@pytest.fixture
def broken(root: Path) -> Path:
    root.joinpath("docker/Dockerfile").write_text(BROKEN, encoding="utf-8")
    return root


def alone(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "poetry_gpu_build.cli", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_both_programs_take_the_same_options() -> None:
    flags = {flag.removeprefix("--") for action in parser()._actions for flag in action.option_strings}
    assert {option.name for option in GpuBuildLintCommand.options} == flags - {"-h", "help"}


def test_the_options_of_both_programs_take_the_same_values() -> None:
    actions = {action.dest.replace("_", "-"): action for action in parser()._actions}
    for option in GpuBuildLintCommand.options:
        assert option.requires_value() is (actions[option.name].nargs != 0), option.name
        assert option.is_list() is (type(actions[option.name]).__name__ == "_AppendAction"), option.name


def test_no_option_is_the_beginning_of_one_of_poetrys_own() -> None:
    for option in GpuBuildLintCommand.options:
        assert not [own for own in (*POETRYS_OWN, *POETRYS_PLACES) if own.startswith(option.name)]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--format", "json"],
        ["--format", "sarif"],
        ["--format", "github"],
        ["--statistics"],
        ["--diff"],
        ["--select", "GPU1,GPU3", "--ignore", "GPU101"],
        ["docker/Dockerfile"],
        ["no-such-file"],
        ["--format", "xml"],
        ["--unsafe-fixes"],
        ["--exit-zero"],
    ],
)
def test_both_programs_say_the_same(poetry: Poetry, broken: Path, arguments: list[str]) -> None:
    expected = alone(broken, *arguments)
    ran = poetry.process("gpu-build", "lint", *arguments)
    assert (ran.status, ran.out, ran.err) == (expected.returncode, expected.stdout, expected.stderr)


def test_what_is_found_comes_out_as_it_is(poetry: Poetry, root: Path) -> None:
    root.joinpath("docker/Dockerfile").write_text("FROM a\nRUN poetry config '<error>x</>' \\<b\n", encoding="utf-8")
    ran = poetry(LINT)
    assert ran.status == 1
    assert "RUN poetry config '<error>x</>' \\<b" in ran.out


def test_a_dash_is_stdin(poetry: Poetry, root: Path) -> None:
    command = [sys.executable, "-m", "poetry", *LINT.split(), "-", "--stdin-filename", "docker/Dockerfile"]
    done = subprocess.run(command, cwd=root, input=BROKEN, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("docker/Dockerfile:2:5: error[GPU105]")


def test_a_fix_is_written(poetry: Poetry, root: Path) -> None:
    root.joinpath("docker/Dockerfile").write_text(INSTALL, encoding="utf-8")
    ran = poetry("gpu-build lint --select GPU307 --fix docker/Dockerfile")
    assert ran.status == 0
    assert "Fixed 1 finding." in ran.out
    assert "--mount=type=cache" in root.joinpath("docker/Dockerfile").read_text(encoding="utf-8")


def test_linting_writes_nothing(poetry: Poetry, broken: Path) -> None:
    before = tree(broken)
    for form in ("text", "json", "sarif", "github", "gitlab", "junit"):
        poetry(f"gpu-build lint --format {form}")
    assert tree(broken) == before


@pytest.mark.parametrize("option", ["--project", "--directory"])
def test_the_project_may_be_named(poetry: Poetry, broken: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    monkeypatch.chdir(broken.parent)
    assert "error[GPU105]" in poetry(f"{option} {broken.name} {LINT}").out


def test_files_count_from_where_poetry_says_that_arguments_do(
    poetry: Poetry, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # `poetry --help`: with --project from the current folder, with --directory from that one.
    write_project(broken.parent / "other")
    monkeypatch.chdir(broken.parent)
    assert poetry(f"--project other {LINT} minimal/docker/Dockerfile").status == 1
    assert poetry(f"--directory minimal {LINT} docker/Dockerfile").status == 1


def test_outside_a_project_a_file_can_be_linted_all_the_same(poetry: Poetry, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    folder.joinpath("Dockerfile").write_text(BROKEN, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "poetry", *LINT.split(), "Dockerfile"], cwd=folder, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (1, "")


def test_a_broken_manifest_is_reported_by_us_and_not_by_poetry(poetry: Poetry, root: Path) -> None:
    root.joinpath("pyproject.toml").write_text(settings("nonsense = 1"), encoding="utf-8")
    ran = poetry.process("gpu-build", "lint")
    assert ran.status == 2
    assert "unknown key [tool.gpu-build] nonsense" in ran.err
    assert "Traceback" not in ran.err


def test_quiet_is_quiet(poetry: Poetry, broken: Path) -> None:
    ran = poetry.process("gpu-build", "lint", "--quiet", "--select", "GPU105")
    assert (ran.status, ran.out) == (1, "")


def test_ansi_asks_for_colours(poetry: Poetry, broken: Path) -> None:
    assert "\x1b[1;31merror[GPU105]" in poetry(f"--ansi {LINT}").out
    assert "\x1b" not in poetry(LINT).out


def test_with_json_stdout_is_one_document(poetry: Poetry, broken: Path) -> None:
    document = json.loads(poetry(f"{LINT} --format json").out)
    assert (document["schema_version"], len(document["findings"])) == (1, 1)


def test_the_help_teaches(poetry: Poetry) -> None:
    shown = poetry("gpu-build lint --help").words
    for taught in ("poetry gpu-build lint --fix", "130 interrupted", "gpu-build rule GPU401", "gpu-build-lint"):
        assert taught in shown
