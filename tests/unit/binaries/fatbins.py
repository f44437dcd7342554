"""Builds small fatbins, ELF files and archives from their documented layouts, field by field."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from poetry_gpu_build.binaries.span import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

PTX = 1
SASS = 2
LTO = 8
CHIP_ONLY = 0x100000
FAMILY_ONLY = 0x200000
LZ4 = 0x2000
ZSTD = 0x8000
LINKED = ".nv_fatbin"
RELOCATABLE = "__nv_relfatbin"


def entry(kind: int, sm: int, flags: int = 0, *, payload: bytes = b"\x7fELF....", header: int = 64) -> bytes:
    """Kind, version, header's size, payload's size, 12 bytes, architecture, 8 bytes, flags (0x11: 64 bit, Linux)."""
    fields = struct.pack("<HHIQ12xI8xQ", kind, 0x101, header, len(payload), sm, 0x11 | flags)
    return fields.ljust(header, b"\0") + payload


def container(*entries: bytes) -> bytes:
    """Magic, version, header's size, body's size, body."""
    body = b"".join(entries)
    return struct.pack("<IHHQ", 0xBA55ED50, 1, 16, len(body)) + body


def sass(*architectures: int) -> bytes:
    """A container with machine code for these."""
    return container(*(entry(SASS, architecture) for architecture in architectures))


def elf(*sections: tuple[str, bytes], bits: int = 64, kinds: Sequence[int] | None = None, far: bool = False) -> bytes:
    """An ELF file with these sections. ``far``: its numbers of sections stand in section 0, as for more than 65279."""
    named = [("", b""), *sections, (".shstrtab", b"")]
    names = b"".join(name.encode() + b"\0" for name, _ in named)
    named[-1] = (".shstrtab", names)
    header_size, entry_size = (64, 64) if bits == 64 else (52, 40)
    at, data, rows = header_size, b"", []
    types = kinds or [1] * len(sections)
    for number, (name, content) in enumerate(named):
        padding = -at % 8
        data += bytes(padding) + content
        at += padding
        kind = 0 if number == 0 else 3 if number == len(named) - 1 else types[number - 1]
        rows.append((names.index(name.encode() + b"\0") if name else len(names) - 1, kind, at, len(content)))
        at += len(content)
    table = at
    count, last = len(named), len(named) - 1
    if far:
        count, last = 0, 0xFFFF
        rows[0] = (0, 0, 0, len(named))
    for number, (name_at, kind, offset, size) in enumerate(rows):
        link = len(named) - 1 if far and number == 0 else 0
        form = "<IIQQQQIIQQ" if bits == 64 else "<IIIIIIIIII"
        data += struct.pack(form, name_at, kind, 0, 0, offset, size, link, 0, 8, 0)
    identity = b"\x7fELF" + bytes([bits // 32, 1, 1]) + bytes(9)
    form = "<HHIQQQIHHHHHH" if bits == 64 else "<HHIIIIIHHHHHH"
    machine = 62 if bits == 64 else 3
    return (
        identity + struct.pack(form, 3, machine, 1, 0, 0, table, 0, header_size, 0, 0, entry_size, count, last) + data
    )


def gnu_archive(*members: tuple[str, bytes]) -> bytes:
    """A static library, as GNU ar writes it: names of 16 letters and more stand in a member of their own."""
    long_names, headers = b"", []
    for name, content in members:
        if len(name) < 16:
            headers.append((f"{name}/", content))
        else:
            headers.append((f"/{len(long_names)}", content))
            long_names += f"{name}/\n".encode()
    first = [("/", bytes(4)), *([("//", long_names)] if long_names else [])]
    return b"!<arch>\n" + b"".join(_member(name, content) for name, content in [*first, *headers])


def bsd_archive(*members: tuple[str, bytes]) -> bytes:
    """A static library, as BSD's ar writes it: long names stand before the content."""
    encoded = [(f"#1/{len(name)}", name.encode() + content) for name, content in members]
    return b"!<arch>\n" + b"".join(_member(name, content) for name, content in encoded)


def _member(name: str, content: bytes) -> bytes:
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
    return header + content + b"\n" * (len(content) % 2)


def span(data: bytes) -> Span:
    """The bytes as a file named `it`."""
    return Span.whole("it", data)
