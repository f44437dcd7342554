"""A machine, an engine and a project for the examination, each as little as a test has to say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.docker_info import DockerInfo
from poetry_gpu_build.doctor.project_seen import look_around
from poetry_gpu_build.doctor.seen import World
from poetry_gpu_build.engine.preflight import Answer
from poetry_gpu_build.engine.preflight import Engine
from poetry_gpu_build.errors import EngineUnavailableError
from poetry_gpu_build.gpu import detect
from poetry_gpu_build.gpu.detect import GpuReport
from poetry_gpu_build.gpu.interface import Detection
from poetry_gpu_build.gpu.interface import Gpu
from poetry_gpu_build.machine import Machine
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.values import DriverVersion

from ..builders import GIB
from ..builders import cc
from ..builders import facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from poetry_gpu_build.doctor.project_seen import Around

RECORDED = Path(__file__).with_name("recorded")
ENGINE = Engine("0.13.1", "default", "docker")
HOST = "vm"
"""The host that the recorded daemon ran on."""
INFO = DockerInfo("26.1.5", name=HOST, os_type="linux", architecture="x86_64", root="/var/lib/docker")
NO_DAEMON = EngineUnavailableError("the Docker daemon does not answer", ways_out=("start it: systemctl start docker",))
BUILDER = "Name:   default\nDriver: docker\n\nNodes:\nName:     default\nEndpoint: default\nStatus:   running\n"


def recorded(name: str) -> str:
    return RECORDED.joinpath(f"{name}.json").read_text(encoding="utf-8")


def card(capability: str, name: str | None = None, *, by: str = "NVML", driver: str | None = "570.124.06") -> Gpu:
    version = None if driver is None else DriverVersion.parse(driver)
    return Gpu(capability=cc(capability), reported_by=by, name=name, driver=version)


def seen_by(source: str, *gpus: Gpu, note: str = "", is_complete: bool = True) -> Detection:
    driver = next((gpu.driver for gpu in gpus if gpu.driver is not None), None)
    return Detection(source=source, gpus=gpus, notes=(note,) if note else (), is_complete=is_complete, driver=driver)


def report(*gpus: Gpu, notes: tuple[str, ...] = ()) -> GpuReport:
    """What the machine's own driver says."""
    return GpuReport(gpus=gpus, detections=(seen_by("NVML", *gpus),), notes=notes)


NOTHING = GpuReport(
    detections=(
        seen_by("NVML", note="NVML Shared Library Not Found"),
        seen_by("PCI id", note="the PCI bus has no NVIDIA GPU"),
    )
)


def has_gpus(monkeypatch: pytest.MonkeyPatch, *gpus: Gpu) -> None:
    """Give the machine these cards, whatever the real one has."""
    answer = seen_by("NVML", *gpus, note="" if gpus else "no driver")

    class Detector:
        name = "NVML"

        def detect(self) -> Detection:
            return answer

    monkeypatch.setattr(detect, "machine_detectors", lambda **_: (Detector(),))


def around(folder: Path) -> Around:
    """The project in this folder, as the examination sees it."""
    return look_around(folder, policies_dir(), {}, facts())


class Docker:
    """A docker that answers each question as it is told, the healthy way by default, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers = {
            "buildx version": Answer(0, "github.com/docker/buildx 0.13.1 7884339\n", ""),
            "buildx inspect": Answer(0, BUILDER, ""),
            "version": Answer(0, "26.1.5\n", ""),
            "info": Answer(0, recorded("info-26.1.5"), ""),
            "image inspect": Answer(0, "sha256:0\n", ""),
            "buildx imagetools": Answer(0, "Name: x\n", ""),
        }

    def __call__(self, arguments: Sequence[str]) -> Answer:
        line = " ".join(arguments)
        self.asked.append(line)
        return next(answer for question, answer in self.answers.items() if line.startswith(question))


def no_docker(_arguments: Sequence[str]) -> Answer:
    raise EngineUnavailableError("docker is not installed, or not on PATH", ways_out=("install Docker Engine",))


def world(root: Path, docker: Docker | None = None, start: Path | None = None, **environment: str) -> World:
    """A file system below ``root`` in which nothing is; without ``docker`` there is none."""
    return World(
        start=start or root,
        environment=environment,
        root=root,
        policies=policies_dir(),
        machine=Machine(8, 32 * GIB),
        hostname=HOST,
        ask=docker or no_docker,
    )
