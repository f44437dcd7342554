"""Hands BuildKit what a project installs from as a named context, so that no step of the build has to make it.

The Dockerfiles make the same files themselves in a stage of that name (`poetry gpu-build dependencies`), and BuildKit's
cache takes both for the same. So wherever the folder could not be read nothing is handed over, and the stage runs.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.engine.dependency_folder import dependency_folders
from poetry_gpu_build.engine.dependency_folder import read_dependency_context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.engine.options import BuildOptions
    from poetry_gpu_build.plan import Plan
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.policy import Policy

#: The stage that makes the files, the command by which it does, and where it leaves them.
STAGE = "deps"
COMMAND = "gpu-build dependencies"
PLACE = "deps"

# From 0.19 bake asks whether it may read outside of the folder where it runs (a warning there, an error from 0.20).
_ASKS_FOR_FOLDERS = (0, 19)
_VERSION = re.compile(r"(\d{1,6})\.(\d{1,6})\.")


class Named(NamedTuple):
    """What a build is handed."""

    contexts: Mapping[ModeName, Mapping[str, str]]
    """The named contexts of each mode: their folders, by their names."""
    asks: bool
    """Whether buildx has to be told that it may read them."""
    notes: tuple[str, ...] = ()

    def allowed(self, options: BuildOptions) -> BuildOptions:
        """The options, with leave to read these folders where buildx asks for one."""
        folders = sorted({folder for contexts in self.contexts.values() for folder in contexts.values()})
        return replace(options, allow=(*options.allow, *(f"fs.read={each}" for each in folders if self.asks)))


@contextmanager
def named_contexts(
    plans: Sequence[Plan], pyproject: TomlDocument, policy: Policy, buildx: str, options: BuildOptions
) -> Iterator[Named]:
    """The contexts of these plans, in folders that are gone afterwards; ``buildx`` is its version.

    Raises ConfigurationError for a manifest that cannot be read.
    """
    version = _version(buildx)
    # Built as a target, the stage is the result: then it has to be a stage.
    wanted = [plan for plan in plans if version and options.stage != STAGE and makes_dependencies(plan)]
    if not wanted or _is_confined():
        yield Named({}, asks=False)
        return
    found = {plan.mode: read_dependency_context(pyproject, policy, with_torch=plan.mode == "binary") for plan in wanted}
    notes = [
        f"torch is installed in one step with the rest: {each.together}" for each in found.values() if each.together
    ]
    with dependency_folders(found, PLACE) as folders:
        contexts = {mode: {STAGE: str(folder)} for mode, folder in folders.items()}
        yield Named(contexts, asks=version >= _ASKS_FOR_FOLDERS, notes=tuple(dict.fromkeys(notes)))


def makes_dependencies(plan: Plan) -> bool:
    """Whether the plan's Dockerfile has the stage that the context stands in for, and not another of that name."""
    from poetry_gpu_build.documents.dockerfile.parser import read_dockerfile

    stage = read_dockerfile(plan.root / plan.dockerfile).stage(STAGE)
    runs = [each for each in stage.instructions if each.keyword == "RUN"] if stage is not None else []
    return any(COMMAND in each.body.text for each in runs if each.body is not None)


def _version(buildx: str) -> tuple[int, ...]:
    """``0.30.1-desktop.1`` as numbers; empty for what is no release."""
    match = _VERSION.match(buildx)
    return tuple(int(part) for part in match.groups()) if match else ()


def _is_confined() -> bool:
    """Whether docker is a snap, which sees another /tmp than we do."""
    docker = shutil.which("docker")
    return docker is not None and "snap" in Path(os.path.realpath(docker)).parts
