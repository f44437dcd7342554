"""A text of any form becomes lines that can be searched: encodings, colours, carriage returns, prefixes, long lines."""

from __future__ import annotations

import io

import pytest

from poetry_gpu_build.doctor.explain.lines import LONGEST_PIECE
from poetry_gpu_build.doctor.explain.lines import OVERLAP
from poetry_gpu_build.doctor.explain.lines import clean
from poetry_gpu_build.doctor.explain.lines import read_lines
from poetry_gpu_build.errors import ConfigurationError

from .texts import found
from .texts import names

KERNEL = "CUDA error: no kernel image is available for execution on the device"


def texts(data: bytes) -> list[tuple[int, str]]:
    return [(line.number, line.text) for line in read_lines(io.BytesIO(data))]


class Dripping(io.BytesIO):
    """A pipe that hands over a few bytes at a time."""

    def read(self, _size: int | None = -1, /) -> bytes:
        return super().read(3)


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("#12 345.6 g++: fatal error", "g++: fatal error"),
        ("#7 ERROR: process", "ERROR: process"),
        ("2026-11-20T10:00:00.1234567Z #12 0.5 x", "x"),
        ("app-1  | Traceback", "Traceback"),
        ("\x1b[1;31mError\x1b[0m", "Error"),
        ("\x1b]8;;https://example.org\x07link\x1b]8;;\x07", "link"),
        ("\\u001b[31mError\\u001b[0m", "Error"),
        ("  132 | #error -- unsupported", "  132 | #error -- unsupported"),
        ("#!/bin/sh", "#!/bin/sh"),
        ("", ""),
    ],
)
def test_what_a_terminal_would_not_show_and_a_builder_adds_goes_away(raw: str, plain: str) -> None:
    assert clean(raw) == plain


def test_lines_are_counted_as_editors_count() -> None:
    assert texts(b"a\r\nb\nc") == [(1, "a"), (2, "b"), (3, "c")]


def test_carriage_returns_end_a_line_of_the_screen_and_count_no_line() -> None:
    assert texts(b"10%\r20%\rdone\nnext\n") == [(1, "10%"), (1, "20%"), (1, "done"), (2, "next")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_with_a_mark_are_read(encoding: str) -> None:
    assert texts("première\nzweite".encode(encoding)) == [(1, "première"), (2, "zweite")]


def test_powershell_s_utf_16_is_recognised() -> None:
    assert names(f"PS> python x.py\r\n{KERNEL}\r\n".encode("utf-16")) == ["no-kernel-image"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_recognised(encoding: str) -> None:
    assert names(f"PS> python x.py\r\n{KERNEL}\r\n".encode(encoding)) == ["no-kernel-image"]


@pytest.mark.parametrize("noise", [b"\0" * 5000, b"a\0b" * 2000, b"\0"])
def test_zeros_in_a_text_make_it_no_utf_16(noise: bytes) -> None:
    assert names(noise + b"\n" + KERNEL.encode()) == ["no-kernel-image"]


def test_a_line_that_is_repeated_is_counted_each_time_and_shown_once() -> None:
    [sighting] = found(f"{KERNEL}\n" * 1203 + f"other\n{KERNEL}\n").sightings
    assert (sighting.line, sighting.times) == (1, 1204)


def test_details_still_end_where_they_end_when_a_line_is_repeated() -> None:
    lines = texts(b"#1 0.1 a\n#1 0.1 a\n\n#1 0.1 a\n")
    assert lines == [(1, "a"), (2, "a"), (4, "a")]


def test_what_is_no_utf_8_is_kept() -> None:
    assert texts(b"caf\xe9") == [(1, "caf\udce9")]


def test_characters_and_lines_that_come_in_pieces_are_put_together() -> None:
    lines = [(line.number, line.text) for line in read_lines(Dripping("é\nlänger\n語".encode()))]
    assert lines == [(1, "é"), (2, "länger"), (3, "語")]


@pytest.mark.parametrize("before", [0, 1, LONGEST_PIECE - 30, LONGEST_PIECE, 2**20 - 20, 2**20, 3 * 2**20 + 5])
def test_an_error_in_a_long_line_is_found_once_wherever_it_stands(before: int) -> None:
    data = ("x" * before + KERNEL + "y" * 50_000).encode()
    [sighting] = found(data).sightings
    assert (sighting.line, sighting.times) == (1, 1)
    assert "no kernel image is available" in sighting.quote
    assert len(sighting.quote) < 310


def test_a_long_line_does_not_move_the_lines_after_it() -> None:
    data = b"x" * (3 * 2**20) + b"\n" + KERNEL.encode()
    [sighting] = found(data).sightings
    assert sighting.line == 2


def test_a_piece_is_never_longer_than_it_may_be() -> None:
    assert max(len(line.text) for line in read_lines(io.BytesIO(b"x" * 5_000_000))) <= LONGEST_PIECE
    assert OVERLAP < LONGEST_PIECE


@pytest.mark.parametrize(
    ("magic", "program"),
    [
        (b"\x1f\x8b\x08", "gunzip -c"),
        (b"PK\x03\x04", "unzip -p"),
        (b"(\xb5/\xfd", "zstd -dc"),
        (b"\xfd7zXZ\x00", "xz -dc"),
        (b"BZh9", "bzip2 -dc"),
    ],
)
def test_a_compressed_text_is_refused_with_the_way(magic: bytes, program: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        list(read_lines(io.BytesIO(magic + b"\0" * 100), "the log"))
    assert caught.value.ways_out[0].startswith(f"{program} 'the log' | ")
    with pytest.raises(ConfigurationError) as caught:
        list(read_lines(io.BytesIO(magic + b"\0" * 100)))
    assert caught.value.ways_out[0].startswith(f"… | {program} | ")
