"""A real Poetry with our commands in it, and a throw-away project to run it in."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from cleo.testers.application_tester import ApplicationTester
from poetry.console.application import Application

from poetry_gpu_build.gpu import detect
from poetry_gpu_build.gpu.interface import Detection
from poetry_gpu_build.gpu.platforms import PLAIN_PC
from poetry_gpu_build.plugin import GpuBuildApplicationPlugin

from ..builders import write_project

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.gpu.platforms import Platform


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """What it said, as one line: a narrow terminal or a long path does not matter."""
        return " ".join((self.out + self.err).split())


class Poetry:
    """Runs command lines in a folder: in this process, or in one of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, line: str) -> Ran:
        application = Application()
        application._plugins_loaded = True
        GpuBuildApplicationPlugin().activate(application)
        tester = ApplicationTester(application)
        status = tester.execute(line)
        return Ran(status, tester.io.fetch_output(), tester.io.fetch_error())

    def process(self, *arguments: str, **environment: str) -> Ran:
        """The real thing, our plugin found by its entry point; name a GPU: this one looks at the machine."""
        done = subprocess.run(
            [sys.executable, "-m", "poetry", *arguments],
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Ran(done.returncode, done.stdout, done.stderr)


class Machine:
    """The GPUs that a test's machine has, whatever the real one has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.has()

    def has(self, *gpus: Gpu, platform: Platform = PLAIN_PC) -> None:
        answer = Detection(source="NVML", gpus=gpus, notes=() if gpus else ("no driver",))

        class Detector:
            name = "NVML"

            def detect(self) -> Detection:
                return answer

        self._monkeypatch.setattr(detect, "machine_detectors", lambda **_: (Detector(),))
        self._monkeypatch.setattr(detect, "read_platform", lambda _root: platform)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without a GPU, and an environment that says nothing about one."""
    for name in ("BUILD_FROM_SOURCE", "CUDA_VISIBLE_DEVICES", "POETRY_WITH", "POETRY_WITHOUT"):
        monkeypatch.delenv(name, raising=False)
    return Machine(monkeypatch)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The minimal project."""
    return write_project(tmp_path / "minimal")


@pytest.fixture
def poetry(root: Path, monkeypatch: pytest.MonkeyPatch) -> Poetry:
    """Poetry, run in the minimal project."""
    monkeypatch.chdir(root)
    return Poetry(root)
