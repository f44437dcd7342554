from __future__ import annotations

import pytest

from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import DriverVersion
from poetry_gpu_build.values import TorchBuild

CAPABILITIES = ["2.0", "3.5", "5.0", "5.2", "6.1", "7.5", "8.9", "9.0", "10.0", "10.3", "12.0", "12.1"]


@pytest.mark.parametrize("text", ["5.2", "52", "sm_52", "SM_52", "compute_52", "Compute_52", " 5.2\n"])
def test_a_capability_is_read_in_every_notation(text: str) -> None:
    assert ComputeCapability.parse(text) == ComputeCapability(5, 2)


@pytest.mark.parametrize(
    ("text", "major", "minor"), [("120", 12, 0), ("sm_103", 10, 3), ("compute_121", 12, 1), ("10.0", 10, 0)]
)
def test_three_digits_are_a_major_of_two(text: str, major: int, minor: int) -> None:
    assert ComputeCapability.parse(text) == ComputeCapability(major, minor)


@pytest.mark.parametrize("text", CAPABILITIES)
def test_a_capability_prints_what_it_reads(text: str) -> None:
    assert str(ComputeCapability.parse(text)) == text


@pytest.mark.parametrize("text", CAPABILITIES)
def test_the_name_of_its_machine_code_reads_back(text: str) -> None:
    capability = ComputeCapability.parse(text)
    assert ComputeCapability.parse(capability.sm) == capability


def test_capabilities_compare_by_number_and_not_by_text() -> None:
    assert sorted(map(ComputeCapability.parse, reversed(CAPABILITIES))) == list(
        map(ComputeCapability.parse, CAPABILITIES)
    )


@pytest.mark.parametrize(
    "text", ["", " ", "5", "5.", ".2", "5.22", "5,2", "5.2.0", "sm_", "sm_90a", "sm52", "GTX 970", "-5.2", "1e1", "a.b"]
)
def test_what_is_no_capability_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="not a compute capability") as caught:
        ComputeCapability.parse(text)
    assert caught.value.ways_out


@pytest.mark.parametrize(("text", "meant"), [("10", "10.0"), ("12", "12.0"), ("1.2", "12.0")])
def test_a_major_number_alone_is_refused_with_what_was_meant(text: str, meant: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        ComputeCapability.parse(text)
    assert meant in caught.value.ways_out[0]


@pytest.mark.parametrize("text", ["12.8", "12.8.1", "cu128", "CU128", " 12.8 "])
def test_a_cuda_version_is_its_major_and_minor(text: str) -> None:
    assert CudaVersion.parse(text) == CudaVersion(12, 8)


@pytest.mark.parametrize(("text", "variant"), [("11.8.0", "cu118"), ("12.8", "cu128"), ("13.0", "cu130")])
def test_a_cuda_version_names_its_wheels(text: str, variant: str) -> None:
    assert CudaVersion.parse(text).variant == variant
    assert CudaVersion.parse(variant) == CudaVersion.parse(text)


@pytest.mark.parametrize("text", ["", "12", "cu12", "cu1280", "12.8-devel", "rocm6.1", "cpu"])
def test_what_is_no_cuda_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="not a CUDA version"):
        CudaVersion.parse(text)


@pytest.mark.parametrize(
    ("text", "version", "variant"),
    [
        ("2.7.1+cu128", "2.7.1", "cu128"),
        ("2.7.1", "2.7.1", None),
        ("v2.4.1", "2.4.1", None),
        ("2.6.0+cpu", "2.6.0", "cpu"),
        ("2.5.1+rocm6.2", "2.5.1", "rocm6.2"),
        ("2.8.0.dev20250101+cu128", "2.8.0.dev20250101", "cu128"),
        ("2.4.0a0+gitee1b680", "2.4.0a0", "gitee1b680"),
        ("2.7.0rc1", "2.7.0rc1", None),
    ],
)
def test_a_torch_build_is_a_release_and_a_variant(text: str, version: str, variant: str | None) -> None:
    assert TorchBuild.parse(text) == TorchBuild(version, variant)


@pytest.mark.parametrize("text", ["2.7.1+cu128", "2.7.1", "2.6.0+cpu"])
def test_a_torch_build_prints_what_it_reads(text: str) -> None:
    assert str(TorchBuild.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "cuda"),
    [
        ("2.7.1+cu128", CudaVersion(12, 8)),
        ("2.4.1+cu118", CudaVersion(11, 8)),
        ("2.7.1", None),
        ("2.7.1+cpu", None),
        ("2.5.1+rocm6.2", None),
    ],
)
def test_the_variant_tells_the_cuda(text: str, cuda: CudaVersion | None) -> None:
    assert TorchBuild.parse(text).cuda == cuda


@pytest.mark.parametrize("text", ["", "two", "2", "2.7.1+", "2.7.1+cu128+x", "^2.7", ">=2.6,<3", "2.7.x"])
def test_what_is_no_torch_build_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="not a version of torch"):
        TorchBuild.parse(text)


@pytest.mark.parametrize(
    ("older", "newer"),
    [("450.80.02", "450.80.10"), ("450.80.02", "570.26"), ("99.1", "450.80.02"), ("570.26", "570.124.06")],
)
def test_drivers_compare_number_by_number(older: str, newer: str) -> None:
    assert DriverVersion.parse(older) < DriverVersion.parse(newer)
    assert DriverVersion.parse(newer) >= DriverVersion.parse(older)


def test_a_driver_is_at_least_itself() -> None:
    assert DriverVersion.parse("525.60.13") >= DriverVersion.parse("525.60.13")
    assert not DriverVersion.parse("525.60.13") < DriverVersion.parse("525.60.13")


def test_a_driver_keeps_its_zeros_and_knows_its_branch() -> None:
    driver = DriverVersion.parse("450.80.02")
    assert (str(driver), driver.branch) == ("450.80.02", 450)


@pytest.mark.parametrize("text", ["", "570", "570.", "570.x", "N/A", "[N/A]", "12345.1"])
def test_what_is_no_driver_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="not a driver version"):
        DriverVersion.parse(text)
