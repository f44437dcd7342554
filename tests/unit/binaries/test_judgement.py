from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from poetry_gpu_build.binaries.contents import Contents
from poetry_gpu_build.binaries.contents import Unread
from poetry_gpu_build.binaries.judgement import Verdict
from poetry_gpu_build.binaries.judgement import judge
from poetry_gpu_build.binaries.library import Library
from poetry_gpu_build.binaries.library import read_library
from poetry_gpu_build.binaries.read import read_path
from poetry_gpu_build.errors import UnreadableBinaryError

from ..builders import cc
from ..builders import facts
from .fatbins import CHIP_ONLY
from .fatbins import FAMILY_ONLY
from .fatbins import LTO
from .fatbins import PTX
from .fatbins import SASS
from .fatbins import container
from .fatbins import entry
from .fatbins import sass
from .fatbins import span

SASS_86 = (
    "machine code for 8.6 runs on 8.x from 8.6 on, except 8.7 "
    "(without that exception if CUDA 13.2 or newer made it) (torch "
)
RECORDED = Path(__file__).parent / "recorded"


def library(data: bytes, path: str = "libk.so") -> Library:
    return read_library(span(data))._replace(path=path)


def verdict(target: str, *libraries: Library) -> Verdict:
    contents = Contents("it", "folder", libraries)
    return judge(contents, [cc(target)], facts()).verdicts[0]


@pytest.mark.parametrize(
    ("kind", "sm", "flags", "target", "runs"),
    [
        (SASS, 50, 0, "5.2", True),
        (SASS, 50, 0, "5.3", False),  # Tegra
        (SASS, 52, 0, "5.0", False),
        (SASS, 86, 0, "8.9", True),
        (SASS, 86, 0, "8.7", False),  # Tegra
        (SASS, 90, 0, "12.0", False),
        (SASS, 90, CHIP_ONLY, "9.0", True),
        (SASS, 120, CHIP_ONLY, "12.1", False),
        (SASS, 120, FAMILY_ONLY, "12.1", True),
        (SASS, 100, FAMILY_ONLY, "11.0", False),
        (PTX, 52, 0, "12.0", True),
        (PTX, 90, 0, "8.9", False),
        (PTX, 90, CHIP_ONLY, "12.0", False),
        (PTX, 120, FAMILY_ONLY, "12.1", True),
        (LTO, 80, 0, "8.0", False),  # for the linker
        (99, 80, 0, "8.0", False),
    ],
)
def test_what_runs_on_what(kind: int, sm: int, flags: int, target: str, runs: bool) -> None:
    assert verdict(target, library(container(entry(kind, sm, flags)))).answer.runs is runs


@pytest.mark.parametrize(
    ("data", "target", "words"),
    [
        (
            sass(86),
            "8.9",
            SASS_86,
        ),
        (
            sass(86),
            "8.7",
            SASS_86,
        ),
        (sass(86), "12.0", "machine code runs on its own major version only"),
        (container(entry(SASS, 90, CHIP_ONLY)), "9.0", "exactly that one"),
        (container(entry(SASS, 120, CHIP_ONLY)), "12.1", "exactly that one"),
        (container(entry(SASS, 120, FAMILY_ONLY)), "12.1", "its own family only"),
        (container(entry(PTX, 52)), "12.0", "PTX runs on its own compute capability and anything newer"),
    ],
)
def test_the_rule_that_decided_is_told(data: bytes, target: str, words: str) -> None:
    assert words in str(verdict(target, library(data)).answer.rule)


def test_torch_is_judged_by_what_is_in_half_of_its_containers() -> None:
    data = sass(50, 90) + sass(50) + sass(50, 61) + sass(50, 61)
    torch = library(data, "torch/lib/libtorch_cuda.so")
    assert not verdict("9.0", torch).answer.runs
    assert verdict("6.1", torch).answer.runs


def test_torch_is_judged_by_its_own_library_alone() -> None:
    torch = library(sass(50), "torch/lib/libtorch_cuda.so")
    others = library(sass(120), "a/libflash.so"), library(sass(120), "torch/lib/libtorch_cuda_linalg.so")
    assert verdict("5.2", *others, torch).answer.runs
    assert not verdict("12.0", *others, torch).answer.runs
    assert verdict("12.0", *others, torch).decided_by == "torch/lib/libtorch_cuda.so"


