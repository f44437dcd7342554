"""Walks through static libraries (`ar`), as GNU and as BSD tools write them."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.binaries.span import Span

MAGIC = b"!<arch>\n"
THIN_MAGIC = b"!<thin>\n"

_HEADER = Struct("16s32x10s2s")
_BSD_NAME = b"#1/"
_LONGEST_NAME = 4096


def members(span: Span) -> Iterator[Span]:
    """Every member, in order; the tables of symbols and of names too. Raises UnreadableBinaryError."""
    if span.begins_with(THIN_MAGIC):
        raise span.unreadable("is a thin archive, which holds only the names of its members")
    at = len(MAGIC)
    names: Span | None = None
    while at < span.size:
        name, digits, end = span.unpack(_HEADER, at, "the header of a member")
        if end != b"`\n" or not digits.strip().isdigit():
            raise span.unreadable(f"is corrupt: there is no member of the archive at byte {at}")
        at += _HEADER.size
        size = int(digits)
        name = name.rstrip()
        member = span.part(at, size, "the member of an archive")
        if name == b"//":
            names = member
        label, skipped = _label(name, names, member)
        yield span.part(at + skipped, size - skipped, "the member of an archive", f"{span.name}({label})")
        at += size + size % 2


def _label(name: bytes, names: Span | None, member: Span) -> tuple[str, int]:
    """The member's name, and how many of its bytes it takes."""
    skipped = 0
    if name.startswith(_BSD_NAME) and name[3:].isdigit():
        skipped = int(name[3:])
        name = member.take(0, min(skipped, _LONGEST_NAME, member.size), "a member's name").rstrip(b"\0")
    elif names is not None and name[:1] == b"/" and name[1:].isdigit():
        start = int(name[1:])
        if start < names.size:
            rest = names.take(start, min(_LONGEST_NAME, names.size - start), "a member's name")
            name = rest.partition(b"\n")[0]
    return name.removesuffix(b"/").decode("utf-8", "replace"), skipped
