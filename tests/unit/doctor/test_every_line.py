"""Every line of the examination can be ✓ and can be ✗, and where all is well they are one screen."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

import pytest

from poetry_gpu_build.commands.doctor_formats import Stream
from poetry_gpu_build.commands.doctor_formats import as_text
from poetry_gpu_build.doctor import seen
from poetry_gpu_build.doctor.examine import CHECKS
from poetry_gpu_build.doctor.examine import examine
from poetry_gpu_build.doctor.line import exit_code
from poetry_gpu_build.doctor.seen import Wish
from poetry_gpu_build.doctor.seen import look
from poetry_gpu_build.engine.preflight import Answer
from poetry_gpu_build.engine.preflight import ask_docker
from poetry_gpu_build.machine import Machine

from ..builders import GIB
from ..builders import ROOT
from ..builders import settings
from ..builders import write_project
from .world import NOTHING
from .world import Docker
from .world import card
from .world import has_gpus
from .world import world

if TYPE_CHECKING:
    from collections.abc import Callable

    from poetry_gpu_build.doctor.examine import Examination
    from poetry_gpu_build.gpu.interface import Gpu

RTX = replace(card("8.9", "NVIDIA GeForce RTX 4090"), memory_mib=24564)
# The shipped policy's floor promises more cards than its wheel serves, which is a warning of its own.
WELL = settings('lint.ignore = ["GPU508"]')
GB = 10**9


class Case:
    """A machine, an engine and a project of which a test spoils one thing."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.docker = Docker()
        info = self.docker.answers["info"].output.replace('"Runtimes":{', '"Runtimes":{"nvidia":{},', 1)
        self.docker.answers["info"] = Answer(0, info, "")
        self.root = write_project(folder / "project", WELL)
        self.wish = Wish()
        self.machine = Machine(8, 32 * GIB)
        self.gpus(RTX)
        self.free(100)

    def gpus(self, *gpus: Gpu) -> None:
        has_gpus(self.monkeypatch, *gpus)

    def free(self, gigabytes: int) -> None:
        # What docker says of its folder is of the machine that it was recorded on.
        (self.folder / "var/lib/docker").mkdir(parents=True, exist_ok=True)
        usage = shutil.disk_usage(self.folder)._replace(free=gigabytes * GB)
        self.monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)

    def edit(self, old: str, new: str) -> None:
        path = self.root / "pyproject.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def examine(self) -> Examination:
        return examine(self.wish, world(self.folder, self.docker, self.root)._replace(machine=self.machine))


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    return Case(tmp_path, monkeypatch)


class Spoilt(NamedTuple):
    """How one thing is spoilt, and what its line then says."""

    spoil: Callable[[Case], object]
    seen: str


def unknown_card(case: Case) -> None:
    bus = case.folder / "sys/bus/pci/devices/0000:01:00.0"
    bus.mkdir(parents=True)
    for name, text in (("vendor", "0x10de"), ("class", "0x030000"), ("device", "0xffff")):
        (bus / name).write_text(f"{text}\n")
    case.monkeypatch.undo()
    case.free(100)


def small_engine(case: Case) -> None:
    case.wish = Wish(from_source=True)
    info = re.sub(r'"MemTotal":\d+', f'"MemTotal":{GIB}', case.docker.answers["info"].output)
    case.docker.answers["info"] = Answer(0, info, "")


BAD = {
    "gpu": Spoilt(unknown_card, "a card that nobody can identify"),
    "driver": Spoilt(lambda case: case.gpus(card("8.9", driver="390.157")), "390.157"),
    "engine": Spoilt(
        lambda case: case.docker.answers.update({"buildx version": Answer(1, "", "")}), "no working buildx"
    ),
    "container runtime": Spoilt(
        lambda case: case.docker.answers.update(info=Docker().answers["info"]), "docker cannot hand the GPU"
    ),
    "project": Spoilt(lambda case: (case.root / "pyproject.toml").write_text("[\n"), "pyproject.toml:1:"),
    "docker files": Spoilt(lambda case: (case.root / "docker/Dockerfile").unlink(), "docker/Dockerfile: not there"),
    "group": Spoilt(lambda case: case.edit("optional = true\n", ""), "the group binary-torch is not optional"),
    "source": Spoilt(lambda case: case.edit('priority = "explicit"\n', ""), "is asked for every package"),
    "lock": Spoilt(lambda case: case.edit("[tool.gpu-build]", '[tool.gpu-build]\nlock = "require"'), "no poetry.lock"),
    "poetry.toml": Spoilt(lambda case: (case.root / "poetry.toml").unlink(), "there is none"),
    "policy": Spoilt(lambda case: case.edit("lint.ignore", "lint.ignre"), "unknown key [tool.gpu-build] lint.ignre"),
    "coverage": Spoilt(lambda case: setattr(case, "wish", Wish(("5.2",), binary=True)), "does not run on"),
    "disk": Spoilt(lambda case: case.free(1), "takes at least 8.2 GB"),
    "memory": Spoilt(small_engine, "the engine has 1.0 GiB"),
    "base image": Spoilt(
        lambda case: case.docker.answers.update(
            {"image inspect": Answer(1, "", ""), "buildx imagetools": Answer(1, "", "ERROR: nvidia/cuda:x: not found")}
        ),
        "its registry has no",
    ),
}

