"""What an error means for a project: by its pin, its policy, the facts and the cards, not by the words alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ...builders import gpu
from .texts import outside
from .texts import project
from .texts import the

if TYPE_CHECKING:
    from poetry_gpu_build.doctor.explain.situation import Situation

GTX_970 = gpu("5.2", name="GeForce GTX 970", driver="535.54.03")
HERE: list[tuple[str, str, Situation, str]] = [
    # 11040 is CUDA's own way to write 11.4.
    ("driver-too-old", "The NVIDIA driver on your system is too old (found version 11040).", outside(), "CUDA 11.4"),
    # Machine code of CUDA 12.x runs from driver 525.60.13 on (minor-version compatibility).
    ("driver-too-old", "CUDA driver version is insufficient for CUDA runtime version", project(), "525.60.13"),
    # 580 is the last branch that drives Maxwell.
    ("no-gpu-visible", "RuntimeError: No CUDA GPUs are available", outside(GTX_970), "580 is the last"),
    (
        "nvcc-architecture",
        "nvcc fatal   : Unsupported gpu architecture 'compute_120'",
        project(),
        "CUDA 11.8 cannot compile for 12.0",
    ),
    (
        "nvcc-architecture",
        "/usr/local/cuda-13.0/bin/nvcc\nnvcc fatal   : Unsupported gpu architecture 'compute_52'",
        outside(),
        "CUDA 13.0 cannot compile for 5.2",
    ),
    (
        "gcc-too-new",
        "#error -- unsupported GNU version! gcc versions later than 11 are not supported!",
        project(),
        "CUDA 11.8 of the source mode accepts gcc up to 11",
    ),
    # cuDNN 9.11 and newer begin at 7.5; 9.10.2 still serves 5.0.
    (
        "cudnn-architecture",
        "nvidia-cudnn-cu12==9.11.0.98\ncuDNN error: CUDNN_STATUS_ARCH_MISMATCH",
        outside("6.1"),
        "serves GPUs from 7.5 on, and this one is 6.1",
    ),
    (
        "cupy-architecture",
        "nvrtc: error: invalid value for --gpu-architecture (-arch)\n-arch=compute_61",
        outside(),
        "to 12.9 compile for 6.1",
    ),
    ("unsupported-ptx", "the provided PTX was compiled with an unsupported toolchain.", project(GTX_970), "570.26"),
    ("torch-without-cuda", "Torch not compiled with CUDA enabled", project(wheel="2.7.1+cpu"), "the wheel for the CPU"),
    (
        "base-image-gone",
        "docker.io/nvidia/cuda:12.8.1-devel-ubuntu22.04: not found",
        project(),
        "base image of the binary mode",
    ),
    ("copy-not-found", 'failed to compute cache key: "/poetry.lock": not found', project(), 'lock = "exclude"'),
    (
        "copy-not-found",
        'failed to compute cache key: "/poetry.lock": not found',
        project(settings='lock = "require"'),
        'lock = "require"',
    ),
    (
        "compiler-out-of-memory",
        "nvcc error   : 'cicc' died due to signal 9 (Kill signal)",
        project(settings="modes.source.memory-per-job = 6"),
        "counts 6 GiB of free memory for each job",
    ),
    (
        "no-torch",
        "ModuleNotFoundError: No module named 'torch'",
        project(settings='torch-group = "gpu"'),
        "from the group gpu",
    ),
    ("poetry-replaces-torch", "  - Updating torch (2.4.1 -> 2.7.1+cu128)", project(), "empties /opt/torch"),
    ("poetry-replaces-torch", "  - Updating torch (2.6.0 -> 2.7.1+cu128)", project(), "in the binary image"),
    (
        "poetry-stale-lock",
        "pyproject.toml changed significantly since poetry.lock was last generated.",
        project(),
        "exclude",
    ),
    (
        "poetry-no-candidates",
        "Unable to find installation candidates for torch (2.7.1+cu128)",
        project(),
        "Python is 3.10",
    ),
    ("missing-library", "libcuda.so.1: cannot open shared object file", outside(), "the driver's own"),
    ("group-not-found", "Group(s) not found: binary-torch (via --without)", project(), "the policy expects torch in"),
    ("step-failed", "did not complete successfully: exit code: 127", outside(), "no such program"),
]


@pytest.mark.parametrize(("name", "text", "situation", "said"), HERE)
def test_it_is_said_here(name: str, text: str, situation: Situation, said: str) -> None:
    assert any(said in sentence for sentence in the(name, text, situation).here)


WAYS: list[tuple[str, str, Situation, str]] = [
    # CUDA 12.8 is the first that compiles for 12.0.
    ("nvcc-architecture", "nvcc fatal   : Unsupported gpu architecture 'compute_120'", project(), "CUDA 12.8 to"),
    (
        "selection-expression",
        "open docker/Dockerfile.sourcetrue: no such file",
        project(),
        "${GPU_BUILD_DOCKERFILE:-docker/Dockerfile}",
    ),
    (
        "selection-expression",
        "open docker/Dockerfile.sourcefalse: no such file",
        project(settings='modes.binary.dockerfile = "build/Dockerfile"'),
        "${GPU_BUILD_DOCKERFILE:-build/Dockerfile}",
    ),
    ("poetry-no-candidates", "Unable to find installation candidates for torch (2.7.1+cu128)", project(), "whl/cu128"),
    (
        "gcc-too-new",
        "unsupported GNU version! gcc versions later than 11 are not supported!",
        outside(),
        "gcc-11 g++-11",
    ),
    ("no-binary-for-gpu", "CUDA_ERROR_NO_BINARY_FOR_GPU", outside("6.1"), "--runs-on 6.1"),
    ("library-mismatch", "libtorch_cpu.so: undefined symbol: iJIT_NotifyEvent", outside(), "mkl<2024.1"),
    ("no-docker-daemon", "permission denied while trying to connect to the Docker daemon socket", outside(), "usermod"),
    (
        "no-docker-daemon",
        "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
        outside(),
        "systemctl start",
    ),
    ("no-kernel-image", "no kernel image is available for execution on the device", project("5.2"), "--from-source"),
    ("no-kernel-image", "no kernel image is available for execution on the device", outside(), "--dry-run"),
]


@pytest.mark.parametrize(("name", "text", "situation", "said"), WAYS)
def test_it_is_said_what_to_do(name: str, text: str, situation: Situation, said: str) -> None:
    assert any(said in way for way in the(name, text, situation).ways_out)


def test_of_a_pin_that_names_no_build_it_is_said_that_nothing_is_known() -> None:
    text = "no kernel image is available for execution on the device"
    assert any("is not known" in each for each in the("no-kernel-image", text, project("6.1", wheel=None)).here)
