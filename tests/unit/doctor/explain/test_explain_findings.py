"""The failures that were met before the first line was written: each is recognised, and told what it means here."""

from __future__ import annotations

import pytest

from .texts import explained
from .texts import names
from .texts import outside
from .texts import project
from .texts import the

SUPPORTS = "The current PyTorch install supports CUDA capabilities {}."
CU128 = "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120"
INCOMPATIBLE = "{} with CUDA capability {} is not compatible with the current PyTorch installation."
KERNEL = "RuntimeError: CUDA error: no kernel image is available for execution on the device"

FAILURES = {
    # astral-sh/uv#14742
    "GTX 10xx with cu128": ("no-kernel-image", KERNEL),
    # vllm-project/vllm#19185
    "V100 out of cu128": (
        "torch-lacks-gpu",
        f"{INCOMPATIBLE.format('Tesla V100-PCIE-16GB', 'sm_70')}\n{SUPPORTS.format(CU128)}",
    ),
    # pytorch/pytorch#150733
    "RTX 5090": (
        "torch-lacks-gpu",
        (
            f"{INCOMPATIBLE.format('NVIDIA GeForce RTX 5090 D', 'sm_120')}\n"
            f"{SUPPORTS.format('sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90')}"
        ),
    ),
    # pytorch/pytorch#95648
    "false alarm on RTX 40": (
        "torch-false-alarm",
        f"{INCOMPATIBLE.format('NVIDIA GeForce RTX 4090', 'sm_89')}\n{SUPPORTS.format('sm_80 sm_86 sm_90')}",
    ),
    # MauriceNino/dashdot#1226
    "container refused": (
        "container-requirement",
        (
            "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please update your "
            "driver to a newer "
            "version, or use an earlier cuda container: unknown"
        ),
    ),
    # huggingface/candle#733
    "compute_cap": ("smi-without-compute-cap", 'Field "compute_cap" is not a valid field to query.'),
    # cupy/cupy#9475
    "cupy-cuda13x on Pascal": ("cupy-architecture", "nvrtc: error: invalid value for --gpu-architecture (-arch)"),
    # cupy/cupy#5610
    "PTX newer than the driver": (
        "unsupported-ptx",
        "CUDA_ERROR_UNSUPPORTED_PTX_VERSION: the provided PTX was compiled with an unsupported toolchain.",
    ),
    "torch.compile below 7.0": (
        "triton-needs-newer-gpu",
        (
            "RuntimeError: Found Tesla P40 which is too old to be supported by the triton GPU compiler, "
            "which is used as the "
            "backend. Triton only supports devices of CUDA Capability >= 7.0, but your device is of CUDA capability 6.1"
        ),
    ),
    "flash attention below 8.0": (
        "flash-attention-needs-newer-gpu",
        "RuntimeError: FlashAttention only supports Ampere GPUs or newer.",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_each_is_recognised(failure: str) -> None:
    name, text = FAILURES[failure]
    assert names(text) == [name]


def test_mixed_boxes_are_told_card_by_card() -> None:
    # pytorch/pytorch#42301: two cards in one machine, and a torch that serves neither.
    text = "\n".join(
        [
            INCOMPATIBLE.format("NVIDIA GeForce GTX 1080", "sm_61"),
            SUPPORTS.format("sm_80 sm_86 sm_90"),
            INCOMPATIBLE.format("NVIDIA GeForce RTX 5090", "sm_120"),
            SUPPORTS.format("sm_80 sm_86 sm_90"),
            KERNEL,
        ]
    )
    explanations = explained(text).explanations
    assert [(each.name, each.values.get("capability")) for each in explanations] == [
        ("torch-lacks-gpu", "sm_61"),
        ("torch-lacks-gpu", "sm_120"),
        ("no-kernel-image", None),
    ]


def test_what_the_project_pins_is_held_against_the_card() -> None:
    explanation = the("no-kernel-image", KERNEL, project("6.1"))
    assert any(
        "pins torch 2.7.1+cu128" in sentence and "does not run on 6.1" in sentence for sentence in explanation.here
    )
    # 2.7.1 from PyPI is cu126, which was measured to hold sm_60 code.
    assert any("2.7.1 from PyPI (cu126)" in way for way in explanation.ways_out)


def test_the_evidence_is_shown_where_nobody_measured() -> None:
    # Of the row of 2.7.1+cu128 the status is secondary+user reports (policies/facts/torch_wheels.toml).
    explanation = the("no-kernel-image", KERNEL, project("6.1"))
    assert any("does not run on 6.1" in each and "(known by: " in each for each in explanation.here)


def test_a_card_of_the_text_counts_more_than_the_machine_s_own() -> None:
    text = f"{INCOMPATIBLE.format('NVIDIA GeForce GTX 1080', 'sm_61')}\n{SUPPORTS.format(CU128)}\n{KERNEL}"
    explanation = the("no-kernel-image", text, project("8.6"))
    assert any(" on 6.1" in sentence for sentence in explanation.here)
    assert not any(" on 8.6" in sentence for sentence in explanation.here)


def test_where_the_pinned_torch_runs_the_text_is_of_another() -> None:
    explanation = the("no-kernel-image", KERNEL, project("8.6"))
    assert any("another torch" in sentence for sentence in explanation.here)
    assert "poetry gpu-build verify IMAGE --gpu 8.6" in explanation.ways_out[0]


def test_outside_a_project_the_wheels_are_named_all_the_same() -> None:
    explanation = the("no-kernel-image", KERNEL, outside("12.0"))
    assert any("12.0" in way for way in explanation.ways_out)


def test_the_torch_that_the_text_speaks_of_is_held_against_the_card_too() -> None:
    text = (
        "UserWarning: Found GPU0 NVIDIA GeForce RTX 5060 Ti which is of compute capability (CC) 12.0.\n"
        "- 9.0 which supports hardware CC >=9.0,<10.0\n"
        "Your installed torch==2.6.0+cu124 does not include kernels for this GPU.\n"
    )
    explanation = the("torch-lacks-gpu", text, outside())
    # 2.6.0+cu124 holds 5.0 to 9.0.
    assert any("torch 2.6.0+cu124, which the text speaks of, does not run on 12.0" in each for each in explanation.here)


def test_the_code_for_8_6_runs_on_8_9() -> None:
    _, text = FAILURES["false alarm on RTX 40"]
    explanation = the("torch-false-alarm", text)
    assert any("sm_86 machine code runs on 8.9" in sentence for sentence in explanation.here)


def test_an_rtx_40_with_a_torch_that_ends_at_7_0_is_no_false_alarm() -> None:
    text = f"{INCOMPATIBLE.format('NVIDIA GeForce RTX 4090', 'sm_89')}\n{SUPPORTS.format('sm_37 sm_50 sm_60 sm_70')}"
    assert names(text) == ["torch-lacks-gpu"]


def test_a_tegra_chip_is_not_served_by_desktop_code_of_its_generation() -> None:
    # torch's own list: 8.0 runs on 8.x except 8.7.
    text = f"{INCOMPATIBLE.format('Orin', 'sm_87')}\n{SUPPORTS.format('sm_80 sm_86 sm_90')}"
    assert names(text) == ["torch-lacks-gpu"]


def test_the_refused_image_is_that_of_the_binary_mode() -> None:
    _, text = FAILURES["container refused"]
    explanation = the("container-requirement", f"{text}\nDriver Version: 550.144.03", project())
    assert any("nvidia/cuda:12.8.1-devel-ubuntu22.04" in sentence for sentence in explanation.here)
    assert any("550.144.03" in sentence and "12.4" in sentence for sentence in explanation.here)
    # CUDA 12.8 came with driver 570.26.
    assert "570" in explanation.ways_out[0]
