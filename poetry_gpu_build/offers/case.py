"""What advice is asked for: the cards, and what the image around the wheel is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.coverage.boards import boards_among

if TYPE_CHECKING:
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import DriverVersion


class Case(NamedTuple):
    """One image for these GPUs; a GPU whose driver is None is one of a machine that is not known."""

    gpus: tuple[Gpu, ...]
    facts: CompatibilityFacts
    python: str
    """The version of the image's interpreter."""
    base_image: str
    """That of the binary mode."""

    @classmethod
    def under(cls, policy: Policy, gpus: tuple[Gpu, ...], facts: CompatibilityFacts) -> Case:
        """The case of a policy's binary image."""
        return cls(gpus, facts, policy.python, policy.binary.base_image)

    @property
    def targets(self) -> tuple[ComputeCapability, ...]:
        """The compute capabilities, each once, ascending."""
        return tuple(sorted({gpu.capability for gpu in self.gpus}))

    @property
    def drivers(self) -> tuple[DriverVersion, ...]:
        """The drivers that are known, each once."""
        return tuple(dict.fromkeys(gpu.driver for gpu in self.gpus if gpu.driver is not None))

    @property
    def boards(self) -> tuple[ComputeCapability, ...]:
        """Those of the targets that only Tegra boards have (Jetson, DRIVE), which no image here serves."""
        return boards_among(self.targets, self.facts)
