"""Finds the sections of an ELF file that hold device code: libraries, programs and object files, of 32 and 64 bit."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.binaries.span import Span

MAGIC = b"\x7fELF"
LINKED = b".nv_fatbin"
"""Code that can be launched."""
RELOCATABLE = b"__nv_relfatbin"
"""Code of `nvcc -dc`, for the device linker."""

_LITTLE_ENDIAN = 1
_CUDA_MACHINE = 190
_NOBITS = 8
_EXTENDED = 0xFFFF
_AT_A_TIME = 1024
# A static library has millions of section headers, and reading so many takes as long as reading one entry.
_AS_DEAR_AS_ONE = 8


class _Layout(NamedTuple):
    """Where the fields of one class of ELF are."""

    header: Struct
    """Machine, section table's offset, size and number of its entries, number of the one that holds the names."""
    section: Struct
    """Name, type, offset, size, link."""


# The class is byte 4: 1 or 2. gABI, "ELF Header" and "Sections".
_LAYOUTS = {
    1: _Layout(Struct("<18xH12xI10xHHH"), Struct("<II8xIII12x")),
    2: _Layout(Struct("<18xH20xQ10xHHH"), Struct("<II16xQQI20x")),
}


def device_sections(span: Span) -> list[Span]:
    """The sections with device code: the linked ones, or the relocatable ones where no code is linked yet.

    So decides cuobjdump too: code of a library that was also linked is not counted twice. Raises UnreadableBinaryError.
    """
    found: dict[bytes, list[Span]] = {LINKED: [], RELOCATABLE: []}
    for name, section in _sections(span, tuple(found)):
        found[name].append(section)
    return found[LINKED] or found[RELOCATABLE]


def _sections(span: Span, wanted: tuple[bytes, ...]) -> Iterator[tuple[bytes, Span]]:
    layout = _layout(span)
    machine, offset, entry_size, count, names_at = span.unpack(layout.header, 0, "the ELF header")
    if machine == _CUDA_MACHINE:
        raise span.unreadable("is a bare cubin, which holds the code of one architecture and no table of them")
    if not offset:
        raise span.unreadable("has no section table, so nobody can tell where its GPU code is")
    if entry_size != layout.section.size:
        raise span.unreadable(f"is corrupt: it says that a section header has {entry_size} bytes")
    first = span.unpack(layout.section, offset, "the section table")
    # Numbers that do not fit into the header are in the fields of section 0 (gABI, "e_shnum", "e_shstrndx").
    count = count or first[3]
    names_at = first[4] if names_at == _EXTENDED else names_at
    table = span.part(offset, count * entry_size, "the section table")
    if names_at >= count:
        raise span.unreadable("is corrupt: its section table has no names")
    names = _contents(span, span.unpack(layout.section, offset + names_at * entry_size, "the section table"))
    endings = tuple((name, name + b"\0") for name in wanted)
    for start in range(0, table.size, _AT_A_TIME * entry_size):
        size = min(_AT_A_TIME * entry_size, table.size - start)
        table.count(size // entry_size // _AS_DEAR_AS_ONE)
        for header in layout.section.iter_unpack(table.take(start, size, "the section table")):
            if header[1] == _NOBITS:  # of a file that holds debug information only
                continue
            for name, ending in endings:
                if names.begins_with(ending, header[0]):
                    yield name, _contents(span, header)


def _layout(span: Span) -> _Layout:
    magic, width, order = span.unpack(Struct("<4sBB"), 0, "the ELF header")
    if magic != MAGIC or width not in _LAYOUTS:
        raise span.unreadable("is no ELF file of 32 or 64 bit")
    if order != _LITTLE_ENDIAN:
        raise span.unreadable("is a big-endian ELF file, which CUDA does not exist for")
    return _LAYOUTS[width]


def _contents(span: Span, header: tuple[int, ...]) -> Span:
    _, _, offset, size, _ = header
    return span.part(offset, size, "the contents of a section")
