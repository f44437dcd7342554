"""Counts the device code of one file, whatever it is: an ELF file, a static library or a fatbin."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.binaries import archive
from poetry_gpu_build.binaries import elf
from poetry_gpu_build.binaries import fatbin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.binaries.fatbin import Code
    from poetry_gpu_build.binaries.fatbin import Entry
    from poetry_gpu_build.binaries.span import Span

#: As many bytes as tell whether a file can hold device code.
MAGIC_SIZE = 8


class Held(NamedTuple):
    """One kind of code for one architecture, in one file."""

    code: Code
    entries: int
    containers: int
    """In how many containers: about as many as there were source files with kernels."""


class Library(NamedTuple):
    """The device code of one file."""

    path: str
    containers: int
    held: tuple[Held, ...]
    """SASS first, then PTX, each by architecture; empty for a file without device code."""


def may_hold_code(magic: bytes) -> bool:
    """Whether a file that begins so is worth reading."""
    return magic.startswith((elf.MAGIC, archive.MAGIC, archive.THIN_MAGIC, fatbin.MAGIC))


def read_library(span: Span) -> Library:
    """Count the device code of a file. Raises UnreadableBinaryError; also for a file that can hold none."""
    total = 0
    entries: Counter[Code] = Counter()
    present: Counter[Code] = Counter()
    for container in containers(span):
        total += 1
        codes = [entry.code for entry in container]
        entries.update(codes)
        present.update(set(codes))
    held = (Held(code, entries[code], present[code]) for code in sorted(entries, key=_order))
    return Library(span.name, total, tuple(held))


def containers(span: Span) -> Iterator[tuple[Entry, ...]]:
    """Every container of a file, in order. Raises UnreadableBinaryError."""
    if span.begins_with(fatbin.MAGIC):
        yield from fatbin.containers(span)
    elif span.begins_with(archive.MAGIC) or span.begins_with(archive.THIN_MAGIC):
        for member in archive.members(span):
            # Members are object files and tables; whatever else is put into an archive is no code.
            if member.begins_with(elf.MAGIC):
                yield from _of_elf(member)
    elif span.begins_with(elf.MAGIC):
        yield from _of_elf(span)
    else:
        raise span.unreadable("is no ELF file, static library or fatbin")


def _of_elf(span: Span) -> Iterator[tuple[Entry, ...]]:
    for section in elf.device_sections(span):
        yield from fatbin.containers(section)


def _order(code: Code) -> tuple[int, Code]:
    return fatbin.KINDS.index(code.kind), code
