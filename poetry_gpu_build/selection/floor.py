"""Which targets the policy leaves to the binary mode: by a number, or by what the pinned wheel runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.coverage.wheels import wheel_covers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import WheelFact
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.values import ComputeCapability


class Floor(NamedTuple):
    """The floor in force.

    With ``floor = "wheel"`` it is no number at all: what a wheel runs on has gaps (7.0 code does not run on 7.2, and a
    wheel for Maxwell to Hopper holds nothing for Blackwell), so each target is held against the wheel itself.
    """

    number: ComputeCapability
    wheel: WheelFact | None = None
    """The wheel that decides in the number's stead."""
    facts: CompatibilityFacts | None = None
    is_unknown: bool = False
    """Whether the wheel was to decide, and nothing is known of it."""

    def excludes(self, target: ComputeCapability) -> bool:
        """Whether the target is below the floor: the policy gives it to the source mode."""
        if self.wheel is None or self.facts is None:
            return target < self.number
        return not wheel_covers(self.wheel, target, self.facts).runs

    def below(self, targets: Iterable[ComputeCapability]) -> list[ComputeCapability]:
        """Those of the targets that the policy gives to the source mode."""
        return [target for target in targets if self.excludes(target)]

    def __str__(self) -> str:
        if self.wheel is not None:
            return f"the binary floor, which is what the pinned torch {self.wheel.torch} runs on"
        if self.is_unknown:
            return f"the binary floor {self.number} (nothing is known of the wheel that the floor is to follow)"
        return f"the binary floor {self.number}"


def floor_in_force(policy: Policy, wheel: WheelFact | None, facts: CompatibilityFacts) -> Floor:
    """The policy's floor for a project that pins this wheel; None: one of which nothing is known."""
    if not policy.floor_follows_wheel:
        return Floor(policy.floor)
    return Floor(policy.floor, wheel, facts, is_unknown=wheel is None)
