from __future__ import annotations

import pytest

from poetry_gpu_build.coverage.base_images import Host
from poetry_gpu_build.coverage.base_images import admits
from poetry_gpu_build.coverage.base_images import brand_of
from poetry_gpu_build.coverage.base_images import image_starts
from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import DriverVersion

from ..builders import facts

BINARY_BASE = "nvidia/cuda:12.8.1-devel-ubuntu22.04"
SOURCE_BASE = "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04"


@pytest.mark.parametrize(
    ("image", "card", "driver", "refused"),
    [
        (BINARY_BASE, "NVIDIA GeForce RTX 4090", "565.57.01", True),
        (BINARY_BASE, "GeForce GTX 1660", "535.54.03", True),
        (BINARY_BASE, "NVIDIA GeForce RTX 4090", "570.26", False),
        (BINARY_BASE, "NVIDIA A100-SXM4-40GB", "535.54.03", False),  # whatever its brand, one alternative may fit
        (BINARY_BASE, "NVIDIA A100-SXM4-40GB", "545.23.06", True),  # no alternative names this branch
        (BINARY_BASE, "Tesla T4", "535.54.03", False),
        (BINARY_BASE, None, "535.54.03", False),
        (SOURCE_BASE, "NVIDIA GeForce GTX 970", "470.82.01", False),  # 11.8 lets GeForce in on branch 470
        (SOURCE_BASE, "NVIDIA GeForce GTX 970", "510.39.01", True),
        (SOURCE_BASE, "NVIDIA GeForce GTX 970", "520.61.05", False),
    ],
)
def test_which_hosts_the_base_images_refuse(image: str, card: str | None, driver: str, refused: bool) -> None:
    answer = image_starts(image, card, DriverVersion.parse(driver), facts())
    assert answer is not None
    assert answer.runs is not refused
    assert driver in answer.because
    assert answer.doubt == "secondary"


def test_a_refusal_names_the_branch_that_is_let_in() -> None:
    answer = image_starts(BINARY_BASE, "NVIDIA GeForce RTX 4090", DriverVersion.parse("550.54.14"), facts())
    assert answer is not None
    assert "cuda>=12.8, which is driver branch 570 or newer" in answer.because


def test_of_an_unknown_image_nothing_is_said() -> None:
    assert image_starts("debian:bookworm", "GeForce GTX 970", DriverVersion.parse("470.82.01"), facts()) is None


def test_what_was_read_from_the_image_itself_comes_before_the_facts() -> None:
    answer = image_starts(BINARY_BASE, "GeForce RTX 4090", DriverVersion.parse("550.54.14"), facts(), "cuda>=12.4")
    assert answer is not None
    assert answer.runs
    assert answer.rows == ()


HOST = Host(CudaVersion(12, 4), DriverVersion.parse("550.54.14"), "geforce")


@pytest.mark.parametrize(
    ("requires", "is_admitted"),
    [
        ("", True),
        ("cuda>=12.4", True),
        ("cuda>=12.8", False),
        ("cuda>12.4", False),
        ("cuda=12.4", True),
        ("cuda!=12.4", False),
        ("cuda<13", True),
        ("driver>=550,driver<551", True),
        ("driver>=550.54.15", False),
        ("driver<=550", True),
        ("brand=geforce", True),
        ("brand=tesla", False),
        ("brand!=geforce", False),
        ("brand!=tesla", True),
        ("cuda>=12.8 brand=geforce,driver>=550,driver<551", True),
        ("cuda>=12.8 brand=tesla,driver>=550,driver<551", False),
        ("arch>=7.5", True),  # the architecture is another question's
        ("nonsense", True),
        ("cuda>=x", True),
    ],
)
def test_one_alternative_must_hold_with_all_its_conditions(requires: str, is_admitted: bool) -> None:
    assert admits(requires, HOST) is is_admitted


def test_a_condition_on_what_is_not_known_is_taken_to_hold() -> None:
    assert admits("cuda>=12.8,brand=tesla", Host(None, DriverVersion.parse("390.157"), None))


@pytest.mark.parametrize(
    ("card", "brand"),
    [
        ("NVIDIA GeForce GTX 970", "geforce"),
        ("NVIDIA GeForce RTX 5090", "geforcertx"),
        ("Quadro P4000", "quadro"),
        ("Quadro RTX 5000", "quadrortx"),
        ("NVIDIA TITAN V", "titan"),
        ("TITAN RTX", "titanrtx"),
        ("Tesla V100-SXM2-16GB", "tesla"),
        ("NVIDIA RTX A6000", None),
        ("NVIDIA H200", None),
        (None, None),
    ],
)
def test_the_brand_by_the_name(card: str | None, brand: str | None) -> None:
    assert brand_of(card) == brand
