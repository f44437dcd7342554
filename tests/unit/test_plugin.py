from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from typing import ClassVar

import pytest
from cleo.commands.command import Command
from cleo.events.console_events import COMMAND
from cleo.helpers import option
from cleo.io.buffered_io import BufferedIO
from cleo.testers.application_tester import ApplicationTester
from poetry.console.application import Application
from poetry.console.commands.installer_command import InstallerCommand
from poetry.factory import Factory

import poetry_gpu_build
from poetry_gpu_build import plugin
from poetry_gpu_build.plugin import COMMANDS
from poetry_gpu_build.plugin import GpuBuildApplicationPlugin
from poetry_gpu_build.plugin import GroupTogglePlugin

ROOT = Path(poetry_gpu_build.__file__).parents[1]


class Parent(Command):
    name = "gpu-build"
    description = "What the parent does."
    options: ClassVar = [option("gpu", None, "A target.", flag=False, multiple=True)]

    def handle(self) -> int:
        self.line(f"parent ran for {self.option('gpu')}")
        return 0


class Child(Command):
    name = "gpu-build up"
    description = "What the child does."

    def handle(self) -> int:
        self.line("child ran")
        return 0


STAND_INS = {"gpu-build": f"{__name__}:Parent", "gpu-build up": f"{__name__}:Child"}


def activated(monkeypatch: pytest.MonkeyPatch, folder: Path, commands: dict[str, str]) -> Application:
    """A real Poetry, outside any project, with our plugin and no other."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(plugin, "COMMANDS", commands)
    application = Application()
    application._plugins_loaded = True
    GpuBuildApplicationPlugin().activate(application)
    return application


@pytest.fixture
def poetry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ApplicationTester:
    """A real Poetry with two stand-ins for the commands, so that only their registration is tested."""
    return ApplicationTester(activated(monkeypatch, tmp_path, STAND_INS))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("gpu-build", "parent ran for []\n"),
        ("gpu-build --gpu 5.2", "parent ran for ['5.2']\n"),
        ("gpu-build --gpu 5.2 --gpu 7.5", "parent ran for ['5.2', '7.5']\n"),
        ("gpu-build up", "child ran\n"),
    ],
)
def test_the_parent_and_its_subcommand_run_side_by_side(poetry: ApplicationTester, line: str, said: str) -> None:
    assert poetry.execute(line) == 0
    assert poetry.io.fetch_output() == said


def test_a_mistyped_subcommand_does_not_run_the_parent(poetry: ApplicationTester) -> None:
    assert poetry.execute("gpu-build upp") == 1
    assert poetry.io.fetch_output() == ""


@pytest.mark.parametrize(
    ("line", "description"),
    [("gpu-build --help", "What the parent does."), ("gpu-build up --help", "What the child does.")],
)
def test_each_command_answers_help(poetry: ApplicationTester, line: str, description: str) -> None:
    assert poetry.execute(line) == 0
    assert description in poetry.io.fetch_output()


def test_poetry_list_shows_both_commands(poetry: ApplicationTester) -> None:
    assert poetry.execute("list") == 0
    listing = poetry.io.fetch_output()
    assert "What the parent does." in listing
    assert "What the child does." in listing


def test_activating_imports_no_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tester = ApplicationTester(activated(monkeypatch, tmp_path, {"gpu-build": "no.such.module:Command"}))
    assert tester.execute("--version") == 0


def test_activating_never_asks_for_the_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    application = activated(monkeypatch, tmp_path, STAND_INS)
    assert application._poetry is None


def test_activating_prints_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    activated(monkeypatch, tmp_path, STAND_INS)
    assert capfd.readouterr() == ("", "")


def test_activating_twice_is_harmless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    application = activated(monkeypatch, tmp_path, STAND_INS)
    GpuBuildApplicationPlugin().activate(application)
    assert application.command_loader.has("gpu-build up")


def test_activating_registers_one_listener_behind_poetry_s_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dispatcher = activated(monkeypatch, tmp_path, STAND_INS).event_dispatcher
    assert dispatcher is not None
    listeners: Any = dispatcher.get_listeners(plugin.COMMAND_EVENT)
    assert listeners[-1] is plugin.on_command


def test_the_event_is_cleo_s_and_the_commands_are_poetry_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert plugin.COMMAND_EVENT == COMMAND
    application = activated(monkeypatch, tmp_path, STAND_INS)
    assert all(isinstance(application.find(name), InstallerCommand) for name in plugin.INSTALLING)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_class_behind_each_name_is_a_command_of_that_name(name: str) -> None:
    module, _, class_name = COMMANDS[name].partition(":")
    command = getattr(import_module(module), class_name)()
    assert isinstance(command, Command)
    assert command.name == name
    assert command.description


def test_the_toggle_reads_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tmp_path.joinpath("pyproject.toml").write_text(
        "[tool.poetry]\npackage-mode = false\n[tool.poetry.group.docs.dependencies]\nsphinx = '*'\n", encoding="utf-8"
    )
    poetry = Factory().create_poetry(tmp_path, disable_plugins=True)
    monkeypatch.setenv("POETRY_WITHOUT", "docs")
    GroupTogglePlugin().activate(poetry, BufferedIO())
    assert poetry.package.dependency_group("docs").is_optional()


def newly_imported(before: str, statement: str) -> set[str]:
    """The modules that ``statement`` adds, in a fresh interpreter that ran ``before`` first."""
    lines = (
        "import json, sys",
        before,
        "old = set(sys.modules)",
        statement,
        "print(json.dumps([*set(sys.modules) - old]))",
    )
    run = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(run.stdout))


def test_importing_the_plugin_imports_nothing_that_poetry_s_plugin_classes_do_not() -> None:
    assert newly_imported("import poetry.plugins, importlib", "import poetry_gpu_build.plugin") == {
        "poetry_gpu_build",
        "poetry_gpu_build.plugin",
    }


def test_the_toggle_imports_only_itself_where_poetry_has_read_a_project() -> None:
    assert newly_imported("import poetry.factory, poetry_gpu_build.plugin", "import poetry_gpu_build.groups") == {
        "poetry_gpu_build.groups"
    }


@pytest.mark.parametrize("heavy", ["tomlkit", "fastjsonschema", "pynvml", "packaging", "tomllib", "tomli", "cleo"])
def test_importing_the_plugin_alone_is_cheap(heavy: str) -> None:
    assert heavy not in newly_imported("", "import poetry_gpu_build.plugin")
