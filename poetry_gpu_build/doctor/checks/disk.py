"""The free disk where the engine keeps its layers."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.doctor.docker_info import DockerInfo
from poetry_gpu_build.doctor.line import DECISION
from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.doctor.line import not_looked_at
from poetry_gpu_build.engine.preflight import REMOTE_DRIVER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.policy import ModeName

TOPIC = "disk"
_GB = 10**9


class Room(NamedTuple):
    """How much a first build of a mode takes, in GB (10⁹ bytes, as docker counts)."""

    least: float
    """Below this it ends with a full disk."""
    least_known_by: str | None
    enough: float
    """What this program asks for; a decision: nobody measured a whole build with NVIDIA's base images."""


#: The one place for these numbers.
#: binary, least: measured 2026-11-20 for torch 2.7.1 from PyPI (CUDA 12.6) with its 15 requirements of more than 50 kB
#: each: 2.98 GB of wheels, which stay in the cache mount, and 5.24 GB unpacked, by the wheels' own directories.
#: source, least, and both `enough`: decisions. They leave room for a base image with CUDA's compilers, and in the
#: source mode for PyTorch's checkout, its object files and ccache.
ROOM: Mapping[ModeName, Room] = {
    "binary": Room(least=8.2, least_known_by=None, enough=25),
    "source": Room(least=10, least_known_by=DECISION, enough=50),
}


class Space(NamedTuple):
    """The free bytes of the file system that holds a folder."""

    folder: str
    free: int


def check_disk(seen: Seen) -> Iterator[Line]:
    """One line."""
    if isinstance(seen.info, str):
        yield not_looked_at(TOPIC, seen.info)
        return
    yield judge_disk(seen.mode.name, look_at_disk(seen), seen.info)


def look_at_disk(seen: Seen) -> Space | None:
    """The space that the engine has; None where it is not this machine's to see."""
    info = seen.info
    is_remote = getattr(seen.engine, "driver", None) == REMOTE_DRIVER
    if is_remote or not isinstance(info, DockerInfo) or not info.root or not info.runs_on(seen.world.hostname):
        return None
    try:
        return Space(info.root, shutil.disk_usage(seen.world.root / Path(info.root).relative_to("/")).free)
    except (OSError, ValueError):  # in a virtual machine of its own, not ours to look at, or no path at all
        return None


def judge_disk(mode: ModeName, space: Space | None, info: DockerInfo) -> Line:
    """Hold the free space against what the mode takes."""
    room = ROOM[mode]
    if space is None:
        return Line(
            TOPIC,
            "warning",
            f"not seen from here: the engine keeps its layers on {info.name or 'a host of its own'}"
            f"{f', at {info.root}' if info.root else ''}",
            (f"a first build in the {mode} mode should find {room.enough:g} GB there: docker system df",),
            DECISION,
        )
    seen = f"{space.free / _GB:.1f} GB free at {space.folder}"
    if space.free >= room.enough * _GB:
        return Line(TOPIC, "ok", f"{seen}; {room.enough:g} GB are enough", (), DECISION)
    remedies = ("see what can go: docker system df", "make room: docker buildx prune, docker image prune")
    if space.free < room.least * _GB:
        takes = f"a first build in the {mode} mode takes at least {room.least:g} GB, without its base image"
        return Line(TOPIC, "problem", f"{seen}; {takes}", remedies, room.least_known_by)
    asked = f"a first build in the {mode} mode should find {room.enough:g} GB"
    return Line(TOPIC, "warning", f"{seen}; {asked}", remedies, DECISION)
