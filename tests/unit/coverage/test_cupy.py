from __future__ import annotations

import pytest

from poetry_gpu_build.coverage import cupy
from poetry_gpu_build.facts.load import load_packages
from poetry_gpu_build.facts.rows import CupyFact
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import DriverVersion

from ..builders import cc
from ..builders import facts
from ..builders import required

PACKAGES = load_packages(policies_dir() / "facts")


def row(major: int) -> CupyFact:
    return next(fact for fact in PACKAGES.cupy if fact.cuda_major == major)


@pytest.mark.parametrize(
    ("major", "targets", "compiles"),
    [
        (11, ["3.5"], True),
        (11, ["5.2"], True),
        (12, ["5.2", "12.0"], True),
        (12, ["3.5"], False),
        (13, ["6.1"], False),  # cupy/cupy issue 9475
        (13, ["7.0"], False),
        (13, ["7.5"], True),
        (13, ["7.0", "7.5"], False),
        (13, [], True),
    ],
)
def test_for_which_gpus_its_kernels_are_compiled(major: int, targets: list[str], compiles: bool) -> None:
    assert cupy.compiles_for(row(major), [cc(target) for target in targets]).runs is compiles


def test_the_gpus_that_are_too_old_are_named_together() -> None:
    answer = cupy.compiles_for(row(13), [cc("5.2"), cc("6.1"), cc("8.6")])
    assert "from 7.5 on, not for 5.2, 6.1" in answer.because
    assert answer.doubt == "user reports"


@pytest.mark.parametrize(
    ("major", "driver", "runs"),
    [
        (11, "450.80.02", True),
        (11, "440.33.01", False),
        (12, "525.60.13", True),
        (12, "470.82.01", False),
        (13, "580.65.06", True),
        (13, "570.124.06", False),
    ],
)
def test_its_cuda_major_has_a_driver_floor(major: int, driver: str, runs: bool) -> None:
    answer = cupy.driver_runs(row(major), DriverVersion.parse(driver), facts())
    assert answer is not None
    assert answer.runs is runs
    assert driver in answer.because


def test_of_a_cuda_major_that_is_not_known_nothing_is_said() -> None:
    future = CupyFact("cupy-cuda99x", 99, cc("9.0"), None, row(13).evidence)
    assert cupy.driver_runs(future, DriverVersion.parse("580.65.06"), facts()) is None


@pytest.mark.parametrize(
    ("major", "at_hand", "has"),
    [(12, ["12.8"], True), (12, ["11.8"], False), (11, ["12.8", "11.8"], True), (13, ["12.8", "12.6"], False)],
)
def test_its_libraries_come_from_the_image(major: int, at_hand: list[str], has: bool) -> None:
    answer = cupy.has_libraries(row(major), [CudaVersion.parse(text) for text in at_hand])
    assert answer.runs is has
    assert all(text in answer.because for text in at_hand)


def test_with_its_extra_it_brings_them_along() -> None:
    assert cupy.has_libraries(row(13), [CudaVersion(11, 8)], {"ctk"}).runs


@pytest.mark.parametrize(
    ("major", "version", "numpy", "takes"),
    [
        (11, "13.6.0", "1.26.4", True),
        (11, "13.6.0", ">=2", True),
        (11, "13.6.0", ">=2.6", False),
        (12, "13.4.0", "2.2.6", True),
        (12, "13.4.0", ">=2.3", False),
        (12, "14.2.0", "<2", False),
        (12, "14.2.0", ">=1.26", True),
        (12, "*", "<2", True),  # an older CuPy does
        (12, None, "<2", True),
        (12, ">=14", None, True),  # not told: it may be any
        (11, ">=13", ">=1.20,<1.22", False),
    ],
)
def test_it_takes_a_range_of_numpy(major: int, version: str | None, numpy: str | None, takes: bool) -> None:
    fact = row(major)
    answer = cupy.takes_numpy(fact, required(fact.package, version), required("numpy", numpy), PACKAGES.cupy_numpy)
    assert answer is not None
    assert answer.runs is takes
    assert answer.doubt is None


def test_a_distribution_that_ended_takes_what_its_last_release_takes() -> None:
    # No cupy-cuda11x 14 will ask for NumPy 2 only.
    answer = cupy.takes_numpy(row(11), required("cupy-cuda11x", "*"), required("numpy", ">=2.6"), PACKAGES.cupy_numpy)
    assert answer is not None
    assert "2.0" not in answer.because


def test_of_a_version_that_nobody_has_read_nothing_is_said() -> None:
    assert (
        cupy.takes_numpy(row(12), required("cupy-cuda12x", "8.0"), required("numpy", "*"), PACKAGES.cupy_numpy) is None
    )
    assert (
        cupy.takes_numpy(row(11), required("cupy-cuda11x", "14.0"), required("numpy", "*"), PACKAGES.cupy_numpy) is None
    )
