"""Whether this process runs inside a container: the swap changes an interpreter, and the host's is not to be changed.

Docker leaves ``/.dockerenv``, Podman and Buildah ``/run/.containerenv``; Podman and systemd-nspawn set ``container`` in
the environment. A step of BuildKit has none of them. What every engine does that runs OCI images, BuildKit included, is
to mount its own ``/etc/resolv.conf`` or ``/etc/hosts`` over the image's, each a mount point of its own; no host does
that. ``/proc/self/mountinfo`` lists them. Look inside an image: ``RUN grep /etc/ /proc/self/mountinfo``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MARKERS = ("/.dockerenv", "/run/.containerenv")
_MOUNTED_BY_ENGINES = frozenset({"/etc/resolv.conf", "/etc/hosts"})
#: In `/proc/self/mountinfo`, counted from 0 (proc(5)).
_MOUNT_POINT = 4


def container_sign(environ: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """What shows that this is a container; None where nothing does."""
    for marker in _MARKERS:
        if root.joinpath(marker.lstrip("/")).exists():
            return marker
    if environ.get("container"):
        return f"container={environ['container']}"
    try:
        mounts = root.joinpath("proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    mounted = _MOUNTED_BY_ENGINES.intersection(
        fields[_MOUNT_POINT] for fields in map(str.split, mounts.splitlines()) if len(fields) > _MOUNT_POINT
    )
    return f"{min(mounted)} is mounted" if mounted else None
