"""torch's own word that it holds no code for a card, in all its wordings, true or false."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.explain.case import Case
from poetry_gpu_build.doctor.explain.case import Example
from poetry_gpu_build.doctor.explain.situation import with_doubt
from poetry_gpu_build.doctor.explain.told import parsed_or_none
from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.values import ComputeCapability

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.explain.situation import Situation

_HINTS = ("is not compatible with the current PyTorch", "which is of c")
_PATTERNS = (
    lazy_pattern(
        r"(?P<card>[A-Z][\w ()./-]{1,60}) with CUDA capability (?P<capability>sm_\d{2,3}) "
        r"is not compatible with the current PyTorch installation"
    ),
    lazy_pattern(r"Found GPU\d{1,3} (?P<card>.{1,60}) which is of cuda capability (?P<capability>\d{1,2}\.\d)"),
    lazy_pattern(
        r"Found GPU\d{1,3} (?P<card>.{1,60}) which is of compute capability \(CC\) (?P<capability>\d{1,2}\.\d)"
    ),
)
_DETAILS = (
    lazy_pattern(r"install supports CUDA capabilities (?P<holds>(?:(?:sm|compute)_\d{2,3}[af]?[ .]{0,2}){1,40})"),
    lazy_pattern(r"(?:by this library is|that we support is) (?P<minimum>\d{1,2}\.\d)"),
    lazy_pattern(r"^ {0,8}\((?P<minimum>\d{1,2}\.\d)\) - \((?P<maximum>\d{1,2}\.\d)\)"),
    lazy_pattern(r"PyTorch is \((?P<minimum>\d{1,2}\.\d)\) - \((?P<maximum>\d{1,2}\.\d)\)"),
    lazy_pattern(r"^ {0,8}- (?P<each_code>\d{1,2}\.\d) which supports hardware CC"),
    lazy_pattern(r"PyTorch was built for: (?P<holds>(?:\d{1,2}\.\d[, ]{0,2}){1,40})"),
)


class _TorchsWord(Case):
    """What both cases share: the words, and what torch holds by them."""

    hints = _HINTS
    patterns = _PATTERNS
    details = _DETAILS
    identity = ("capability",)

    def is_true(self, values: Mapping[str, str], situation: Situation) -> bool:
        """Whether none of the code that torch lists runs on the card; true also where it lists none."""
        card = ComputeCapability.parse(values["capability"])
        holds = _holds(values)
        if holds:
            return not situation.serves(holds, card).runs
        smallest = parsed_or_none(ComputeCapability.parse, values.get("minimum"))
        largest = parsed_or_none(ComputeCapability.parse, values.get("maximum"))
        if smallest is None or largest is None:
            return True
        # Code for each generation in between is what every official wheel holds.
        return card < smallest or card.major > largest.major


class TorchLacksGpu(_TorchsWord):
    """This torch holds no code for this GPU.

    Machine code runs on its own compute-capability generation (the number before the point) from its minor number on,
    and nowhere else. torch warns of a card for which it has none when it first uses it; what is computed there fails
    with "no kernel image". Old cards are left out of newer wheels, new ones are not in older wheels; which wheel of a
    release it is (cu126, cu128, …) decides as much as the release.
    """

    name = "torch-lacks-gpu"
    references = (
        "pytorch/pytorch#150733",
        "pytorch/pytorch#42301",
        "astral-sh/uv#14742",
        "vllm-project/vllm#19185",
    )
    examples = (
        Example(
            "NVIDIA GeForce RTX 5090 D with CUDA capability sm_120 is not compatible with the current PyTorch "
            "installation.\nThe current PyTorch install supports CUDA capabilities sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 "
            "sm_90.\n",
            {
                "card": "NVIDIA GeForce RTX 5090 D",
                "capability": "sm_120",
                "holds": "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90.",
            },
        ),
        Example(
            "NVIDIA GeForce GTX 1080 with CUDA capability sm_61 is not compatible with the current "
            "PyTorch installation.\n"
            "The current PyTorch install supports CUDA capabilities sm_75 sm_80 sm_86 sm_90 sm_100 sm_120.",
            {
                "card": "NVIDIA GeForce GTX 1080",
                "capability": "sm_61",
                "holds": "sm_75 sm_80 sm_86 sm_90 sm_100 sm_120.",
            },
        ),
        Example(
            "UserWarning: \n    Found GPU0 GeForce GT 720 which is of cuda capability 3.5.\n    PyTorch "
            "no longer supports "
            "this GPU because it is too old.\n    The minimum cuda capability supported by this library is 3.7.\n",
            {"card": "GeForce GT 720", "capability": "3.5", "minimum": "3.7"},
        ),
        Example(
            "    Found GPU0 GeForce GTX 660 Ti which is of cuda capability 3.0.\n    PyTorch no longer "
            "supports this GPU "
            "because it is too old.\n    The minimum cuda capability that we support is 3.5.",
            {"card": "GeForce GTX 660 Ti", "capability": "3.0", "minimum": "3.5"},
        ),
        Example(
            "    Found GPU0 Tesla P40 which is of cuda capability 6.1.\n    Minimum and Maximum cuda "
            "capability supported "
            "by this version of PyTorch is\n    (7.5) - (12.0)",
            {"card": "Tesla P40", "capability": "6.1", "minimum": "7.5", "maximum": "12.0"},
        ),
        Example(
            "UserWarning: Found GPU0 NVIDIA GeForce RTX 5060 Ti which is of compute capability (CC) 12.0.\n"
            "The following list shows the CCs this version of PyTorch was built for and the hardware CCs it supports:\n"
            "- 5.0 which supports hardware CC >=5.0,<6.0 except {5.3}\n"
            "- 9.0 which supports hardware CC >=9.0,<10.0\n"
            "Your installed torch==2.13.0+cu126 does not include kernels for this GPU.",
            {"card": "NVIDIA GeForce RTX 5060 Ti", "capability": "12.0", "each_code": "5.0 9.0"},
        ),
        Example(
            "Found GPU0 Tesla V100-PCIE-32GB which is of compute capability (CC) 7.0.\n"
            "This version of PyTorch was built for: 7.5, 8.0, 8.6, 9.0",
            {"card": "Tesla V100-PCIE-32GB", "capability": "7.0", "holds": "7.5, 8.0, 8.6, 9.0"},
        ),
    )
    lookalikes = (
        (
            "NVIDIA GeForce RTX 4090 with CUDA capability sm_89 is not compatible with the current "
            "PyTorch installation.\n"
            "The current PyTorch install supports CUDA capabilities sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90."
        ),
        "Found GPU0 Quadro GP100 which requires CUDA_VERSION >= 8000 for optimal performance",
        "Found NVIDIA GeForce GTX 1070 which is too old to be supported by the triton GPU compiler",
    )

    def applies(self, values: Mapping[str, str], situation: Situation) -> bool:
        """By what it lists."""
        return self.is_true(values, situation)

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The torch of the text, and the project's."""
        card = ComputeCapability.parse(values["capability"])
        holds = _holds(values)
        if holds:
            answer = situation.serves(holds, card)
            yield with_doubt(f"by its own list {answer.because}, and {card} is not served by it", answer.doubt)
        yield from situation.about_torch(card)

    def ways(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """Every image that runs on the card."""
        yield from situation.ways_to_run(ComputeCapability.parse(values["capability"]))


class TorchFalseAlarm(_TorchsWord):
    """torch, or a tool, warns of a GPU that its code runs on.

    The warning compares numbers and wants the card's own, or does not know which cards share code. Machine code for 8.6
    runs on 8.9 (RTX 40), for 8.0 on 8.6, for 12.0 on 12.1 (GB10): those are seldom compiled for by name. Whether it
    runs is told by one computation on the card, not by the warning.
    """

    name = "torch-false-alarm"
    references = (
        "pytorch/pytorch#95648",
        "pytorch/pytorch#164596",
        "pytorch/pytorch#172629",
        "pytorch/pytorch#164708",
    )
    examples = (
        Example(
            "NVIDIA GeForce RTX 4090 with CUDA capability sm_89 is not compatible with the current "
            "PyTorch installation.\n"
            "The current PyTorch install supports CUDA capabilities sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90.",
            {
                "card": "NVIDIA GeForce RTX 4090",
                "capability": "sm_89",
                "holds": "sm_50 sm_60 sm_70 sm_75 sm_80 sm_86 sm_90.",
            },
        ),
        Example(
            "    Found GPU0 NVIDIA GB10 which is of cuda capability 12.1.\n    Minimum and Maximum cuda capability "
            "supported by this version of PyTorch is\n    (8.0) - (12.0)",
            {"card": "NVIDIA GB10", "capability": "12.1", "minimum": "8.0", "maximum": "12.0"},
        ),
    )
    lookalikes = (
        (
            "NVIDIA GeForce RTX 4090 with CUDA capability sm_89 is not compatible with the current "
            "PyTorch installation.\n"
            "The current PyTorch install supports CUDA capabilities sm_37 sm_50 sm_60 sm_70."
        ),
        (
            "Found GPU0 GeForce GT 720 which is of cuda capability 3.5.\nThe minimum cuda capability supported by this "
            "library is 3.7."
        ),
    )

    def applies(self, values: Mapping[str, str], situation: Situation) -> bool:
        """By what it lists."""
        return not self.is_true(values, situation)

    def here(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """The code that runs there."""
        card = ComputeCapability.parse(values["capability"])
        holds = _holds(values)
        if holds:
            answer = situation.serves(holds, card)
            yield with_doubt(f"by its own list {answer.because}", answer.doubt)
        yield from situation.about_torch(card)

    def ways(self, values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Look, and let it be."""
        card = ComputeCapability.parse(values["capability"])
        yield "python -c \"import torch; print(torch.ones(1, device='cuda') + 1)\": if it prints 2, all is well"
        yield f"poetry gpu-build verify IMAGE --gpu {card}: what the machine code in the image runs on"


def _holds(values: Mapping[str, str]) -> list[ComputeCapability]:
    """The machine code that torch lists; its PTX (`compute_37`) is for another question."""
    texts = f"{values.get('holds', '')} {values.get('each_code', '')}".replace(",", " ").split()
    codes = [text.strip(".").rstrip("af") for text in texts if not text.startswith("compute_")]
    return [code for code in (parsed_or_none(ComputeCapability.parse, text) for text in codes) if code is not None]
