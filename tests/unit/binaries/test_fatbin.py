from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

from poetry_gpu_build.binaries.fatbin import containers
from poetry_gpu_build.errors import UnreadableBinaryError

from .fatbins import CHIP_ONLY
from .fatbins import FAMILY_ONLY
from .fatbins import LTO
from .fatbins import LZ4
from .fatbins import PTX
from .fatbins import SASS
from .fatbins import ZSTD
from .fatbins import container
from .fatbins import entry
from .fatbins import sass
from .fatbins import span

RECORDED = Path(__file__).parent / "recorded"


def names(data: bytes) -> list[list[str]]:
    return [[each.code.name for each in found] for found in containers(span(data))]


def test_a_container_holds_entries_in_order() -> None:
    assert names(container(entry(SASS, 52), entry(SASS, 86), entry(PTX, 90))) == [["sm_52", "sm_86", "compute_90"]]


@pytest.mark.parametrize(
    ("kind", "sm", "flags", "name"),
    [
        (SASS, 120, 0, "sm_120"),
        (SASS, 90, CHIP_ONLY, "sm_90a"),
        (SASS, 100, FAMILY_ONLY, "sm_100f"),
        (PTX, 120, FAMILY_ONLY, "compute_120f"),
        (LTO, 80, 0, "lto_80"),
        (77, 80, 0, "other_80"),
    ],
)
def test_code_is_named_as_nvcc_names_it(kind: int, sm: int, flags: int, name: str) -> None:
    assert names(container(entry(kind, sm, flags))) == [[name]]


@pytest.mark.parametrize(("flags", "compressed"), [(0, False), (LZ4, True), (ZSTD, True)])
def test_the_architecture_is_in_the_clear_where_the_code_is_compressed(flags: int, compressed: bool) -> None:
    [[found]] = containers(span(container(entry(PTX, 52, flags, payload=b"\xff" * 8))))
    assert found.is_compressed is compressed
    assert found.code.name == "compute_52"


def test_an_entry_may_have_a_longer_header() -> None:
    assert names(container(entry(SASS, 52, header=112), entry(SASS, 61, header=48))) == [["sm_52", "sm_61"]]


def test_containers_are_aligned_to_eight_bytes() -> None:
    odd = container(entry(SASS, 52, payload=b"12345"))
    assert names(odd.ljust(len(odd) + 3, b"\0") + sass(61)) == [["sm_52"], ["sm_61"]]


def test_the_linker_may_leave_a_gap_of_zeros() -> None:
    assert names(sass(52) + bytes(48) + sass(61) + bytes(24)) == [["sm_52"], ["sm_61"]]


def test_a_container_may_be_empty() -> None:
    assert names(container() + sass(61)) == [[], ["sm_61"]]


def test_nothing_holds_nothing() -> None:
    assert names(b"") == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(sass(52)[:-1], id="cut off in a payload"),
        pytest.param(sass(52)[:40], id="cut off in a header of an entry"),
        pytest.param(sass(52)[:12], id="cut off in its own header"),
        pytest.param(sass(52) + b"\1" * 16, id="followed by something else"),
        pytest.param(sass(52) + bytes(8192) + sass(61), id="a gap that no linker leaves"),
        pytest.param(container(entry(SASS, 52, header=64)[:32]), id="a header shorter than its own fields"),
        pytest.param(container(entry(SASS, 0)), id="no architecture"),
        pytest.param(container(entry(SASS, 2**32 - 1)), id="an architecture beyond all numbers"),
        pytest.param(container(struct.pack("<HHIQ12xI8xQ", SASS, 1, 0, 0, 52, 0)), id="a header of no size"),
        pytest.param(container(struct.pack("<HHIQ12xI8xQ", SASS, 1, 64, 2**64 - 1, 52, 0)), id="an endless payload"),
        pytest.param(struct.pack("<IHHQ", 0xBA55ED50, 1, 16, 2**64 - 1), id="an endless container"),
        pytest.param(struct.pack("<IHHQ", 0xBA55ED50, 2, 16, 0), id="another version"),
    ],
)
def test_what_is_no_fatbin_is_an_error(data: bytes) -> None:
    with pytest.raises(UnreadableBinaryError, match=r"^it "):
        list(containers(span(data)))


@pytest.mark.parametrize("toolkit", ["nvcc-11.8", "nvcc-13.0"])
def test_a_fatbin_of_nvcc_reads_as_cuobjdump_lists_it(toolkit: str) -> None:
    # `cuobjdump NAME.fatbin` of CUDA 13.1 wrote the text.
    listing = (RECORDED / f"{toolkit}.txt").read_text()
    expected = [
        (kind, architecture, "compressed" in rest)
        for kind, architecture, rest in re.findall(r"Fatbin (\w+) code:\n=+\narch = sm_(\w+)\n((?:.+\n)*)", listing)
    ]
    kinds = {"sass": "elf", "ptx": "ptx", "lto": "nvvm"}
    [found] = containers(span((RECORDED / f"{toolkit}.fatbin").read_bytes()))
    assert len(found) >= 4
    assert [
        (kinds[each.code.kind], each.code.architecture.sm.removeprefix("sm_"), each.is_compressed) for each in found
    ] == expected
