from __future__ import annotations

import pytest

from poetry_gpu_build.binaries.library import read_library
from poetry_gpu_build.errors import UnreadableBinaryError

from .fatbins import LINKED
from .fatbins import PTX
from .fatbins import RELOCATABLE
from .fatbins import SASS
from .fatbins import bsd_archive
from .fatbins import container
from .fatbins import elf
from .fatbins import entry
from .fatbins import gnu_archive
from .fatbins import sass
from .fatbins import span


def held(data: bytes) -> list[tuple[str, int, int]]:
    return [(code.name, entries, containers) for code, entries, containers in read_library(span(data)).held]


def test_code_is_counted_by_entry_and_by_container() -> None:
    twice = container(entry(SASS, 90), entry(SASS, 90), entry(PTX, 90))
    library = read_library(span(elf((LINKED, sass(52, 90) + twice))))
    assert library.containers == 2
    assert held(elf((LINKED, sass(52, 90) + twice))) == [("sm_52", 1, 1), ("sm_90", 3, 2), ("compute_90", 1, 1)]


def test_architectures_are_in_order_of_their_numbers() -> None:
    assert [name for name, _, _ in held(sass(120, 90, 100, 52))] == ["sm_52", "sm_90", "sm_100", "sm_120"]


def test_all_sections_of_an_object_file_count() -> None:
    assert held(elf((LINKED, sass(52)), (LINKED, sass(52)))) == [("sm_52", 2, 2)]


@pytest.mark.parametrize("archive", [gnu_archive, bsd_archive])
@pytest.mark.parametrize("name", ["a.o", "a_name_of_more_than_sixteen_letters.o"])
def test_all_members_of_a_static_library_count(archive: type, name: str) -> None:
    data = archive((name, elf((RELOCATABLE, sass(52)))), ("odd.txt", b"odd"), ("b.o", elf((LINKED, sass(86)))))
    assert held(data) == [("sm_52", 1, 1), ("sm_86", 1, 1)]


@pytest.mark.parametrize("archive", [gnu_archive, bsd_archive])
@pytest.mark.parametrize("name", ["a.o", "a_name_of_more_than_sixteen_letters.o"])
def test_a_broken_member_is_named(archive: type, name: str) -> None:
    with pytest.raises(UnreadableBinaryError) as caught:
        read_library(span(archive((name, elf((LINKED, b"x" * 16))))))
    assert caught.value.message.startswith(f"it({name}) is corrupt")


@pytest.mark.parametrize("data", [elf((".text", b"x")), gnu_archive(("a.txt", b"text")), b"!<arch>\n"])
def test_a_file_without_gpu_code_holds_none(data: bytes) -> None:
    assert held(data) == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"#!/bin/sh\n", id="a script"),
        pytest.param(b"!<thin>\n", id="a thin archive"),
        pytest.param(gnu_archive(("a.o", elf((LINKED, sass(52)))))[:-9], id="an archive that is cut off"),
        pytest.param(b"!<arch>\n" + b" " * 60, id="an archive without members"),
        pytest.param(bsd_archive(("a.o", b"")).replace(b"#1/3", b"#1/9"), id="a name longer than its member"),
        pytest.param(b"!<arch>\n" + b"a.o/".ljust(48) + b"-8".ljust(10) + b"`\n", id="a member of less than nothing"),
    ],
)
def test_what_is_no_library_is_an_error(data: bytes) -> None:
    with pytest.raises(UnreadableBinaryError, match=r"^it"):
        read_library(span(data))


def test_a_long_name_beyond_the_list_of_names_is_no_reason_to_fail() -> None:
    data = gnu_archive(("a_name_of_more_than_sixteen_letters.o", elf((LINKED, sass(52)))))
    assert held(data.replace(b"/0 ", b"/99")) == [("sm_52", 1, 1)]
