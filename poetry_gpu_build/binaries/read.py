"""Reads whatever stands at a path: a file that holds device code, a wheel of such files, or a folder of them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from poetry_gpu_build.binaries.contents import FILE
from poetry_gpu_build.binaries.contents import Contents
from poetry_gpu_build.binaries.library import MAGIC_SIZE
from poetry_gpu_build.binaries.library import may_hold_code
from poetry_gpu_build.binaries.library import read_library
from poetry_gpu_build.binaries.span import opened
from poetry_gpu_build.binaries.span import shown
from poetry_gpu_build.errors import UnreadableBinaryError

if TYPE_CHECKING:
    from pathlib import Path

_ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")


def read_path(path: Path) -> Contents:
    """Find the device code at ``path``. Raises UnreadableBinaryError."""
    name = shown(str(path))
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # a name with a zero byte is a ValueError
        raise UnreadableBinaryError(
            f"{name} cannot be read: {getattr(error, 'strerror', None) or error}",
            ways_out=("name a library, a static library, a fatbin, a wheel or a folder; an image: docker:NAME",),
        ) from error
    if stat.S_ISDIR(mode):
        from poetry_gpu_build.binaries.folder import read_folder

        return read_folder(path)
    if not stat.S_ISREG(mode):
        raise UnreadableBinaryError(f"{name} is neither a file nor a folder")
    with opened(path, name) as span:
        magic = span.take(0, min(MAGIC_SIZE, span.size), "the beginning")
        if may_hold_code(magic):
            library = read_library(span)
            return Contents(name, FILE, (library,) if library.held else ())
    if magic.startswith(_ZIP_MAGICS):
        from poetry_gpu_build.binaries.wheel import read_wheel  # zipfile and what it needs

        return read_wheel(path, name)
    raise UnreadableBinaryError(
        f"{name} is no ELF file, static library, fatbin or wheel",
        ways_out=("an image is named docker:NAME",),
    )
