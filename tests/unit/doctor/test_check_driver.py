from __future__ import annotations

import pytest

from poetry_gpu_build.doctor.checks.driver import judge_driver
from poetry_gpu_build.gpu.detect import GpuReport
from poetry_gpu_build.gpu.platforms import Platform

from ..builders import facts
from ..builders import policy
from .world import NOTHING
from .world import card
from .world import report
from .world import seen_by

BINARY = policy().binary
SOURCE = policy().source


def test_a_driver_that_drives_the_card_is_well() -> None:
    line = judge_driver(report(card("8.6", "NVIDIA GeForce RTX 3090", driver="570.124.06")), BINARY, facts())
    assert line.mark == "ok"
    assert line.seen == "570.124.06 drives 8.6"


def test_the_last_branch_of_an_old_card_is_told_before_somebody_updates_past_it() -> None:
    line = judge_driver(report(card("5.2", driver="580.65.06")), SOURCE, facts())
    assert line.mark == "ok"
    assert "branch 580 is the last for 5.2" in line.seen


def test_what_is_not_measured_is_shown_as_such() -> None:
    # None of the rows about driver branches was read from a driver.
    assert judge_driver(report(card("8.6")), BINARY, facts()).known_by is not None


@pytest.mark.parametrize(
    ("capability", "driver", "remedy"),
    [
        ("5.2", "590.44.01", "branch 580, the last one"),  # Maxwell, Pascal and Volta are gone from 590 on
        ("7.0", "595.10", "branch 580, the last one"),
        ("12.0", "565.57.01", "branch 570 or newer"),  # Blackwell is driven from 570 on
        ("3.5", "535.54.03", "branch 470, the last one"),
    ],
)
def test_a_driver_that_does_not_drive_the_card_is_a_problem(capability: str, driver: str, remedy: str) -> None:
    line = judge_driver(report(card(capability, driver=driver)), BINARY, facts())
    assert line.mark == "problem"
    assert driver in line.seen
    assert any(remedy in each for each in line.remedies)


def test_of_two_cards_the_one_that_is_not_driven_is_named() -> None:
    line = judge_driver(report(card("5.2", driver="590.44.01"), card("8.6", driver="590.44.01")), BINARY, facts())
    assert line.mark == "problem"
    assert len(line.remedies) == 1
    assert "5.2" in line.remedies[0]


def test_a_geforce_that_the_base_image_refuses_is_a_problem() -> None:
    # CUDA 12.8's image asks a GeForce for branch 570; the wheel itself would run on 535.
    line = judge_driver(report(card("8.6", "NVIDIA GeForce RTX 3090", driver="535.54.03")), BINARY, facts())
    assert line.mark == "problem"
    assert BINARY.base_image in line.seen


def test_a_driver_older_than_the_cuda_major_is_a_problem() -> None:
    line = judge_driver(report(card("7.5", driver="470.42.01")), BINARY, facts())
    assert line.mark == "problem"
    assert "525.60.13" in line.seen


def test_a_card_on_the_bus_without_a_driver_is_a_problem() -> None:
    bus = card("5.2", "GeForce GTX 970", by="PCI id", driver=None)
    line = judge_driver(GpuReport(gpus=(bus,), detections=(seen_by("PCI id", bus),)), BINARY, facts())
    assert line.mark == "problem"
    assert "GeForce GTX 970" in line.seen
    assert any("580" in remedy for remedy in line.remedies)


def test_a_newer_card_without_a_driver_is_told_the_first_that_knows_it() -> None:
    bus = card("12.0", by="PCI id", driver=None)
    line = judge_driver(GpuReport(gpus=(bus,), detections=(seen_by("PCI id", bus),)), BINARY, facts())
    assert any("570 or newer" in remedy for remedy in line.remedies)


def test_a_driver_that_is_loaded_and_does_not_answer_is_a_problem() -> None:
    bus = card("8.6", by="PCI id", driver="570.124.06")
    mismatch = seen_by("NVML", note="Driver/library version mismatch")
    line = judge_driver(GpuReport(gpus=(bus,), detections=(mismatch, seen_by("PCI id", bus))), BINARY, facts())
    assert line.mark == "problem"
    assert "Driver/library version mismatch" in line.seen
    assert "restart the machine" in line.remedies[0]


def test_a_driver_that_dropped_the_card_is_told_before_a_restart_is() -> None:
    # 590 does not drive Maxwell: NVML shows nothing, and only the bus knows of the card.
    bus = card("5.2", "GeForce GTX 970", by="PCI id", driver="590.44.01")
    nothing = seen_by("NVML", note="no GPU")
    line = judge_driver(GpuReport(gpus=(bus,), detections=(nothing, seen_by("PCI id", bus))), BINARY, facts())
    assert line.mark == "problem"
    assert "no longer drives" in line.seen
    assert len(line.remedies) == 1
    assert "580" in line.remedies[0]


def test_under_wsl2_the_verdict_is_that_of_the_branch() -> None:
    # Windows' 591.44 is of the branch that Linux calls 590, which no longer drives Pascal; coverage says so, too.
    pascal = card("6.1", driver="591.44")
    wsl2 = GpuReport(gpus=(pascal,), detections=(seen_by("NVML", pascal),), platform=Platform(is_wsl2=True))
    assert judge_driver(wsl2, BINARY, facts()) == judge_driver(replace_platform(wsl2), BINARY, facts())
    assert judge_driver(wsl2, BINARY, facts()).mark == "problem"


def replace_platform(report: GpuReport) -> GpuReport:
    return GpuReport(gpus=report.gpus, detections=report.detections)


@pytest.mark.parametrize("driver", [None, "540.4.0"])
def test_nobody_installs_a_driver_on_a_jetson(driver: str | None) -> None:
    orin = card("8.7", "Orin", by="NVML" if driver else "PCI id", driver=driver)
    jetson = GpuReport(gpus=(orin,), detections=(seen_by(orin.reported_by, orin),), platform=Platform(is_jetson=True))
    line = judge_driver(jetson, BINARY, facts())
    assert line.mark == "ok"
    assert "x86 images do not apply" in line.seen
    assert line.remedies == ()


def test_a_machine_without_a_gpu_needs_no_driver() -> None:
    assert judge_driver(NOTHING, BINARY, facts()).mark == "ok"


def test_a_driver_without_a_card_is_worth_knowing() -> None:
    bus = seen_by("PCI id", card("8.6", driver="570.124.06"))
    line = judge_driver(GpuReport(detections=(bus,)), BINARY, facts())
    assert line.mark == "warning"
    assert "570.124.06" in line.seen


def test_a_driver_of_unknown_version_is_no_problem() -> None:
    assert judge_driver(report(card("8.6", driver=None)), BINARY, facts()).mark == "warning"
