from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.gpu.interface import Gpu
from poetry_gpu_build.gpu.platforms import Platform
from poetry_gpu_build.gpu.platforms import read_platform
from poetry_gpu_build.values import ComputeCapability

if TYPE_CHECKING:
    from pathlib import Path

GTX_970 = Gpu(capability=ComputeCapability(5, 2), reported_by="NVML", name="GeForce GTX 970")
RTX_4070 = Gpu(capability=ComputeCapability(8, 9), reported_by="NVML", name="NVIDIA GeForce RTX 4070 Laptop GPU")


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True)
    (root / name).write_text(text, encoding="utf-8")


def test_a_plain_machine_has_nothing_to_tell(tmp_path: Path) -> None:
    platform = read_platform(tmp_path)

    assert platform == Platform()
    assert platform.notes([GTX_970]) == ()


def test_a_jetson_is_known_by_its_release_file(tmp_path: Path) -> None:
    write(tmp_path, "etc/nv_tegra_release", "# R36 (release), REVISION: 4.3\n")

    [note] = read_platform(tmp_path).notes([])

    assert "x86 images" in note


@pytest.mark.parametrize(
    ("kernel", "is_wsl2"),
    [
        ("Linux version 5.15.167.4-microsoft-standard-WSL2 (root@f9c826d3017f) (gcc (GCC) 11.2.0)", True),
        ("Linux version 6.6.0-custom-WSL2+ (me@home)", True),
        ("Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)", False),  # WSL1: no GPU
        ("Linux version 6.1.0-31-amd64 (debian-kernel@lists.debian.org)", False),
    ],
)
def test_wsl2_is_known_by_its_kernel(tmp_path: Path, kernel: str, is_wsl2: bool) -> None:
    write(tmp_path, "proc/version", kernel)

    assert read_platform(tmp_path).is_wsl2 is is_wsl2


def test_wsl2_does_not_support_maxwell() -> None:
    assert Platform(is_wsl2=True).notes([GTX_970, RTX_4070]) == (
        "NVIDIA does not support GPUs older than Pascal (6.0) under WSL2: GeForce GTX 970 (5.2)",
    )


def test_wsl2_with_newer_cards_has_nothing_to_tell() -> None:
    assert Platform(is_wsl2=True).notes([RTX_4070]) == ()
