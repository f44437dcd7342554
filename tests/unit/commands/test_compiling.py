from __future__ import annotations

import contextlib
import io
import sys
from typing import TYPE_CHECKING
from typing import cast

import pytest

from poetry_gpu_build.commands.compiling import compiling
from poetry_gpu_build.engine.preflight import Engine
from poetry_gpu_build.errors import BuildInterruptedError
from poetry_gpu_build.plan import make_plan

from ..builders import inputs
from ..builders import put_on_path
from ..builders import request

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.commands.base import GpuBuildBaseCommand
    from poetry_gpu_build.plan import Plan

HERE = Engine("0.13.1", "default", "docker")
FAR = Engine("0.13.1", "far", "remote")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Command:
    """As much of a command as is asked."""

    def __init__(self, *, yes: bool = False, interactive: bool = True) -> None:
        self.notes: list[str] = []
        self._yes = yes
        self.io = self
        self._interactive = interactive

    def is_interactive(self) -> bool:
        return self._interactive

    def option(self, name: str) -> bool:
        assert name == "yes"
        return self._yes

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan(inputs(tmp_path / "project"), request("5.2"))


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon of 16 cores and 32 GiB, and a user without a past."""
    put_on_path(monkeypatch, tmp_path / "bin", 'test "$1" = info && echo "16 34359738368"')
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def terminal(monkeypatch: pytest.MonkeyPatch, answer: str) -> Terminal:
    """A terminal at which somebody types this; what is shown there."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


def builds(plan: Plan, command: Command, engine: Engine = HERE, *, compiles: bool = True) -> bool:
    """Whether the build inside began."""
    begun = False
    with (
        contextlib.suppress(BuildInterruptedError),
        compiling(cast("GpuBuildBaseCommand", command), [plan], engine, compiles=compiles),
    ):
        begun = True
    return begun


def test_before_a_compile_its_time_is_said_for_the_builders_own_cores(plan: Plan) -> None:
    command = Command()
    assert builds(plan, command)
    [note] = command.notes
    assert "with 8 jobs at once" in note  # 32 GiB at 4 GiB each
    assert note.endswith("nothing, if the builder has it in its cache")


def test_of_a_builder_elsewhere_the_cores_are_not_known(plan: Plan) -> None:
    command = Command()
    assert builds(plan, command, FAR)
    assert "hours of one core" in command.notes[0]


@pytest.mark.parametrize("script", ["exit 1", "echo", "echo '<no value>'", "echo 16", "echo -1 -1", "echo 0 0 0"])
def test_a_daemon_that_does_not_tell_is_one_that_nobody_knows(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    put_on_path(monkeypatch, tmp_path / "other", script)
    command = Command()
    assert builds(plan, command)
    assert "hours of one core" in command.notes[0]


def test_without_a_compile_nothing_is_said(plan: Plan, tmp_path: Path) -> None:
    command = Command()
    assert builds(plan, command, compiles=False)
    assert builds(make_plan(inputs(tmp_path / "other"), request("8.6")), command)
    assert command.notes == []


@pytest.mark.parametrize("answer", ["\n", "y\n", "Yes\n"])
def test_who_agrees_gets_the_compile(plan: Plan, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    shown = terminal(monkeypatch, answer)
    assert builds(plan, Command())
    assert shown.getvalue() == "go on? [Y/n] "


@pytest.mark.parametrize("answer", ["n\n", "no\n", "what?\n", ""])
def test_who_does_not_gets_nothing(plan: Plan, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    terminal(monkeypatch, answer)
    assert not builds(plan, Command())


def test_yes_is_the_answer_of_a_script_on_a_terminal(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = terminal(monkeypatch, "n\n")
    assert builds(plan, Command(yes=True))
    assert builds(plan, Command(interactive=False))
    assert shown.getvalue() == ""


def test_without_a_terminal_nobody_is_asked(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, "n\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert builds(plan, Command())
    monkeypatch.setattr(sys, "stdin", None)
    assert builds(plan, Command())


def test_the_next_time_the_last_one_is_told(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 7200.0])
    monkeypatch.setattr("poetry_gpu_build.commands.compiling.time.monotonic", lambda: next(times))
    assert builds(plan, Command())
    command = Command()
    times = iter([0.0, 1.0])
    assert builds(plan, command)
    assert "takes 2 h (the last build here" in command.notes[0]
