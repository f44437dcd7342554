from __future__ import annotations

from dataclasses import replace

import pytest

from poetry_gpu_build.coverage.wheels import wheel_covers
from poetry_gpu_build.coverage.wheels import wheel_runs
from poetry_gpu_build.coverage.wheels import wheels_covering
from poetry_gpu_build.values import DriverVersion

from ..builders import cc
from ..builders import facts
from .lookup import wheel

BINARY_BASE = "nvidia/cuda:12.8.1-devel-ubuntu22.04"


@pytest.mark.parametrize(
    ("build", "target", "runs"),
    [
        ("2.7.1+cu128", "6.1", False),
        ("2.7.1+cu128", "7.0", False),
        ("2.7.1+cu128", "7.5", True),
        ("2.7.1+cu128", "8.9", True),
        ("2.7.1+cu128", "8.7", False),
        ("2.7.1+cu128", "12.0", True),
        ("2.7.1+cu126", "5.2", True),
        ("2.7.1+cu126", "5.3", False),
        ("2.7.1+cu126", "12.0", False),
        ("2.7.1+cu118", "3.7", True),
        ("2.7.1+cu118", "3.5", False),
        ("2.14.1+cu126", "5.2", True),
        ("2.8.0+cu128", "7.0", True),
        ("2.11.0+cu128", "7.0", False),
    ],
)
def test_what_a_wheel_runs_on(build: str, target: str, runs: bool) -> None:
    assert wheel_covers(wheel(build), cc(target), facts()).runs is runs


def test_the_reason_names_the_machine_code_that_runs() -> None:
    assert "sm_86" in wheel_covers(wheel("2.7.1+cu128"), cc("8.9"), facts()).because


def test_the_reason_names_what_the_wheel_holds_where_nothing_runs() -> None:
    because = wheel_covers(wheel("2.7.1+cu128"), cc("6.1"), facts()).because
    assert all(held in because for held in ("7.5", "8.0", "8.6", "9.0", "10.0", "12.0"))


FUTURE = "13.0"  # a chip that is newer than the wheel's newest machine code


@pytest.mark.parametrize(
    ("driver", "runs"), [(None, True), ("570.26", True), ("580.65.06", True), ("565.57.01", False)]
)
def test_portable_code_needs_a_driver_as_new_as_the_toolkit(driver: str | None, runs: bool) -> None:
    # CUDA 12.8 came with 570.26.
    parsed = None if driver is None else DriverVersion.parse(driver)
    coverage = wheel_covers(wheel("2.7.1+cu128"), cc(FUTURE), facts(), parsed)
    assert coverage.runs is runs
    assert "PTX" in coverage.because
    assert "570.26" in coverage.because or driver not in {None, "565.57.01"}


def test_portable_code_does_not_run_on_older_chips() -> None:
    assert not wheel_covers(wheel("2.7.1+cu128"), cc("11.0"), facts()).runs


def test_a_wheel_without_portable_code_does_not_run_on_newer_chips() -> None:
    assert not wheel_covers(wheel("2.8.0+cu128"), cc(FUTURE), facts()).runs


def test_only_published_wheels_are_offered() -> None:
    found = {str(offered.torch) for offered in wheels_covering([cc("5.2")], facts())}
    assert "2.14.1+cu126" in found
    assert "2.15.0+cu126" not in found  # the sources contradict each other about its existence


def test_no_wheel_serves_a_maxwell_and_a_blackwell_card_at_once() -> None:
    assert wheels_covering([cc("5.2"), cc("12.0")], facts()) == ()


def test_an_answer_is_no_better_than_the_row_of_the_wheel() -> None:
    assert wheel_covers(wheel("2.7.1+cu128"), cc("7.5"), facts()).doubt == "secondary+user reports"


def test_what_was_measured_and_needs_no_rule_leaves_no_doubt() -> None:
    assert wheel_covers(wheel("2.8.0+cu128"), cc("8.6"), facts()).doubt is None


def test_a_measured_wheel_on_a_relative_rests_on_the_documented_rule() -> None:
    answer = wheel_covers(wheel("2.8.0+cu128"), cc("8.9"), facts())
    assert answer.doubt == "documented"
    assert {row.kind for row in answer.rows} == {"wheel", "rule"}


def test_portable_code_of_a_toolkit_without_a_known_driver_is_told_as_such() -> None:
    toolkits = tuple(
        replace(each, driver_released_with=None) if each.cuda == wheel("2.7.1+cu128").cuda else each
        for each in facts().toolkits
    )
    answer = wheel_covers(wheel("2.7.1+cu128"), cc(FUTURE), replace(facts(), toolkits=toolkits))
    assert "if it knows the PTX of CUDA 12.8" in answer.because


@pytest.mark.parametrize(
    ("card", "target", "driver", "words"),
    [
        ("NVIDIA GeForce RTX 4090", "8.9", "570.124.06", ""),
        ("NVIDIA GeForce RTX 4090", "8.9", "550.54.14", "asks for cuda>=12.8, which is driver branch 570"),
        ("NVIDIA GeForce RTX 4090", "8.9", "520.61.05", "CUDA 12.8 needs a driver from 525.60.13 on"),
        ("NVIDIA GeForce GTX 1060 6GB", "6.1", "570.124.06", "it holds machine code for 7.5"),
        ("NVIDIA GeForce RTX 5090", "12.0", "565.57.01", "needs a driver of branch 570 or newer"),
        ("NVIDIA A100-SXM4-40GB", "8.0", "550.54.14", ""),
        ("NVIDIA A100-SXM4-40GB", "8.0", "545.23.06", "asks for cuda>=12.8"),  # a branch that no alternative names
    ],
)
def test_the_whole_question_names_what_stands_in_the_way(card: str, target: str, driver: str, words: str) -> None:
    answer = wheel_runs(
        wheel("2.7.1+cu128"),
        cc(target),
        facts(),
        driver=DriverVersion.parse(driver),
        base_image=BINARY_BASE,
        card=card,
    )
    assert answer.runs is (words == "")
    assert words in answer.because


def test_what_is_not_known_is_not_asked() -> None:
    assert wheel_runs(wheel("2.7.1+cu128"), cc("12.0"), facts()).runs
