"""The plan as variables for docker/docker-compose.yml, and the command that brings it up. Pure.

Compose cannot compare values: `${BUILD_FROM_SOURCE:+.source}` picks the source file for `false` too. So Compose is
handed the file's name, and forwards the flag for the Dockerfile to check.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from poetry_gpu_build.build_arguments import DOCKERFILE_VARIABLE
from poetry_gpu_build.build_arguments import IMAGE_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.plan import Plan


def compose_environment(plan: Plan) -> dict[str, str]:
    """The Dockerfile (relative to the build context), the image's name, and every build argument."""
    dockerfile = os.path.relpath(plan.root / plan.dockerfile, plan.root / plan.context)
    return {DOCKERFILE_VARIABLE: dockerfile, IMAGE_VARIABLE: plan.tags[0], **plan.build_args}


def compose_command(plan: Plan, arguments: Sequence[str]) -> list[str]:
    """`docker compose up --build` on the project's Compose file, with the user's own arguments behind it."""
    return ["docker", "compose", "--file", str(plan.root / plan.compose_file), "up", "--build", *arguments]
