"""What the choice of the mode depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from poetry_gpu_build.facts.rows import PackageFacts
from poetry_gpu_build.selection.floor import floor_in_force

if TYPE_CHECKING:
    from collections.abc import Callable

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import WheelFact
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project
    from poetry_gpu_build.selection.flags import Flags
    from poetry_gpu_build.selection.floor import Floor
    from poetry_gpu_build.torch_pin import PinnedTorch
    from poetry_gpu_build.values import ComputeCapability

    LoadPackages = Callable[[], PackageFacts]
    """Loads the table of packages beside torch. A function, because most plans never need it."""


def no_packages() -> PackageFacts:
    """The table of somebody who asks for no advice."""
    return PackageFacts((), (), (), ())


@dataclass(frozen=True, slots=True)
class Question:
    """All that the choice depends on, and after these, all that only advice on it does."""

    flags: Flags
    gpus: tuple[Gpu, ...]
    policy: Policy
    pinned: PinnedTorch
    facts: CompatibilityFacts
    project: Project | None = None
    """Who else needs the cards; None: not known."""
    build_args: tuple[tuple[str, str], ...] = ()
    """The user's own, over those of the policy."""
    load_packages: LoadPackages = no_packages

    @property
    def targets(self) -> tuple[ComputeCapability, ...]:
        """The capabilities that the image must run on, each once, ascending."""
        return tuple(sorted({gpu.capability for gpu in self.gpus}))

    @property
    def wheel(self) -> WheelFact | None:
        """What is known of the wheel that the project pins."""
        return None if self.pinned.build is None else self.facts.wheel(self.pinned.build)

    @property
    def floor(self) -> Floor:
        """What divides the targets between the modes, where no flag does."""
        return floor_in_force(self.policy, self.wheel, self.facts)
