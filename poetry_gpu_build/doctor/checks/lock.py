"""poetry.lock: whether it is what the policy wants, and still that of pyproject.toml."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.project import LOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.policy import Lock
    from poetry_gpu_build.project import Project

TOPIC = "lock"
_WRITE = "write it: poetry lock"


def check_lock(seen: Seen) -> Iterator[Line]:
    """One line."""
    if seen.project.project is not None:
        yield judge_lock(seen.project.project, seen.policy.lock)


def judge_lock(project: Project, wanted: Lock) -> Line:
    """With `lock = "exclude"` no image sees it, and only the developers' own installs follow it."""
    is_required = wanted == "require"
    if project.lock is None:
        if is_required:
            return Line(
                TOPIC, "problem", f'there is no {LOCK}, and the policy requires it (lock = "require")', (_WRITE,)
            )
        return Line(TOPIC, "ok", 'none is needed: each image resolves for itself (lock = "exclude")')
    use = "the images install what it says" if is_required else "the images resolve for themselves"
    fresh = is_fresh(project)
    if fresh is None:
        return Line(TOPIC, "warning", f"whether {LOCK} is that of pyproject.toml cannot be told", (_WRITE,))
    if not fresh:
        mark: Line = Line(TOPIC, "warning", f"{LOCK} is stale: pyproject.toml has changed since; {use}", (_WRITE,))
        return mark._replace(mark="problem") if is_required else mark
    return Line(TOPIC, "ok", f"{LOCK} is that of pyproject.toml; {use}")


def is_fresh(project: Project) -> bool | None:
    """Whether Poetry takes the lock for that of pyproject.toml; None where it cannot tell.

    Which parts of pyproject.toml its content-hash is made of changes with Poetry's version: Poetry's own to say.
    """
    # Imported when there is a lock to judge: it costs more than the rest of this check.
    from poetry.packages.locker import Locker

    if project.lock is None or not isinstance(project.lock.data.get("metadata", {}), dict):
        return None
    try:
        locker = Locker(project.root / LOCK, project.pyproject.data)
    except TypeError:  # its hash is of JSON, which has no dates
        return None
    try:
        return locker.is_fresh()
    except (OSError, ValueError):  # the file was changed in between
        return None