def test_another_library_may_hold_code_for_a_card_in_few_containers() -> None:
    # So does libcublasLt.so: sm_75 in 126 of 796.
    assert verdict("7.5", library(sass(80) + sass(80) + sass(80) + sass(75))).answer.runs


def test_several_libraries_run_where_all_of_them_do() -> None:
    a, b = library(sass(50, 86), "a.so"), library(sass(86), "b.so")
    assert verdict("8.9", a, b).answer.runs
    assert verdict("5.2", a, b).decided_by == "b.so"
    assert not verdict("5.2", a, b).answer.runs


def test_without_gpu_code_nothing_runs() -> None:
    found = verdict("8.6")
    assert not found.answer.runs
    assert found.answer.because == "there is no GPU code"


def test_a_torch_that_cannot_be_read_is_not_passed_over() -> None:
    contents = Contents("it", "wheel", (library(sass(86)),), (Unread("torch/lib/libtorch_cuda.so", "it is broken"),))
    with pytest.raises(UnreadableBinaryError, match="it is broken"):
        judge(contents, [], facts())


@pytest.fixture(scope="module")
def torch_2_7_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """libtorch_cuda.so of the wheel torch 2.7.1 of PyPI: its own headers at their own places, zeros between them."""
    path = tmp_path_factory.mktemp("torch") / "libtorch_cuda.so"
    rows = zlib.decompress((RECORDED / "libtorch_cuda-2.7.1.headers").read_bytes())
    at = first = 0x44630A0
    with path.open("wb") as file:
        file.truncate(984_633_129)
        read = 0
        while read < len(rows):
            (count,) = struct.unpack_from("<I", rows, read)
            entries = [struct.unpack_from("<HIQIQ", rows, read + 4 + 26 * number) for number in range(count)]
            read += 4 + 26 * count
            file.seek(at)
            file.write(struct.pack("<IHHQ", 0xBA55ED50, 1, 16, sum(entry[1] + entry[2] for entry in entries)))
            at += 16
            for kind, header, payload, sm, flags in entries:
                file.seek(at)
                file.write(struct.pack("<HHIQ12xI8xQ", kind, 0x101, header, payload, sm, flags))
                at += header + payload
        names = b"\0.nv_fatbin\0"
        file.seek(table := 984_633_129 - 64 * 3 - len(names))
        file.write(struct.pack("<IIQQQQIIQQ", *[0] * 10))
        file.write(struct.pack("<IIQQQQIIQQ", 1, 1, 2, first, first, at - first, 0, 0, 8, 0))
        file.write(struct.pack("<IIQQQQIIQQ", 0, 3, 0, 0, 984_633_129 - len(names), len(names), 0, 0, 1, 0))
        file.write(names)
        file.seek(0)
        file.write(b"\x7fELF\2\1\1".ljust(16, b"\0"))
        file.write(struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2))
    return path


def test_torch_2_7_1_counts_as_cuobjdump_counts_it(torch_2_7_1: Path) -> None:
    # `cuobjdump --list-elf` of CUDA 11.8, which knows no suffixes: 378 each, 2 of sm_89, 381 of sm_90; no PTX.
    [torch] = read_path(torch_2_7_1).libraries
    counts = {held.code.name: held.entries for held in torch.held}
    assert counts.pop("sm_90") + counts.pop("sm_90a") == 381
    assert counts.pop("sm_89") == 2
    assert counts == dict.fromkeys(["sm_50", "sm_60", "sm_70", "sm_75", "sm_80", "sm_86"], 378)


@pytest.mark.parametrize(("target", "runs"), [("5.2", True), ("8.9", True), ("12.0", False), ("3.7", False)])
def test_torch_2_7_1_runs_where_the_facts_say(torch_2_7_1: Path, target: str, runs: bool) -> None:
    assert judge(read_path(torch_2_7_1), [cc(target)], facts()).verdicts[0].answer.runs is runs
