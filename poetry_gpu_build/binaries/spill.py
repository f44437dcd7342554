"""Lays a packed file down as a temporary one, so that it can be mapped: a library's section table stands at its end.

Of libtorch_cuda.so's 985 MB nothing is held in memory. The temporary file has no name and is gone with the process.
"""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING
from typing import BinaryIO

from poetry_gpu_build.binaries.span import mapped
from poetry_gpu_build.errors import UnreadableBinaryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from poetry_gpu_build.binaries.span import Span

#: No library is larger: x86-64 code reaches 2 GiB.
LARGEST_BYTES = 4 * 2**30
_AT_A_TIME = 2**20


@contextmanager
def spilled(stream: IO[bytes], size: int, name: str, *, begun: bytes) -> Iterator[Span]:
    """Copy a stream of ``size`` bytes, of which ``begun`` has been read, to where it can be mapped.

    Raises UnreadableBinaryError.
    """
    if size > LARGEST_BYTES:
        raise UnreadableBinaryError(f"{name} would be {size:,} bytes large, which no library is")
    with _temporary(name, size) as file:
        _write(file, begun, name, size)
        left = size - len(begun)
        while left and (block := stream.read(min(_AT_A_TIME, left))):
            _write(file, block, name, size)
            left -= len(block)
        if left:
            raise UnreadableBinaryError(f"{name} is cut off: {left:,} of {size:,} bytes are missing")
        with mapped(file.fileno(), name) as span:
            yield span


def _temporary(name: str, size: int) -> BinaryIO:
    try:
        return tempfile.TemporaryFile(buffering=0)
    except OSError as error:
        raise _no_room(name, size, error) from error


def _write(file: BinaryIO, block: bytes, name: str, size: int) -> None:
    rest = memoryview(block)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError as error:
        raise _no_room(name, size, error) from error


def _no_room(name: str, size: int, error: OSError) -> UnreadableBinaryError:
    return UnreadableBinaryError(
        f"{name} cannot be unpacked: {error.strerror or error}",
        ways_out=(f"give it {size / 1e6:,.0f} MB of room: set TMPDIR to a folder on a disk",),
    )
