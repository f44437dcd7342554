"""The guard on a host, in a real Poetry: what is refused, and all that is not."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cleo.testers.application_tester import ApplicationTester
from poetry.console.application import Application

from poetry_gpu_build import plugin
from poetry_gpu_build.plugin import GpuBuildApplicationPlugin
from poetry_gpu_build.swap import container

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MANIFEST = """
[project]
name = "app"
version = "1"
requires-python = ">=3.10"

[tool.poetry]
package-mode = false
"""
INSTALLING = ["install", "sync", "update", "add tqdm", "remove tqdm"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without requirements, so that nothing is ever installed, on a host without a virtual environment."""
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "POETRY_VIRTUALENVS_CREATE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"POETRY_{name}_DIR", str(tmp_path / name.lower()))
    monkeypatch.setattr(container, "container_sign", lambda *_: None)
    folder = tmp_path / "app"
    folder.mkdir()
    folder.joinpath("pyproject.toml").write_text(MANIFEST, encoding="utf-8")
    folder.joinpath("poetry.toml").write_text("[virtualenvs]\ncreate = false\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def poetry(project: Path) -> Callable[[str], tuple[int, str]]:
    """Run a command line; the exit code, and what was said on stderr."""

    def run(line: str) -> tuple[int, str]:
        application = Application()
        application._plugins_loaded = True
        GpuBuildApplicationPlugin().activate(application)
        tester = ApplicationTester(application)
        return tester.execute(line), tester.io.fetch_error()

    return run


@pytest.mark.parametrize("line", INSTALLING)
def test_what_installs_is_refused(poetry: Callable[[str], tuple[int, str]], project: Path, line: str) -> None:
    code, said = poetry(line)
    assert code == 2
    assert f"error: `poetry {line.split()[0]}` would install into this host's own interpreter" in said
    assert "poetry.toml:2:1" in said
    assert 'host-install = "allow"' in said
    assert sorted(path.name for path in project.iterdir()) == ["poetry.toml", "pyproject.toml"]


@pytest.mark.parametrize("line", ["install --dry-run", "update --lock", "lock", "check", "show", "--version"])
def test_what_installs_nothing_is_not(poetry: Callable[[str], tuple[int, str]], line: str) -> None:
    code, said = poetry(line)
    assert "host" not in said
    assert code != 2


def allow(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project.joinpath("pyproject.toml").write_text(MANIFEST + '[tool.gpu-build]\nhost-install = "allow"\n')


def in_container(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "container_sign", lambda *_: "/.dockerenv")


def in_project_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ".venv"], cwd=project, check=True)


def active_environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "../own"], cwd=project, check=True)
    monkeypatch.setenv("VIRTUAL_ENV", str(project.parent / "own"))


def said_elsewhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Somebody's own decision for a machine of their own, and not a project's for its images.
    project.joinpath("poetry.toml").unlink()
    monkeypatch.setenv("POETRY_VIRTUALENVS_CREATE", "false")


@pytest.mark.parametrize(
    "way",
    [allow, in_container, in_project_environment, active_environment, said_elsewhere],
    ids=lambda way: way.__name__,
)
def test_each_way_out_is_one(
    poetry: Callable[[str], tuple[int, str]],
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: Callable[[Path, pytest.MonkeyPatch], None],
) -> None:
    way(project, monkeypatch)
    code, said = poetry("install")
    assert code == 0, said


def test_settings_that_cannot_be_read_are_one_clear_error(
    poetry: Callable[[str], tuple[int, str]], project: Path
) -> None:
    project.joinpath("pyproject.toml").write_text(MANIFEST + "[tool.gpu-build]\nhost-install = true\n")
    code, said = poetry("install")
    assert code == 2
    assert "host-install is True, and must be one of" in said


@pytest.mark.parametrize("name", ["lock", "show", "run", "self install", "build"])
def test_other_commands_pay_for_one_comparison(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Event:
        class command:  # noqa: N801 - as cleo has it
            pass

    Event.command.name = name  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "poetry_gpu_build.swap.before_command", None)
    plugin.on_command(Event(), "console.command", None)  # type: ignore[arg-type]
