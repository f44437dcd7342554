"""The engine and its builder: docker, the daemon, buildx, and whether the builder keeps what it builds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.docker_info import DockerInfo
from poetry_gpu_build.doctor.line import ENGINE
from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.engine.preflight import DOCKER_DRIVER
from poetry_gpu_build.errors import EngineUnavailableError
from poetry_gpu_build.gpu.interface import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.engine.preflight import Engine

_LONGEST_TOLD = 300
# How the two machines call the architecture of the images (uname -m, and Docker Desktop on a Mac).
_X86 = ("x86_64", "amd64")


def check_engine(seen: Seen) -> Iterator[Line]:
    """One line: `doctor` ends with 4 where it is a problem."""
    yield judge_engine(seen.engine, seen.info)


def judge_engine(engine: Engine | EngineUnavailableError, info: DockerInfo | str) -> Line:
    """What would stop a build before it starts, in the words of the build itself."""
    if isinstance(engine, EngineUnavailableError):
        return Line(ENGINE, "problem", printable(engine.message, _LONGEST_TOLD), engine.ways_out)
    daemon = f"Docker {printable(info.version)}, " if isinstance(info, DockerInfo) else ""
    builder = printable(engine.builder)
    driver = printable(engine.driver)
    seen = f"{daemon}buildx {printable(engine.buildx)}, builder {builder} (driver {driver})"
    if isinstance(info, DockerInfo) and info.os_type == "windows":
        return Line(
            ENGINE,
            "problem",
            f"{seen}: it runs Windows containers, and the images are for Linux",
            ("switch Docker Desktop to Linux containers",),
        )
    if engine.driver != DOCKER_DRIVER:
        return Line(
            ENGINE,
            "warning",
            f"{seen}: this driver keeps nothing of a build by itself",
            ("say where the image goes: --push, --load or --output", "or use another builder: --builder NAME"),
        )
    if isinstance(info, DockerInfo) and info.architecture and info.architecture not in _X86:
        return Line(
            ENGINE,
            "warning",
            f"{seen}: it runs on {printable(info.architecture)}, and both modes make x86_64 images",
            ("build on an x86_64 machine: DOCKER_HOST, or docker context use NAME",),
        )
    return Line(ENGINE, "ok", seen)
