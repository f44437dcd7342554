"""What the choice of the mode depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import WheelFact
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.selection.flags import Flags
    from poetry_gpu_build.torch_pin import PinnedTorch
    from poetry_gpu_build.values import ComputeCapability


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
