"""One reading finds every case once, with the first place, how often, and the values around it."""

from __future__ import annotations

import io
import random
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.doctor.explain.explanation import explain_text
from poetry_gpu_build.doctor.explain.find import AROUND
from poetry_gpu_build.doctor.explain.find import MOST_OF_ONE_CASE
from poetry_gpu_build.doctor.explain.find import find
from poetry_gpu_build.doctor.explain.lines import Line

from ...builders import cc
from ...patience import ends_soon
from .texts import cases
from .texts import explained
from .texts import found
from .texts import names
from .texts import project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.doctor.explain.situation import Situation

KERNEL = "RuntimeError: CUDA error: no kernel image is available for execution on the device"
KILLED = "g++: fatal error: Killed signal terminated program cc1plus"
STEP = 'ERROR: process "/bin/sh -c make" did not complete successfully: exit code: {}'


def test_a_case_is_told_once_with_its_first_place_and_how_often() -> None:
    [sighting] = found(f"a\n{KERNEL}\nb\n{KERNEL}\n{KERNEL}\n").sightings
    assert (sighting.line, sighting.times, sighting.quote) == (2, 3, KERNEL)


def test_cards_are_told_apart_up_to_a_number() -> None:
    warning = "GPU {0} with CUDA capability sm_{0} is not compatible with the current PyTorch installation."
    listed = "The current PyTorch install supports CUDA capabilities sm_90."
    text = "\n".join(f"{warning.format(number)}\n{listed}" for number in (50, 52, 60, 61, 70, 75, 50))
    told = [each for each in found(text).sightings if each.case.name == "torch-lacks-gpu"]
    assert [each.values["capability"] for each in told] == ["sm_50", "sm_52", "sm_60", "sm_61", "sm_70"]
    assert len(told) == MOST_OF_ONE_CASE
    # sm_50 was there twice; sm_75 has no place of its own, and is counted with the last.
    assert [each.times for each in told] == [2, 1, 1, 1, 2]


@pytest.mark.parametrize(("distance", "is_seen"), [(1, True), (AROUND, True), (AROUND + 1, False)])
@pytest.mark.parametrize("after", [True, False])
def test_details_are_taken_from_the_lines_around(distance: int, is_seen: bool, after: bool) -> None:
    lines = [
        "nvcc fatal   : Unsupported gpu architecture 'compute_120'",
        *["x"] * (distance - 1),
        "FROM nvidia/cuda:11.8.0",
    ]
    [sighting] = found("\n".join(lines if after else reversed(lines))).sightings
    assert ("cuda" in sighting.values) is is_seen


def test_details_reach_over_the_batches() -> None:
    lines = ["x"] * 499 + ["nvcc fatal   : Unsupported gpu architecture 'compute_120'", "FROM nvidia/cuda:11.8.0"]
    [sighting] = found("\n".join(lines)).sightings
    assert sighting.values["cuda"] == "11.8"
    [sighting] = found("\n".join(["x", *reversed(lines)])).sightings
    assert sighting.values["cuda"] == "11.8"


def test_what_causes_comes_before_what_follows_from_it() -> None:
    text = f"{STEP.format(137)}\n{KERNEL}\n{KILLED}\nDriver/library version mismatch\nCUDA out of memory.\n"
    assert names(text) == [
        "driver-mismatch",
        "compiler-out-of-memory",
        "step-killed",
        "no-kernel-image",
        "gpu-out-of-memory",
    ]


def test_a_step_that_failed_is_told_only_where_nothing_says_more() -> None:
    assert names(STEP.format(1)) == ["step-failed"]
    assert names(f"{STEP.format(1)}\n{KILLED}") == ["compiler-out-of-memory"]
    assert names(STEP.format(137)) == ["step-killed"]


def test_installing_torch_is_told_in_a_source_image_and_else_only_where_nothing_says_more() -> None:
    install = "  - Installing torch (2.7.1+cu128)"
    assert names(install) == ["poetry-installs-torch"]
    assert names(f"{install}\nNo space left on device") == ["no-space"]
    assert names(f"open docker/Dockerfile.source\n{install}\nNo space left on device") == [
        "no-space",
        "poetry-installs-torch",
    ]


def test_an_error_of_json_without_poetry_is_nobody_s() -> None:
    assert names("app: Expecting value: line 1 column 1 (char 0)") == []
    assert names("Resolving dependencies...\nExpecting value: line 1 column 1 (char 0)") == ["poetry-index-not-json"]


def test_the_text_tells_torch_driver_cards_and_image_beside_its_errors() -> None:
    told = found(
        "PyTorch version: 2.6.0+cu124\n| NVIDIA-SMI 550.144.03   Driver Version: 550.144.03   CUDA Version: 12.4 |\n"
        "with compute capability 6.1\nBUILD_FROM_SOURCE=true\n"
    ).told
    assert (str(told.torch), str(told.driver), told.capabilities, told.is_source) == (
        "2.6.0+cu124",
        "550.144.03",
        (cc("6.1"),),
        True,
    )


@pytest.mark.parametrize(
    "text", ["torch==9999.9", "Driver Version: N/A", "compute capability 99.9", "torchvision==0.2.1"]
)
def test_what_is_no_value_tells_nothing(text: str) -> None:
    told = found(text).told
    assert (told.torch, told.driver, told.capabilities, told.is_source) == (None, None, (), False)


def test_the_project_is_asked_about_only_where_something_was_found() -> None:
    def never() -> Situation:
        raise AssertionError

    assert explain_text(io.BytesIO(b"all is well"), cases(), never).exit_code == 1


def test_a_huge_text_is_read_in_little_memory() -> None:
    def lines() -> Iterator[Line]:
        for number in range(1, 50_001):
            yield Line(number, f"[{number}/50000] Building CUDA object caffe2/torch_{number}.cu.o")
        yield Line(50_001, KILLED)

    for case in cases():  # compiled patterns are kept, and not counted here
        _ = [pattern.pattern for pattern in (*case.patterns, *case.details)]
    tracemalloc.start()
    sightings = find(lines(), cases()).sightings
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [each.line for each in sightings] == [50_001]
    assert peak < 4 * 2**20


HOSTILE = {
    "escapes": b"\x1b[" * 1_000_000,
    "escapes without an end": (b"\x1b[" + b"0" * 90) * 20_000,
    "links without an end": b"\x1b]8;;" * 500_000,
    "carriage returns": b"\r" * 3_000_000,
    "zeros": b"\0" * 5_000_000,
    "blanks": b" " * 3_000_000,
    "digits": b"1.2" * 1_000_000,
    "words": b"a" * 5_000_000,
    "noise": random.Random(1).randbytes(5_000_000),
    "broken characters": b"\xff\xfe\xfd" * 1_000_000,
    "each hint, in one line": " ".join(hint for case in cases() for hint in case.hints).encode() * 100,
    "each hint, line by line": "\n".join(hint for case in cases() for hint in case.hints).encode() * 100,
    "each example, nearly": b"".join(
        (case.examples[0].text.replace("\n", " ")[: len(case.examples[0].text) // 2] * 400).encode() for case in cases()
    ),
    "an error over and over": f"{KERNEL}\n".encode() * 30_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_takes_no_longer_than_its_length(name: str) -> None:
    with ends_soon():
        explained(HOSTILE[name], project("6.1"))
