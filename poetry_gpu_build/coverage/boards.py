"""Tegra boards (Jetson, DRIVE): aarch64, while the wheels and the base images of the facts are those for x86_64."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.answer import Answer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.values import ComputeCapability


def boards_among(targets: Iterable[ComputeCapability], facts: CompatibilityFacts) -> tuple[ComputeCapability, ...]:
    """Those of the targets that only boards have: machine code for them runs on nothing else."""
    only = {capability for rule in facts.sass_rules for capability in rule.only}
    return tuple(target for target in targets if target in only)


def why_no_image(boards: Sequence[ComputeCapability]) -> str:
    """Why nothing here serves a board; a sentence without its end."""
    which = ", ".join(map(str, boards))
    return (
        f"{which} is in Tegra boards only (Jetson, DRIVE), which are aarch64; the wheels and the images here are those "
        "for x86_64"
    )


def board_answer(target: ComputeCapability, facts: CompatibilityFacts) -> Answer | None:
    """The no for a board, whatever is compiled for it; None for everything else."""
    if not boards_among((target,), facts):
        return None
    rows = tuple(rule.row for rule in facts.sass_rules if target in rule.only)
    return Answer(False, why_no_image((target,)), rows)
