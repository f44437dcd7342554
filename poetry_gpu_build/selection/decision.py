"""The decision itself: which mode a question gets, and whether that one serves. Without reasons for a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.selection.flags import requested_mode
from poetry_gpu_build.selection.floor import Floor
from poetry_gpu_build.selection.objections import objections_to
from poetry_gpu_build.selection.reasons import Reason
from poetry_gpu_build.selection.reasons import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.selection.question import Question
    from poetry_gpu_build.values import ComputeCapability


def mode_by_policy(
    policy: Policy, targets: Sequence[ComputeCapability], floor: Floor | None = None
) -> tuple[ModeName, Reason]:
    """The mode that the policy has for these targets, each once and ascending, where no flag and no fact is asked.

    ``floor`` is the one in force; without it the policy's number decides.
    """
    if not targets:
        return policy.default_mode, Reason("policy", f"without a target the default mode is {policy.default_mode}")
    floor = floor or Floor(policy.floor, is_unknown=policy.floor_follows_wheel)
    below = floor.below(targets)
    if not below:
        return "binary", Reason("policy", f"{listed(targets)}: at or above {floor}")
    text = f"{listed(below)}: below {floor}, so the source mode"
    if len(below) < len(targets):
        text += "; one image serves all targets only if its toolkit compiles for each of them"
    return "source", Reason("policy", text)


def mode_of(question: Question) -> ModeName:
    """The mode that the flags ask for, else the policy's."""
    requested, _ = requested_mode(question.flags)
    return requested or mode_by_policy(question.policy, question.targets, question.floor)[0]


def finds_a_mode(question: Question) -> bool:
    """Whether nothing is known against the mode that the question gets."""
    return not objections_to(mode_of(question), question)
