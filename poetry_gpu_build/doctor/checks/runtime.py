"""What hands a GPU to a container: NVIDIA's runtime, or CDI (Container Device Interface)."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.cdi import KIND
from poetry_gpu_build.doctor.cdi import find_specs
from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.doctor.line import not_looked_at
from poetry_gpu_build.gpu.interface import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.doctor.cdi import Specs
    from poetry_gpu_build.doctor.docker_info import DockerInfo
    from poetry_gpu_build.doctor.seen import Seen

TOPIC = "container runtime"
# Of the package nvidia-container-toolkit.
_PROGRAMS = ("nvidia-container-runtime-hook", "nvidia-ctk", "nvidia-container-cli")
_CONFIGURE = "configure it: sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker"
_INSTALL = "install the package nvidia-container-toolkit"


def check_runtime(seen: Seen) -> Iterator[Line]:
    """One line, and one for what could not be read."""
    if not seen.here.gpus:
        yield Line(TOPIC, "ok", "not needed: this machine has no GPU that was found")
        return
    if isinstance(seen.info, str):
        yield not_looked_at(TOPIC, seen.info)
        return
    path = seen.world.environment.get("PATH", "")
    programs = [name for name in _PROGRAMS if shutil.which(name, path=path) is not None]
    # A daemon on another machine has its own folders, which cannot be read from here.
    specs = find_specs(seen.world.root, seen.info.cdi_folders) if seen.info.runs_on(seen.world.hostname) else None
    yield judge_runtime(seen.info, specs, programs)
    for fault in () if specs is None else specs.faults:
        yield Line(TOPIC, "warning", fault)


def judge_runtime(info: DockerInfo, specs: Specs | None, programs: Sequence[str]) -> Line:
    """Whether this daemon hands over its GPUs; ``specs`` are None where the daemon runs elsewhere."""
    runtimes = [printable(name) for name in info.runtimes if "nvidia" in name.lower()]
    if runtimes:
        return Line(TOPIC, "ok", f"docker has the runtime {', '.join(runtimes)}")
    devices = [printable(name) for name in info.devices if name.startswith(f"{KIND}=")]
    if devices:
        return Line(TOPIC, "ok", f"docker has the CDI device {devices[0]}{_more(len(devices))}")
    files = () if specs is None else specs.files
    if files and info.cdi_folders:
        return Line(TOPIC, "ok", f"docker reads the CDI specification {files[0]}{_more(len(files))}")
    if files:
        return Line(
            TOPIC,
            "warning",
            f"there is a CDI specification, {files[0]}{_more(len(files))}, but docker has CDI switched off",
            ('switch it on: "features": {"cdi": true} in /etc/docker/daemon.json', f"or {_CONFIGURE}"),
        )
    if programs and specs is not None:
        return Line(
            TOPIC,
            "warning",
            f"{programs[0]} is installed, but docker has neither an nvidia runtime nor a CDI device of kind {KIND}",
            (_CONFIGURE,),
        )
    return Line(
        TOPIC,
        "problem",
        "docker cannot hand the GPU to a container: images are built, but would not see it",
        (_INSTALL, _CONFIGURE),
    )


def _more(number: int) -> str:
    return f" and {number - 1} more" if number > 1 else ""
