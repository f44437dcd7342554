"""The shipped Dockerfiles and Compose file, fitted to a project: its name, its paths, its policy's defaults."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from poetry_gpu_build.build_arguments import decided_arguments
from poetry_gpu_build.project import LOCK
from poetry_gpu_build.selection.flags import FLAG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project

#: The shipped file of each mode, and the one for Compose.
SHIPPED: dict[ModeName, str] = {"binary": "Dockerfile", "source": "Dockerfile.source"}
COMPOSE = "docker-compose.yml"

# The shipped Compose file is this project's own.
_OWN_NAME = "poetry-gpu-build"
# These are the machine's matter and the plugin's, not the policy's.
_NO_DEFAULT = (FLAG, "GPU_BUILD_REQUIREMENT")
_MANIFESTS = "COPY pyproject.toml poetry.toml"
_ARGUMENT = re.compile(r"^(ARG (\w+)=)(.*)$", re.MULTILINE)


def docker_files(project: Project, policy: Policy, shipped: Mapping[str, str]) -> dict[str, str]:
    """The text of each file by its path in the project; ``shipped`` are those of docker/, by their names."""
    modes: tuple[ModeName, ...] = ("binary", "source")
    files = {policy.mode(name).dockerfile: _dockerfile(shipped[SHIPPED[name]], policy, name) for name in modes}
    return {**files, policy.compose_file: _compose_file(shipped[COMPOSE], project, policy)}


def _dockerfile(text: str, policy: Policy, name: ModeName) -> str:
    """With the policy's defaults, so that a plain `docker build` makes the image that the plan says."""
    mode = policy.mode(name)
    decided = decided_arguments(policy, mode, policy.source_targets, version="")
    defaults = {argument: value for argument, value in decided.items() if argument not in _NO_DEFAULT}

    def written(match: re.Match[str]) -> str:
        return match[1] + (_word(defaults[match[2]]) if match[2] in defaults else match[3])

    text = _ARGUMENT.sub(written, text).replace(f"docker/{SHIPPED[name]}", mode.dockerfile)
    return text.replace(_MANIFESTS, f"{_MANIFESTS} {LOCK}") if policy.lock == "require" else text


def _word(value: str) -> str:
    return f'"{value}"' if re.search(r"\s", value) else value


def _compose_file(text: str, project: Project, policy: Policy) -> str:
    name = project.docker_name
    image = policy.image or name
    context = posixpath.relpath(policy.context, posixpath.dirname(policy.compose_file) or ".")
    dockerfile = posixpath.relpath(policy.binary.dockerfile, policy.context)
    for old, new in (
        (f"name: {_OWN_NAME}\n", f"name: {name}\n"),
        (f"{_OWN_NAME}:binary", f"{image}:binary"),
        ("context: ..\n", f"context: {context}\n"),
        (f":-docker/{SHIPPED['binary']}}}", f":-{dockerfile}}}"),
    ):
        text = text.replace(old, new)
    return text
