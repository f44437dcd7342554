"""Reads the libraries inside a tar stream: an image's file system, as the engine exports it."""

from __future__ import annotations

import tarfile
import zlib
from typing import TYPE_CHECKING

from poetry_gpu_build.binaries.contents import IMAGE
from poetry_gpu_build.binaries.contents import Collector
from poetry_gpu_build.binaries.library import MAGIC_SIZE
from poetry_gpu_build.binaries.library import may_hold_code
from poetry_gpu_build.binaries.span import shown
from poetry_gpu_build.binaries.spill import spilled
from poetry_gpu_build.errors import UnreadableBinaryError

if TYPE_CHECKING:
    from typing import IO

    from poetry_gpu_build.binaries.contents import Contents


def read_tarball(stream: IO[bytes], name: str) -> Contents:
    """Read every library of a tar stream, from its beginning to its end. Raises UnreadableBinaryError."""
    collector = Collector()
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            while (member := archive.next()) is not None:
                # Else tarfile would keep a description of every file of the image.
                archive.members.clear()  # type: ignore[attr-defined]
                if member.isreg() and member.size >= MAGIC_SIZE:
                    path = shown(member.name)
                    with collector.tolerating(path):
                        _read_member(archive, member, path, collector)
    except (tarfile.TarError, zlib.error, EOFError, ValueError) as error:
        raise UnreadableBinaryError(f"{name} was cut off: {error}") from error
    return collector.contents(name, IMAGE)


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo, path: str, collector: Collector) -> None:
    stream = archive.extractfile(member)
    assert stream is not None, "only regular files come here"
    magic = stream.read(MAGIC_SIZE)
    if may_hold_code(magic):
        with spilled(stream, member.size, path, begun=magic) as span:
            collector.add(span)
