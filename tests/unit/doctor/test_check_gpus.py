from __future__ import annotations

from dataclasses import replace

import pytest

from poetry_gpu_build.doctor.checks.gpus import judge_gpus
from poetry_gpu_build.gpu.detect import GpuReport
from poetry_gpu_build.gpu.platforms import JETSON_NOTE
from poetry_gpu_build.gpu.platforms import Platform

from .world import NOTHING
from .world import card
from .world import report
from .world import seen_by


def test_each_card_has_a_line_with_who_reported_it() -> None:
    cards = (replace(card("5.2", "NVIDIA GeForce GTX 970"), memory_mib=4096), card("12.0", by="nvidia-smi"))
    first, second = judge_gpus(report(*cards), is_named=False)
    assert (first.mark, first.topic) == ("ok", "gpu")
    assert first.seen == "NVIDIA GeForce GTX 970 (5.2), says NVML; 4.0 GiB"
    assert second.seen == "compute capability 12.0, says nvidia-smi"


def test_a_machine_without_a_gpu_is_no_problem_because_a_card_can_be_named() -> None:
    [line] = judge_gpus(NOTHING, is_named=False)
    assert line.mark == "warning"
    assert line.seen == "none found (the PCI bus has no NVIDIA GPU)"
    assert any("--gpu" in remedy for remedy in line.remedies)


@pytest.mark.parametrize(
    "silent",
    [
        replace(NOTHING, platform=Platform(is_wsl2=True)),
        GpuReport(detections=(NOTHING.detections[0], seen_by("PCI id", note="the PCI bus cannot be read: Denied"))),
    ],
    ids=["WSL2 has no card on its bus", "nobody can say"],
)
def test_where_the_bus_does_not_settle_it_each_source_says_why_it_found_none(silent: GpuReport) -> None:
    [line] = judge_gpus(silent, is_named=False)
    assert "NVML: NVML Shared Library Not Found; PCI id: the PCI bus" in line.seen


def test_who_has_named_a_card_is_not_told_to() -> None:
    [line] = judge_gpus(NOTHING, is_named=True)
    assert (line.mark, line.remedies) == ("warning", ())


UNKNOWN = "the card at 0000:01:00.0 has PCI id 10de:ffff, which the table does not know"


def test_a_card_that_nobody_can_identify_is_a_problem_because_a_build_would_pass_it_by() -> None:
    unknown = GpuReport(detections=(seen_by("PCI id", note=UNKNOWN, is_complete=False),))
    [line] = judge_gpus(unknown, is_named=False)
    assert line.mark == "problem"
    assert UNKNOWN in line.seen
    assert any("--gpu" in remedy for remedy in line.remedies)
    assert [line.mark for line in judge_gpus(unknown, is_named=True)] == ["warning"]


def test_a_second_card_that_nobody_can_identify_is_told() -> None:
    known = card("8.6", by="PCI id")
    lines = list(
        judge_gpus(
            GpuReport(gpus=(known,), detections=(seen_by("PCI id", known, note=UNKNOWN, is_complete=False),)),
            is_named=False,
        )
    )
    assert [line.mark for line in lines] == ["ok", "warning"]
    assert lines[1].seen == UNKNOWN


def test_a_guess_is_a_warning_that_says_so() -> None:
    guess = replace(card("5.0", "GeForce GTX 750 Ti", by="PCI id"), is_guess=True, note="known by PCI id 10de:1380")
    [line] = judge_gpus(report(guess), is_named=False)
    assert line.mark == "warning"
    assert "a guess" in line.seen
    assert "10de:1380" in line.seen


def test_a_divided_card_says_into_how_many() -> None:
    [line] = judge_gpus(report(replace(card("9.0", "NVIDIA H100"), mig_uuids=("MIG-a", "MIG-b"))), is_named=False)
    assert "divided into 2 MIG devices" in line.seen


@pytest.mark.parametrize(
    "note",
    [
        "CUDA_VISIBLE_DEVICES=0 was not followed: it counts in CUDA's own order",
        "NVIDIA does not support GPUs older than Pascal (6.0) under WSL2: GTX 970",
    ],
)
def test_what_belongs_to_no_card_is_a_warning(note: str) -> None:
    lines = list(judge_gpus(report(card("5.2"), notes=(note,)), is_named=False))
    assert (lines[-1].mark, lines[-1].seen) == ("warning", note)


def test_a_jetson_is_a_problem_unless_the_image_is_for_another_machine() -> None:
    jetson = report(card("8.7"), notes=(JETSON_NOTE,))
    assert [line.mark for line in judge_gpus(jetson, is_named=False)] == ["ok", "problem"]
    assert [line.mark for line in judge_gpus(jetson, is_named=True)] == ["ok", "warning"]
