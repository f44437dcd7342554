from __future__ import annotations

import pytest

from poetry_gpu_build.coverage.drivers import driver_objections
from poetry_gpu_build.coverage.hosts import driver_needed
from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import DriverVersion

from ..builders import cc
from ..builders import facts

CUDA_12 = "nvidia/cuda:12.8.1-devel-ubuntu22.04"
CUDA_11 = "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04"


@pytest.mark.parametrize(
    ("target", "card", "cuda", "image", "oldest", "last", "excepted"),
    [
        ("8.9", "GeForce RTX 4090", "12.8", CUDA_12, "570", None, []),
        ("8.9", "GeForce RTX 4090", "12.8", "mine:12.8", "525.60.13", None, []),
        ("8.9", None, "12.8", CUDA_12, "570", None, [535, 550, 560, 565]),
        ("12.0", "GeForce RTX 5090", "12.8", "mine:12.8", "570", None, []),  # the first branch for Blackwell
        ("5.2", "GeForce GTX 970", "11.8", CUDA_11, "520", 580, [470]),
        ("5.2", "GeForce GTX 970", "11.8", "mine:11.8", "450.80.02", 580, []),
        ("3.5", "GeForce GTX 780", "11.8", CUDA_11, "470", 470, []),
        ("3.5", None, "11.8", CUDA_11, None, 470, [470]),
        ("8.0", "Tesla A30", "12.8", CUDA_12, "560", None, [535, 550]),
        ("7.5", "Tesla T4", "13.0", "mine:13.0", "580.65.06", None, []),
    ],
)
def test_the_driver_that_a_host_needs(
    target: str, card: str | None, cuda: str, image: str, oldest: str | None, last: int | None, excepted: list[int]
) -> None:
    needed = driver_needed(cc(target), card, CudaVersion.parse(cuda), image, facts())
    assert needed is not None
    assert (None if needed.oldest is None else str(needed.oldest)) == oldest
    assert needed.last == last
    assert list(needed.excepted) == excepted
    assert needed.rows


@pytest.mark.parametrize("target", ["5.2", "7.0", "8.9", "12.0"])
def test_the_driver_that_is_named_runs_it_and_those_below_do_not(target: str) -> None:
    cuda = CudaVersion.parse("12.8")
    needed = driver_needed(cc(target), None, cuda, "mine", facts())
    assert needed is not None
    assert needed.oldest is not None
    assert driver_objections(needed.oldest, cc(target), cuda, facts()) == ()
    older = DriverVersion.parse(f"{needed.oldest.branch - 1}.99")
    assert driver_objections(older, cc(target), cuda, facts())


def test_who_refuses_the_older_ones_is_told_apart() -> None:
    by_image = driver_needed(cc("8.9"), "GeForce RTX 4090", CudaVersion(12, 8), CUDA_12, facts())
    by_card = driver_needed(cc("12.0"), "GeForce RTX 5090", CudaVersion(12, 8), CUDA_12, facts())
    assert by_image is not None
    assert by_card is not None
    assert by_image.image_refuses_older
    assert not by_card.image_refuses_older


def test_where_no_driver_would_do_there_is_none() -> None:
    # CUDA 13 starts with branch 580, and 470 is the last for Kepler.
    assert driver_needed(cc("3.5"), None, CudaVersion.parse("13.0"), "mine", facts()) is None
