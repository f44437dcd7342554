"""What the choice of the mode depends on, and the reasons that it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.facts import CompatibilityFacts
    from poetry_gpu_build.facts import WheelFact
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.selection.flags import Flags
    from poetry_gpu_build.torch_pin import PinnedTorch
    from poetry_gpu_build.values import ComputeCapability


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of the decision: ``step`` is flag, targets, policy, facts or advice."""

    step: str
    text: str
    status: str | None = None
    """How the fact behind it is known, where that is less than measured."""

    def __str__(self) -> str:
        return self.text if self.status is None else f"{self.text} (known by: {self.status})"


@dataclass(frozen=True, slots=True)
class Question:
    """All that the choice depends on."""

    flags: Flags
    gpus: tuple[Gpu, ...]
    policy: Policy
    pinned: PinnedTorch
    facts: CompatibilityFacts

    @property
    def targets(self) -> tuple[ComputeCapability, ...]:
        """The capabilities that the image must run on, each once, ascending."""
        return tuple(sorted({gpu.capability for gpu in self.gpus}))

    @property
    def wheel(self) -> WheelFact | None:
        """What is known of the wheel that the project pins."""
        return None if self.pinned.build is None else self.facts.wheel(self.pinned.build)


def each_once(reasons: list[Reason]) -> list[Reason]:
    """The reasons without repetition, in their order: two equal GPUs give each reason twice."""
    return list(dict.fromkeys(reasons))


def listed(targets: Sequence[ComputeCapability]) -> str:
    """Capabilities as a sentence names them: `5.2, 8.6 and 12.0`."""
    texts = [str(target) for target in targets]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
