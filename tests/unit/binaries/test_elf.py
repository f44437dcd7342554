from __future__ import annotations

import struct

import pytest

from poetry_gpu_build.binaries.elf import device_sections
from poetry_gpu_build.errors import UnreadableBinaryError

from .fatbins import LINKED
from .fatbins import RELOCATABLE
from .fatbins import elf
from .fatbins import span

A, B = b"first...", b"second.."


def sections(data: bytes) -> list[bytes]:
    return [section.take(0, section.size, "it") for section in device_sections(span(data))]


@pytest.mark.parametrize("bits", [32, 64])
def test_linked_code_is_found(bits: int) -> None:
    assert sections(elf((".text", b"x" * 5), (LINKED, A), (".data", b"y"), bits=bits)) == [A]


@pytest.mark.parametrize("bits", [32, 64])
def test_relocatable_code_is_found_where_none_is_linked(bits: int) -> None:
    assert sections(elf((RELOCATABLE, A), bits=bits)) == [A]


def test_relocatable_code_of_a_linked_library_does_not_count_twice() -> None:
    assert sections(elf((RELOCATABLE, A), (LINKED, B))) == [B]


def test_an_object_file_may_have_several_sections_of_one_name() -> None:
    assert sections(elf((LINKED, A), (".text", b"x"), (LINKED, B))) == [A, B]


@pytest.mark.parametrize("bits", [32, 64])
def test_numbers_too_large_for_the_header_stand_in_the_first_section(bits: int) -> None:
    assert sections(elf((LINKED, A), bits=bits, far=True)) == [A]


def test_more_sections_than_are_read_at_a_time() -> None:
    many = [(f".text.{number}", b"") for number in range(3000)]
    assert sections(elf(*many, (LINKED, A), far=True)) == [A]


def test_a_section_without_contents_in_the_file_holds_nothing() -> None:
    # SHT_NOBITS: what strip --only-keep-debug leaves behind.
    assert sections(elf((LINKED, A), kinds=[8])) == []


def test_a_longer_name_is_another_section() -> None:
    assert sections(elf((LINKED + "x", A), ("x" + LINKED, B))) == []


def test_a_file_without_gpu_code_has_none() -> None:
    assert sections(elf((".text", b"x"))) == []


def patched(offset: int, form: str, value: int) -> bytes:
    data = bytearray(elf((LINKED, A)))
    struct.pack_into(form, data, offset, value)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x7fELF", id="the magic only"),
        pytest.param(elf((LINKED, A))[:63], id="cut off in the header"),
        pytest.param(elf((LINKED, A))[:-1], id="cut off in the section table"),
        pytest.param(patched(4, "<B", 3), id="neither 32 nor 64 bit"),
        pytest.param(patched(5, "<B", 2), id="big-endian"),
        pytest.param(patched(18, "<H", 190), id="a bare cubin"),
        pytest.param(patched(40, "<Q", 0), id="no section table"),
        pytest.param(patched(40, "<Q", 2**64 - 1), id="a section table beyond the file"),
        pytest.param(patched(58, "<H", 0), id="section headers of no size"),
        pytest.param(patched(60, "<H", 0xFF00), id="more sections than fit"),
        pytest.param(patched(60, "<H", 0), id="no sections"),
        pytest.param(patched(62, "<H", 900), id="names in a section that does not exist"),
    ],
)
def test_what_cannot_be_followed_is_an_error(data: bytes) -> None:
    with pytest.raises(UnreadableBinaryError, match=r"^it "):
        sections(data)
