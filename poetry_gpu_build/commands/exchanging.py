"""What a build exchanges with others, its caches and its image: checked before anything is asked or built."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.commands.base import GpuBuildBaseCommand
    from poetry_gpu_build.engine.options import BuildOptions
    from poetry_gpu_build.plan import Plan
    from poetry_gpu_build.policy import Policy


def exchanging(
    command: GpuBuildBaseCommand, options: BuildOptions, policy: Policy, plans: Sequence[Plan], *, writes: bool = True
) -> BuildOptions:
    """The options with the team's caches, those that are written only if the build ``writes`` whole images.

    Raises ConfigurationError for a cache or a compression that would do nothing.
    """
    from poetry_gpu_build.engine.caches import check_caches
    from poetry_gpu_build.engine.caches import with_team_caches
    from poetry_gpu_build.engine.outputs import check_compression
    from poetry_gpu_build.engine.outputs import check_outputs

    complete = with_team_caches(options, policy, writes=writes)
    modes = [plan.mode for plan in plans]
    for note in check_caches(complete, modes, os.environ):
        command.note(f"note: {note}")
    check_outputs(complete, modes)
    check_compression(complete)
    return complete
