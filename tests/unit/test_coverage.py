from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.coverage import compiled_for
from poetry_gpu_build.coverage import driver_objections
from poetry_gpu_build.coverage import image_objection
from poetry_gpu_build.coverage import oldest_driven
from poetry_gpu_build.coverage import sass_runs_on
from poetry_gpu_build.coverage import toolkits_compiling
from poetry_gpu_build.coverage import wheel_covers
from poetry_gpu_build.coverage import wheels_covering
from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import DriverVersion
from poetry_gpu_build.values import TorchBuild

from .builders import cc
from .builders import facts

if TYPE_CHECKING:
    from poetry_gpu_build.facts import ToolkitFact
    from poetry_gpu_build.facts import WheelFact

BINARY_BASE = "nvidia/cuda:12.8.1-devel-ubuntu22.04"
SOURCE_BASE = "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04"


def wheel(text: str) -> WheelFact:
    found = facts().wheel(TorchBuild.parse(text))
    assert found is not None
    return found


def toolkit(text: str) -> ToolkitFact:
    found = facts().toolkit(CudaVersion.parse(text))
    assert found is not None
    return found


def objections(driver: str, target: str, cuda: str) -> str:
    found = driver_objections(DriverVersion.parse(driver), cc(target), CudaVersion.parse(cuda), facts())
    return "; ".join(found)


# --- machine code (the rule, and torch's own table of exceptions)


@pytest.mark.parametrize(
    ("code", "target", "runs"),
    [
        ("5.0", "5.0", True),
        ("5.0", "5.2", True),
        ("5.0", "5.3", False),  # Tegra X1
        ("5.2", "5.0", False),
        ("5.2", "5.3", False),
        ("5.3", "5.3", True),
        ("5.3", "5.2", False),
        ("6.0", "6.1", True),
        ("6.0", "6.2", False),
        ("6.1", "6.0", False),
        ("7.0", "7.5", True),
        ("7.0", "7.2", False),
        ("7.5", "8.0", False),
        ("8.0", "8.6", True),
        ("8.0", "8.7", False),
        ("8.6", "8.9", True),  # RTX 40: never listed, and need not be
        ("8.6", "8.7", False),  # Orin
        ("8.7", "8.7", True),
        ("8.7", "8.9", False),
        ("8.9", "8.6", False),
        ("9.0", "9.0", True),
        ("9.0", "10.0", False),
        ("10.0", "10.3", True),
        ("10.0", "10.1", False),
        ("10.1", "11.0", True),  # one chip under two numbers
        ("11.0", "10.1", True),
        ("10.0", "12.0", False),
        ("12.0", "12.1", True),
        ("12.1", "12.0", False),
        ("3.5", "3.7", True),  # no row: the general rule
        ("3.7", "3.5", False),
        ("3.5", "5.0", False),
    ],
)
def test_where_machine_code_runs(code: str, target: str, runs: bool) -> None:
    assert sass_runs_on(cc(code), cc(target), facts().sass_rules) is runs


# --- wheels


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


# --- toolkits


@pytest.mark.parametrize(
    ("cuda", "target", "compiled"),
    [
        ("11.8", "3.5", "3.5"),
        ("11.8", "5.2", "5.2"),
        ("11.8", "8.9", "8.9"),
        ("11.8", "9.0", "9.0"),
        ("11.8", "10.0", None),
        ("11.8", "12.0", None),
        ("11.8", "3.0", None),
        ("12.6", "3.7", None),
        ("12.8", "12.0", "12.0"),
        ("12.8", "12.1", "12.0"),
        ("12.8", "10.3", "10.0"),
        ("11.1", "8.9", "8.6"),
        ("13.0", "7.0", None),
        ("13.0", "7.5", "7.5"),
    ],
)
def test_what_a_toolkit_compiles_for_a_target(cuda: str, target: str, compiled: str | None) -> None:
    expected = None if compiled is None else cc(compiled)
    assert compiled_for(cc(target), toolkit(cuda), facts().sass_rules) == expected


def test_only_12_8_and_12_9_compile_for_maxwell_and_blackwell() -> None:
    found = [str(fact.cuda) for fact in toolkits_compiling([cc("5.2"), cc("12.0")], facts())]
    assert found == ["12.8", "12.9"]


# --- drivers


@pytest.mark.parametrize(
    ("cuda", "target", "floor", "below"),
    [
        ("11.8", "7.5", "450.80.02", "450.51.06"),
        ("12.1", "7.5", "525.60.13", "520.61.05"),
        ("12.8", "8.6", "525.60.13", "525.60.11"),
        ("13.0", "8.6", "580.65.06", "575.57.08"),
    ],
)
def test_a_cuda_major_has_its_driver_floor(cuda: str, target: str, floor: str, below: str) -> None:
    assert objections(floor, target, cuda) == ""
    assert floor in objections(below, target, cuda)


@pytest.mark.parametrize("target", ["10.0", "12.0", "12.1"])
def test_blackwell_needs_branch_570(target: str) -> None:
    assert "570" in objections("565.57.01", target, "12.6")
    assert objections("570.26", target, "12.6") == ""


@pytest.mark.parametrize("target", ["5.0", "5.2", "6.1", "7.0", "7.2"])
def test_580_is_the_last_branch_below_7_5(target: str) -> None:
    assert objections("580.65.06", target, "12.6") == ""
    assert "no longer drives" in objections("590.44.01", target, "12.6")


def test_a_branch_after_590_drives_no_more_than_590() -> None:
    assert "no longer drives" in objections("610.43.02", "7.0", "12.6")
    assert objections("610.43.02", "7.5", "12.6") == ""


@pytest.mark.parametrize(("driver", "drives"), [("470.256.02", True), ("535.54.03", False), ("580.65.06", False)])
def test_470_is_the_last_branch_for_kepler(driver: str, drives: bool) -> None:
    assert (objections(driver, "3.5", "11.8") == "") is drives


def test_without_rows_about_branches_nothing_is_known() -> None:
    from dataclasses import replace

    assert oldest_driven(DriverVersion.parse("590.1"), replace(facts(), driver_branches=())) is None


def test_every_objection_is_told() -> None:
    assert len(driver_objections(DriverVersion.parse("450.80.02"), cc("12.0"), CudaVersion(12, 8), facts())) == 2


# --- base images


@pytest.mark.parametrize(
    ("image", "card", "driver", "refused"),
    [
        (BINARY_BASE, "NVIDIA GeForce RTX 4090", "565.57.01", True),
        (BINARY_BASE, "GeForce GTX 1660", "535.54.03", True),
        (BINARY_BASE, "NVIDIA GeForce RTX 4090", "570.26", False),
        (BINARY_BASE, "NVIDIA A100-SXM4-40GB", "535.54.03", False),  # its brand is let in
        (BINARY_BASE, None, "535.54.03", False),
        (SOURCE_BASE, "NVIDIA GeForce GTX 970", "470.82.01", False),
        ("debian:bookworm", "NVIDIA GeForce RTX 4090", "470.82.01", False),
    ],
)
def test_the_12_8_image_refuses_geforce_hosts_below_570(
    image: str, card: str | None, driver: str, refused: bool
) -> None:
    said = image_objection(image, card, DriverVersion.parse(driver), facts())
    assert (said is not None) is refused
    if said is not None:
        assert "570" in said
        assert driver in said
