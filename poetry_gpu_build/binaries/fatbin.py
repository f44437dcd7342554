"""Reads fatbins: what nvcc puts device code in. NVIDIA documents no layout; this one agrees with cuobjdump's listing.

A section is containers, 8-byte aligned: a header of magic, version, header's size and body's size. A body is entries:
a header, and a payload that need not be looked at, because the architecture is in the clear where the code is
compressed.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.coverage.code import Architecture
from poetry_gpu_build.values import ComputeCapability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.binaries.span import Span

SASS = "sass"
PTX = "ptx"
LTO = "lto"
OTHER = "other"
KINDS = (SASS, PTX, LTO, OTHER)
"""LTO is code for the linker and runs nowhere by itself; OTHER is what newer toolkits may add."""
MAGIC = b"\x50\xed\x55\xba\x01\x00\x10\x00"
"""The magic number, the version and the size of the header, as a container begins."""

_NUMBERS = {1: PTX, 2: SASS, 8: LTO}
_PREFIXES = {SASS: "sm_", PTX: "compute_", LTO: "lto_", OTHER: "other_"}
_CONTAINER = Struct("<8sQ")
# Kind, version, size of the header, size of the payload, …, architecture at 28, …, flags at 40.
_ENTRY = Struct("<HHIQ12xI8xQ")
_CHIP_ONLY = 0x100000
_FAMILY_ONLY = 0x200000
_COMPRESSED = 0x2000 | 0x8000  # LZ4, and zstd from CUDA 12.8 on
_FEWEST, _MOST = 10, 999  # sm_10 was the first
_LONGEST_GAP = 4096


class Code(NamedTuple):
    """What an entry holds: the kind of code, and for which architecture."""

    kind: str
    """One of KINDS."""
    architecture: Architecture

    @property
    def name(self) -> str:
        """As nvcc writes it: ``sm_90a``, ``compute_90``, ``lto_80``."""
        return _PREFIXES[self.kind] + self.architecture.sm.removeprefix("sm_")


class Entry(NamedTuple):
    """One piece of device code in a container."""

    code: Code
    is_compressed: bool


def containers(span: Span) -> Iterator[tuple[Entry, ...]]:
    """Every container of a section or of a fatbin file, in order. Raises UnreadableBinaryError."""
    at = 0
    # Few differ, whatever the file says: the numbers of unknown kinds are not told apart.
    known: dict[tuple[str, int, int], Entry] = {}
    while (at := _next(span, at)) < span.size:
        magic, size = span.unpack(_CONTAINER, at, "the header of a fatbin")
        if magic != MAGIC:
            raise span.unreadable(f"is corrupt: there is no fatbin at byte {at} of its GPU code")
        at += _CONTAINER.size
        # Entries are looked for inside the container: one that is larger is corrupt.
        yield tuple(_entries(span.part(at, size, "the body of a fatbin"), known))
        at += size


def _next(span: Span, at: int) -> int:
    """Where the next container begins: aligned, and behind a gap of zeros where the linker left one."""
    at = min(at + -at % 8, span.size)
    gap = span.take(at, min(_LONGEST_GAP, span.size - at), "a gap")
    zeros = len(gap) - len(gap.lstrip(b"\0"))
    # The first byte of a container is not zero, and all of them are aligned.
    return at + zeros


def _entries(body: Span, known: dict[tuple[str, int, int], Entry]) -> Iterator[Entry]:
    at = 0
    while at < body.size:
        number, _, header, payload, sm, flags = body.unpack(_ENTRY, at, "the header of an entry")
        if header < _ENTRY.size or header + payload > body.size - at:
            raise body.unreadable("is corrupt: an entry of a fatbin is larger than the fatbin")
        if not _FEWEST <= sm <= _MOST:
            raise body.unreadable(f"is corrupt: {sm} is no architecture")
        key = (_NUMBERS.get(number, OTHER), sm, flags & (_CHIP_ONLY | _FAMILY_ONLY | _COMPRESSED))
        if key not in known:
            known[key] = _entry(*key)
        yield known[key]
        at += header + payload


def _entry(kind: str, sm: int, flags: int) -> Entry:
    suffix = "a" if flags & _CHIP_ONLY else "f" if flags & _FAMILY_ONLY else ""
    architecture = Architecture(ComputeCapability(*divmod(sm, 10)), suffix)
    return Entry(Code(kind, architecture), bool(flags & _COMPRESSED))