#: Lines that never are ✗, and why.
NEVER_BAD = {
    "target": "a card that --gpu names wrongly is a usage error, in the settings a ✗ of policy; the rest is coverage's",
    "mode": "it tells what was chosen; what speaks against that is coverage's",
}


def test_every_line_has_a_case_in_which_it_is_bad_or_a_reason_why_it_never_is() -> None:
    assert set(BAD) | set(NEVER_BAD) == set(CHECKS)
    assert not set(BAD) & set(NEVER_BAD)


def test_where_all_is_well_every_line_says_so(case: Case) -> None:
    case.wish = Wish(gpus=("8.9",))
    examination = case.examine()
    assert [(line.topic, line.mark) for line in examination.lines] == [(topic, "ok") for topic in CHECKS]
    assert exit_code(examination.lines) == 0


def test_what_is_not_needed_is_said_and_well(case: Case) -> None:
    case.gpus()
    lines = {line.topic: line for line in case.examine().lines}
    for topic in ("driver", "container runtime"):
        assert lines[topic].mark == "ok"
        assert lines[topic].seen.startswith("not needed")


@pytest.mark.parametrize("topic", BAD)
def test_a_line_that_is_bad_says_what_and_what_to_do(case: Case, topic: str) -> None:
    BAD[topic].spoil(case)
    examination = case.examine()
    [line, *_] = [line for line in examination.lines if line.topic == topic and line.mark == "problem"]
    assert BAD[topic].seen in line.seen
    assert line.remedies
    assert examination.exit_code == (4 if topic == "engine" else 1)


def test_a_check_says_lines_of_its_own_topic_only(case: Case) -> None:
    seen = look(Wish(gpus=("8.9",)), world(case.folder, case.docker, case.root))
    assert {topic: {line.topic for line in check(seen)} for topic, check in CHECKS.items()} == {
        topic: {topic} for topic in CHECKS
    }


def test_where_all_is_well_it_is_one_screen(case: Case) -> None:
    shown = as_text(case.examine(), Stream()).replace(str(case.root), "/home/someone/projects/minimal").splitlines()
    assert len(shown) <= 20
    assert [line for line in shown if len(line) > 110] == []
    assert shown[-1] == "nothing stands in the way"


def examples_of_the_page() -> list[list[str]]:
    page = ROOT.joinpath("docs/doctor.md").read_text(encoding="utf-8")
    return [block.partition("```")[0].splitlines() for block in page.split("$ poetry gpu-build doctor\n")[1:]]


def test_the_first_example_of_the_page_is_what_the_tool_says_of_the_minimal_project(case: Case) -> None:
    shutil.rmtree(case.root)
    shutil.copytree(ROOT / "examples/minimal", case.root)
    shown = as_text(case.examine(), Stream()).replace(str(case.root), "/home/you/hello-gpu")
    assert shown.splitlines() == examples_of_the_page()[0]


def test_the_second_example_of_the_page_is_what_the_tool_says_where_there_is_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seen, "find_gpus", lambda **_: NOTHING)
    monkeypatch.setenv("PATH", str(tmp_path))
    ask = partial(ask_docker, instead="plan without it: poetry gpu-build --dry-run")
    shown = as_text(examine(Wish(), world(tmp_path)._replace(ask=ask)), Stream())
    assert shown.splitlines() == examples_of_the_page()[1]


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied")])
def test_a_folder_that_is_closed_is_one_thing_to_mend(case: Case, error: OSError) -> None:
    closed = case.root / "docker"
    stat, access = os.stat, os.access

    def refused(path: str | Path, *options: Any, **more: Any) -> Any:
        if isinstance(path, str | Path) and closed in Path(path).parents:
            raise error
        return stat(path, *options, **more)

    case.monkeypatch.setattr(os, "stat", refused)
    case.monkeypatch.setattr(
        Path, "stat", lambda path, *, follow_symlinks=True: refused(path, follow_symlinks=follow_symlinks)
    )
    case.monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed and access(path, mode))
    lines = {line.topic: line for line in case.examine().lines}
    assert lines["policy"].seen.startswith("docker: the folder cannot be looked into")
    assert "docker/Dockerfile: the binary mode's Dockerfile cannot be looked at" in lines["docker files"].seen
    assert (
        lines["policy"].remedies == lines["docker files"].remedies == ("let your user read it: chmod -R u+rX docker",)
    )


def test_the_page_has_a_row_for_every_line() -> None:
    page = ROOT.joinpath("docs/doctor.md").read_text(encoding="utf-8")
    rows = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert rows == list(CHECKS)
