from __future__ import annotations

import pytest

from poetry_gpu_build.gpu.interface import Gpu
from poetry_gpu_build.gpu.visible import keep_visible
from poetry_gpu_build.values import ComputeCapability

# The recorded A100s (nvidia_smi_outputs.toml, "MIG").
DIVIDED = Gpu(
    capability=ComputeCapability(8, 0),
    reported_by="NVML",
    uuid="GPU-513536b6-7d19-9063-b049-1e69664bb298",
    mig_uuids=("MIG-ce861fb0-a248-58ce-a9a8-f9adbc22a66a", "MIG-a45882f0-9215-5733-a0c1-49286ab31cb5"),
)
WHOLE = Gpu(capability=ComputeCapability(8, 0), reported_by="NVML", uuid="GPU-d8594bd4-0fc3-8595-e355-7c98138f3b95")
BOTH = (DIVIDED, WHOLE)


def test_an_unset_variable_changes_nothing_and_says_nothing() -> None:
    assert keep_visible(BOTH, None) == (BOTH, ())


def test_a_machine_without_gpus_says_nothing() -> None:
    assert keep_visible((), "0") == ((), ())


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("GPU-d8594bd4-0fc3-8595-e355-7c98138f3b95", (WHOLE,)),
        ("GPU-d8594bd4", (WHOLE,)),
        (" GPU-d8594bd4 , GPU-513536b6 ", BOTH),  # in the order of the machine, not of the variable
        ("MIG-a45882f0-9215-5733-a0c1-49286ab31cb5", (DIVIDED,)),
        ("MIG-GPU-d8594bd4-0fc3-8595-e355-7c98138f3b95/1/0", (WHOLE,)),
        ("GPU-d8594bd4,GPU-00000000,GPU-513536b6", (WHOLE,)),  # CUDA stops at the first unknown one
    ],
)
def test_uuids_are_followed_exactly(value: str, kept: tuple[Gpu, ...]) -> None:
    visible = keep_visible(BOTH, value)

    assert visible.gpus == kept
    assert visible.notes[0].startswith(f"CUDA_VISIBLE_DEVICES={value} was followed")


def test_what_is_left_out_is_counted() -> None:
    assert keep_visible(BOTH, "GPU-d8594bd4").notes[0].endswith("1 of 2 GPUs left out")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("0", "counts in CUDA's own order"),
        ("1,0", "counts in CUDA's own order"),
        ("0,GPU-d8594bd4", "counts in CUDA's own order"),
        ("", "hides every GPU from CUDA programs"),
        ("-1", "hides every GPU from CUDA programs"),
        ("NoDevFiles", "hides every GPU from CUDA programs"),
        ("GPU-00000000", "names no GPU that was found"),
        ("GPU-", "names no GPU that was found"),  # both begin like that
    ],
)
def test_what_names_no_card_without_doubt_is_not_followed_and_told(value: str, why: str) -> None:
    visible = keep_visible(BOTH, value)

    assert visible.gpus == BOTH
    assert why in visible.notes[0]
    assert "--gpu" in visible.notes[0]


def test_gpus_without_uuids_cannot_be_chosen_by_uuid() -> None:
    by_id = Gpu(capability=ComputeCapability(5, 2), reported_by="PCI id")

    assert keep_visible((by_id,), "GPU-d8594bd4").gpus == (by_id,)
