from __future__ import annotations

from dataclasses import replace

import pytest

from poetry_gpu_build.coverage.drivers import cuda_of
from poetry_gpu_build.coverage.drivers import driver_objections
from poetry_gpu_build.coverage.drivers import drives
from poetry_gpu_build.coverage.drivers import last_branch_for
from poetry_gpu_build.coverage.drivers import some_branch_drives
from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import DriverVersion

from ..builders import cc
from ..builders import facts


def objections(driver: str, target: str, cuda: str) -> str:
    found = driver_objections(DriverVersion.parse(driver), cc(target), CudaVersion.parse(cuda), facts())
    return "; ".join(objection.because for objection in found)


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


def test_a_windows_number_of_branch_580_still_drives_pascal() -> None:
    assert objections("581.80", "6.1", "12.6") == ""


def test_a_branch_after_590_drives_no_more_than_590() -> None:
    assert "no longer drives" in objections("610.43.02", "7.0", "12.6")
    assert objections("610.43.02", "7.5", "12.6") == ""


@pytest.mark.parametrize(("driver", "drives"), [("470.256.02", True), ("535.54.03", False), ("580.65.06", False)])
def test_470_is_the_last_branch_for_kepler(driver: str, drives: bool) -> None:
    assert (objections(driver, "3.5", "11.8") == "") is drives


def test_without_rows_about_branches_nothing_is_known() -> None:
    unknown = replace(facts(), driver_branches=())
    assert some_branch_drives(cc("3.0"), unknown)
    assert last_branch_for(cc("3.5"), unknown) is None


@pytest.mark.parametrize(
    ("target", "too_old", "enough"),
    [
        ("7.0", "375.82", "384.81"),
        ("7.5", "396.82", "410.48"),
        ("8.0", "440.118.02", "450.51.05"),
        ("8.6", "440.118.02", "455.23.04"),
        ("8.9", "515.105.01", "520.56.06"),
        ("9.0", "515.105.01", "520.61.05"),
        ("10.0", "565.77", "570.26"),
    ],
)
def test_no_branch_drives_a_gpu_that_is_newer_than_itself(target: str, too_old: str, enough: str) -> None:
    def is_driven(driver: str) -> bool:
        return all(answer.runs for answer in drives(DriverVersion.parse(driver), cc(target), facts()))

    assert not is_driven(too_old)
    assert is_driven(enough)


@pytest.mark.parametrize(("target", "driver"), [("8.9", "470.256.02"), ("9.0", "450.248.02"), ("8.9", "510.108.03")])
def test_a_branch_that_is_maintained_for_older_gpus_is_still_too_old(target: str, driver: str) -> None:
    assert "branch 520 or newer" in objections(driver, target, "11.8")


def test_no_floor_is_above_the_driver_of_the_first_toolkit_that_compiles_for_the_gpu() -> None:
    for floor in facts().driver_floors:
        for toolkit in facts().toolkits:
            released = toolkit.driver_released_with
            if released is not None and any(code >= floor.capability for code in toolkit.compiles):
                oldest = max(
                    each.branch
                    for each in facts().driver_floors
                    if any(code >= each.capability for code in toolkit.compiles)
                )
                assert released.branch >= oldest, toolkit.cuda


def test_the_floors_ascend_with_the_gpus() -> None:
    floors = sorted((floor.capability, floor.branch) for floor in facts().driver_floors)
    assert [branch for _, branch in floors] == sorted({branch for _, branch in floors})


@pytest.mark.parametrize(
    ("linux", "windows", "target", "cuda"),
    [
        ("450.80.02", "452.39", "8.0", "11.8"),
        ("520.56.06", "522.25", "8.9", "11.8"),
        ("525.60.13", "527.41", "8.9", "12.8"),
        ("535.183.01", "538.78", "8.9", "12.8"),
        ("570.26", "572.16", "12.0", "12.8"),
        ("580.65.06", "581.80", "8.9", "13.0"),
        ("515.105.01", "516.94", "8.9", "11.8"),
        ("565.77", "566.36", "12.0", "12.8"),
        ("575.57.08", "576.57", "8.9", "13.0"),
        ("580.65.06", "582.28", "5.2", "12.6"),
        ("590.44.01", "591.44", "6.1", "12.6"),
    ],
)
def test_windows_numbers_of_a_branch_are_judged_as_linux_ones(linux: str, windows: str, target: str, cuda: str) -> None:
    # WSL2 shows Windows' number: one branch, rounded up.
    assert (objections(linux, target, cuda) == "") is (objections(windows, target, cuda) == "")


def test_every_objection_is_told() -> None:
    assert len(driver_objections(DriverVersion.parse("450.80.02"), cc("12.0"), CudaVersion(12, 8), facts())) == 2


def test_an_objection_cites_the_row_that_decided() -> None:
    [objection] = driver_objections(DriverVersion.parse("590.44.01"), cc("5.2"), CudaVersion(11, 8), facts())
    assert [row.evidence.status for row in objection.rows] == ["documented"]


@pytest.mark.parametrize(
    ("target", "branch"), [("3.5", 470), ("5.2", 580), ("7.0", 580), ("7.5", None), ("12.0", None)]
)
def test_the_last_branch_for_a_card(target: str, branch: int | None) -> None:
    row = last_branch_for(cc(target), facts())
    assert (None if row is None else row.branch) == branch
    assert some_branch_drives(cc(target), facts())


def test_a_card_that_no_branch_drives_is_told_from_one_that_the_newest_does() -> None:
    assert last_branch_for(cc("3.0"), facts()) is None
    assert not some_branch_drives(cc("3.0"), facts())


@pytest.mark.parametrize(
    ("driver", "cuda"),
    [
        ("570.124.06", "12.8"),
        ("565.57.01", "12.6"),  # it says 12.7, of which there is no toolkit
        ("550.54.14", "12.4"),
        ("535.54.03", "12.2"),
        ("525.60.11", "12.0"),  # older than the toolkit's own driver, of its branch
        ("520.61.05", "11.8"),
        ("470.82.01", "11.4"),
        ("450.51.05", "11.0"),
        ("390.157", None),
    ],
)
def test_the_cuda_that_a_driver_reports(driver: str, cuda: str | None) -> None:
    expected = None if cuda is None else CudaVersion.parse(cuda)
    assert cuda_of(DriverVersion.parse(driver), facts()) == expected
