"""What a card is too old for by nature: no image of torch changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.explain.case import Case
from poetry_gpu_build.doctor.explain.case import Example
from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.explain.situation import Situation


class TritonNeedsVolta(Case):
    """torch.compile does not work on this GPU: Triton begins at compute capability 7.0.

    No build of torch changes that, compiled or not: run the model without torch.compile.
    """

    name = "triton-needs-newer-gpu"
    hints = ("too old to be supported by the triton",)
    patterns = (lazy_pattern(r"Found (?P<card>.{1,60}) which is too old to be supported by the triton GPU compiler"),)
    details = (lazy_pattern(r"your device is of CUDA capability (?P<capability>\d{1,2}\.\d)"),)
    references = ("2noise/ChatTTS#341", "MIC-DKFZ/nnUNet#2188", "triton-lang/triton#161")
    examples = (
        Example(
            "RuntimeError: Found NVIDIA GeForce GTX 1080 Ti which is too old to be supported by the "
            "triton GPU compiler, "
            "which is used as the backend. Triton only supports devices of CUDA Capability >= 7.0, but "
            "your device is of "
            "CUDA capability 6.1",
            {"card": "NVIDIA GeForce GTX 1080 Ti", "capability": "6.1"},
        ),
    )
    lookalikes = (
        (
            "Found GPU0 GeForce GT 720 which is of cuda capability 3.5.\nPyTorch no longer supports this "
            "GPU because it is "
            "too old."
        ),
        "ptxas fatal   : Value 'sm_120' is not defined for option 'gpu-name'",
    )

    def here(self, _values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """For the source mode's cards that is always so."""
        yield f"that holds for every card below the binary floor of the policy ({situation.policy.floor}), too"

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Without compile."""
        yield "TORCHDYNAMO_DISABLE=1 in the image's ENV: torch.compile then does nothing"
        yield 'or torch.compile(model, backend="eager") on cards before 7.0'


class FlashAttentionNeedsAmpere(Case):
    """Flash attention does not work on this GPU: it begins at compute capability 8.0.

    No build changes that. In a source build for older cards it is left out: its kernels take most of the memory of the
    compile, and never run.
    """

    name = "flash-attention-needs-newer-gpu"
    hints = ("FlashAttention only supports", "No available kernel. Aborting execution")
    patterns = (
        lazy_pattern(r"FlashAttention only supports (?P<needs>Ampere|Turing|Hopper)[\w ]{0,10} GPUs or newer"),
        lazy_pattern(r"RuntimeError: No available kernel\. Aborting execution"),
    )
    examples = (
        Example("RuntimeError: FlashAttention only supports Ampere GPUs or newer.", {"needs": "Ampere"}),
        Example("RuntimeError: No available kernel. Aborting execution.", {}),
    )
    lookalikes = ("FlashAttention only supports fp16 and bf16 data type", "No available kernel found in /boot")

    def here(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """The source image has none."""
        yield "the source image is compiled with USE_FLASH_ATTENTION=0, and has none on any card"

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Other attention."""
        yield "torch.backends.cuda.enable_flash_sdp(False): scaled_dot_product_attention takes another way"
        yield 'transformers: attn_implementation="sdpa" or "eager", not "flash_attention_2"'


class Bfloat16NeedsAmpere(Case):
    """bfloat16 is asked for, and this GPU has none: it begins at compute capability 8.0.

    No build of torch changes that: use float16, or float32.
    """

    name = "bfloat16-needs-newer-gpu"
    hints = ("loat16 is only supported on GPUs",)
    patterns = (
        lazy_pattern(
            r"[Bb]float16 is only supported on GPUs with compute capability of at least 8\.0\."
            r"(?: Your (?P<card>.{1,60}) GPU has compute capability (?P<capability>\d{1,2}\.\d))?"
        ),
    )
    examples = (
        Example(
            "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla "
            "V100-SXM2-16GB GPU has compute capability 7.0.",
            {"card": "Tesla V100-SXM2-16GB", "capability": "7.0"},
        ),
    )
    lookalikes = ("bfloat16 is only supported on CPU",)

    def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """Another type."""
        yield "dtype=torch.float16; vLLM: --dtype half"
