"""The policy: whether its settings can be used, and what the linter says of the project under it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.doctor.line import counted
from poetry_gpu_build.doctor.line import with_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from poetry_gpu_build.doctor.project_seen import Verdict
    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.errors import ConfigurationError
    from poetry_gpu_build.lint.finding import Severity
    from poetry_gpu_build.lint.formats.interface import Report

TOPIC = "policy"
_LINT = "poetry gpu-build lint"
_MOST_CODES = 5


def check_policy(seen: Seen) -> Iterator[Line]:
    """The settings, and what the linter says under them."""
    project = seen.project
    if project.root is None:
        return
    if project.settings_fault is not None:
        yield judge_settings(project.settings_fault, project.root)
    if project.targets_fault is not None:
        yield judge_targets(project.targets_fault, project.root)
    if project.verdict is not None:
        yield judge_verdict(project.verdict, project.root)


def judge_settings(fault: ConfigurationError, root: Path) -> Line:
    """Settings that cannot be used; the other lines are then about the shipped policy."""
    seen = f"{with_place(fault, root)}; the other lines are about the shipped policy"
    return Line(TOPIC, "problem", seen, fault.ways_out)


def judge_targets(fault: ConfigurationError, root: Path) -> Line:
    """Cards that nobody knows: every other setting counts all the same."""
    seen = f"{with_place(fault, root)}; the other lines do without them"
    return Line(TOPIC, "problem", seen, fault.ways_out)


def judge_verdict(verdict: Verdict, root: Path) -> Line:
    """What stops a build is a problem: errors, and a file that the linter cannot read."""
    report = verdict.report
    if verdict.problems:
        first, *others = verdict.problems
        closed = [folder for each in verdict.problems if (folder := _closed_folder(each, root)) is not None]
        if closed:
            others = others[closed.count(closed[0]) - 1 :]
        more = f" (and {counted(len(others), 'more file')})" if others else ""
        if closed:
            seen = f"{closed[0]}: the folder cannot be looked into{more}"
            return Line(TOPIC, "problem", seen, (f"let your user read it: chmod -R u+rX {closed[0]}",))
        return Line(TOPIC, "problem", f"{with_place(first, root)}{more}", first.ways_out or (_LINT,))
    errors, warnings = _told(report, "error"), _told(report, "warning")
    told = " and ".join(filter(None, (errors, warnings)))
    if errors:
        return Line(TOPIC, "problem", told, (f"see them: {_LINT}", f"mend what can be mended: {_LINT} --fix"))
    if warnings:
        return Line(TOPIC, "warning", told, (f"see them: {_LINT}",))
    return Line(TOPIC, "ok", f"no findings in {counted(report.files, 'file')}")


def _closed_folder(problem: ConfigurationError, root: Path) -> Path | None:
    """The folder of the project that keeps a file from being read: whether the file is there nobody can tell."""
    folder = None if problem.where is None else problem.where.path.parent
    if folder is None or not folder.is_relative_to(root) or os.access(folder, os.X_OK) or not folder.is_dir():
        return None
    return folder.relative_to(root)


def _told(report: Report, severity: Severity) -> str:
    """How many, and of which rules; empty for none."""
    codes = list(dict.fromkeys(finding.code for finding in report.findings if finding.severity == severity))
    if not codes:
        return ""
    shown = ", ".join((*codes[:_MOST_CODES], *(["…"] if len(codes) > _MOST_CODES else [])))
    return f"{counted(report.number(severity), severity)} ({shown})"
