"""The files that an image installs its dependencies from, by their paths. Pure.

Two folders, one for each step of the Dockerfiles: ``torch`` holds torch's group alone, so that torch is one layer that
only a change of torch makes anew, and ``all`` holds everything. Equal projects make equal texts: comments, blanks and
the version are no change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from poetry_gpu_build.dependencies.lock import HEADER
from poetry_gpu_build.dependencies.lock import lock_of
from poetry_gpu_build.dependencies.reduce import dependencies_of
from poetry_gpu_build.dependencies.reduce import groups_alone
from poetry_gpu_build.dependencies.reduce import no_dependencies
from poetry_gpu_build.dependencies.reduce import torch_alone

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The folders of the context.
TORCH = "torch"
ALL = "all"


class Manifests(NamedTuple):
    """What is read of a project."""

    pyproject: Mapping[str, Any]
    poetry_toml: Mapping[str, Any]
    lock: Mapping[str, Any] | None
    """The content of poetry.lock; None where the images resolve for themselves."""
    lock_text: str = ""


class Groups(NamedTuple):
    """What the policy says of groups."""

    torch: str
    """The one that holds torch."""
    switched: tuple[str, ...]
    """Those that POETRY_WITH and POETRY_WITHOUT name, in either mode."""


class DependencyContext(NamedTuple):
    """The files, and why torch has no step of its own where it has none."""

    files: Mapping[str, str]
    together: str | None
    """Why torch is installed together with the rest; None where it is not, or where the image compiles it."""


def dependency_context(manifests: Manifests, groups: Groups, *, with_torch: bool) -> DependencyContext:
    """The files of one mode; ``with_torch`` is whether torch comes from an index, and not from a compile."""
    whole = _folder(ALL, dependencies_of(manifests.pyproject, with_torch=with_torch), manifests)
    if manifests.lock is not None:
        whole[f"{ALL}/poetry.lock"] = manifests.lock_text
    named = (groups.torch, *groups.switched)
    nothing = _folder(TORCH, no_dependencies(manifests.pyproject, named, with_torch=with_torch), manifests)
    if not with_torch:
        return DependencyContext({**nothing, **whole}, None)
    manifest = torch_alone(manifests.pyproject, groups.torch, groups.switched)
    if manifest is None:
        return DependencyContext({**nothing, **whole}, f"the group {groups.torch} has no requirement, or one on a file")
    alone = _folder(TORCH, manifest, manifests)
    if manifests.lock is not None:
        lock = lock_of(groups_alone(manifest), manifests.lock, manifest)
        if lock is None:
            return DependencyContext({**nothing, **whole}, "poetry.lock is of a Poetry before 2.0, without groups")
        alone[f"{TORCH}/poetry.lock"] = f"{HEADER}\n\n{_text(lock)}"
    return DependencyContext({**alone, **whole}, None)


def _folder(name: str, pyproject: Mapping[str, Any], manifests: Manifests) -> dict[str, str]:
    return {f"{name}/pyproject.toml": _text(pyproject), f"{name}/poetry.toml": _text(manifests.poetry_toml)}


def _text(data: Mapping[str, Any]) -> str:
    import tomlkit

    return tomlkit.dumps(data)
