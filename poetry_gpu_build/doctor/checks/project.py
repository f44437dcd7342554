"""The project: whether there is one here, and whether it can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.doctor.line import with_place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.doctor.project_seen import ProjectSeen
    from poetry_gpu_build.doctor.seen import Seen

TOPIC = "project"


def check_project(seen: Seen) -> Iterator[Line]:
    """One line; the checks behind it say nothing where there is no project that can be read."""
    yield judge_project(seen.project)


def judge_project(project: ProjectSeen) -> Line:
    """Outside a project `doctor` is about the machine, under the shipped policy."""
    if project.root is None:
        return Line(
            TOPIC,
            "warning",
            "there is none here: the shipped policy counts",
            ("run it inside a Poetry project, or name one: poetry --project DIR gpu-build doctor",),
        )
    if project.fault is not None:
        return Line(TOPIC, "problem", with_place(project.fault, project.root), project.fault.ways_out)
    name = "" if project.project is None else f"{project.project.name}, "
    return Line(TOPIC, "ok", f"{name}{project.root}")
