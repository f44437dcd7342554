"""Reads the libraries inside a wheel (or any other ZIP file), one at a time."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from poetry_gpu_build.binaries.contents import WHEEL
from poetry_gpu_build.binaries.contents import Collector
from poetry_gpu_build.binaries.library import MAGIC_SIZE
from poetry_gpu_build.binaries.library import may_hold_code
from poetry_gpu_build.binaries.spill import spilled
from poetry_gpu_build.errors import UnreadableBinaryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from poetry_gpu_build.binaries.contents import Contents

# The list of torch 2.7.1's 11,502 files takes 1.5 MB; each byte of it becomes some 20 in memory.
_LONGEST_LIST = 6 * 2**20
# Deflate shrinks at best to a 1032nd, real libraries to a tenth.
_HIGHEST_RATIO, _RATIO_FROM_BYTES = 200, 2**26
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


class CautiousFile(io.FileIO):
    """A file that does not read itself into memory because one of its own fields says so."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, but never more than the longest list."""
        left = os.fstat(self.fileno()).st_size - self.tell()
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > _LONGEST_LIST:
            raise zipfile.BadZipFile(f"its list of files would take {wanted:,} bytes")
        return super().read(max(wanted, 0)) or b""


def read_wheel(path: Path, name: str) -> Contents:
    """Read every library of a wheel. Raises UnreadableBinaryError where the wheel itself cannot be read."""
    collector = Collector()
    with zip_faults(name), CautiousFile(path) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if sum(member.compress_size for member in members) > os.fstat(file.fileno()).st_size:
            raise UnreadableBinaryError(f"{name} is corrupt: its files overlap")
        for member in members:
            if member.file_size >= MAGIC_SIZE:
                with collector.tolerating(member.filename), zip_faults(member.filename):
                    _read_member(archive, member, collector)
    return collector.contents(name, WHEEL)


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, collector: Collector) -> None:
    if member.compress_type not in _METHODS or member.flag_bits & _ENCRYPTED:
        raise UnreadableBinaryError(f"{member.filename} is encrypted, or packed in a way that no wheel is")
    with archive.open(member) as stream:
        magic = stream.read(MAGIC_SIZE)
        if not may_hold_code(magic):
            return
        if member.file_size > max(_RATIO_FROM_BYTES, _HIGHEST_RATIO * member.compress_size):
            unpacked = f"{member.file_size:,} bytes from {member.compress_size:,}"
            raise UnreadableBinaryError(f"{member.filename} would unpack to {unpacked}, which no library does")
        with spilled(stream, member.file_size, member.filename, begun=magic) as span:
            collector.add(span)


@contextmanager
def zip_faults(name: str) -> Iterator[None]:
    """Whatever the standard library says about a corrupt ZIP file, as one error."""
    try:
        yield
    except OSError as error:
        raise UnreadableBinaryError(f"{name} cannot be read: {error.strerror or error}") from error
    # EOFError and zlib.error: cut off; NotImplementedError: a feature; RuntimeError: a password; ValueError: names
    # that are no UTF-8, offsets before the file; OverflowError: offsets beyond what a seek takes.
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise UnreadableBinaryError(f"{name} is corrupt: {error or 'it is cut off'}") from error
    except OverflowError as error:
        raise UnreadableBinaryError(f"{name} is corrupt: an offset leads nowhere") from error
