"""The dependency group that holds torch: there, optional, and the only place that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from poetry_gpu_build.doctor.findings import judge_findings
from poetry_gpu_build.doctor.line import INIT
from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.doctor.line import with_place
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project
    from poetry_gpu_build.torch_pin import PinnedTorch

TOPIC = "group"
#: torch outside its group; a group that is not optional.
RULES = ("GPU501", "GPU503")


def check_group(seen: Seen) -> Iterator[Line]:
    """One line."""
    project, pinned = seen.project.project, seen.project.pinned
    if project is None or pinned is None:
        return
    if isinstance(pinned, ConfigurationError):
        yield _unusable(pinned, project, seen.policy)
        return
    found = judge_findings(TOPIC, seen.project.findings(*RULES), project.root)
    yield found or judge_group(project, pinned, seen.policy)


def judge_group(project: Project, pinned: PinnedTorch, policy: Policy) -> Line:
    """What the group is, where the linter has nothing against it."""
    group = policy.torch_group
    if pinned.pin.group is None:
        return Line(TOPIC, "warning", "torch is a main dependency, and the policy lets it be", (INIT,))
    optional = ", optional" if canonicalize_name(group) in project.optional_groups else ""
    torch = pinned.build or f"{pinned.pin.constraint}, which names no single build"
    by = "" if pinned.is_told_by_constraint or pinned.build is None else f" ({pinned.said_by})"
    return Line(TOPIC, "ok", f"{group}{optional}: torch {torch}{by}")


def _unusable(error: ConfigurationError, project: Project, policy: Policy) -> Line:
    """A torch that nobody asks for can be written; a constraint that is none is its author's to mend."""
    is_missing = not (project.torch_in(policy.torch_group) or project.torch_in(None))
    return Line(TOPIC, "problem", with_place(error, project.root), (INIT,) if is_missing else error.ways_out)
