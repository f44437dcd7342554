"""The policy: whether its settings can be used, and what the linter says of the project under it."""

from __future__ import annotations

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
    """One line."""
    project = seen.project
    if project.root is None:
        return
    if project.settings_fault is not None:
        yield judge_settings(project.settings_fault, project.root)
    elif project.verdict is not None:
        yield judge_verdict(project.verdict, project.root)


def judge_settings(fault: ConfigurationError, root: Path) -> Line:
    """Settings that cannot be used; the other lines are then about the shipped policy."""
    seen = f"{with_place(fault, root)}; the other lines are about the shipped policy"
    return Line(TOPIC, "problem", seen, fault.ways_out)


def judge_verdict(verdict: Verdict, root: Path) -> Line:
    """What stops a build is a problem: errors, and a file that the linter cannot read."""
    report = verdict.report
    if verdict.problems:
        first, *others = verdict.problems
        more = f" (and {counted(len(others), 'more file')})" if others else ""
        return Line(TOPIC, "problem", f"{with_place(first, root)}{more}", first.ways_out or (_LINT,))
    errors, warnings = _told(report, "error"), _told(report, "warning")
    told = " and ".join(filter(None, (errors, warnings)))
    if errors:
        return Line(TOPIC, "problem", told, (f"see them: {_LINT}", f"mend what can be mended: {_LINT} --fix"))
    if warnings:
        return Line(TOPIC, "warning", told, (f"see them: {_LINT}",))
    return Line(TOPIC, "ok", f"no findings in {counted(report.files, 'file')}")


def _told(report: Report, severity: Severity) -> str:
    """How many, and of which rules; empty for none."""
    codes = list(dict.fromkeys(finding.code for finding in report.findings if finding.severity == severity))
    if not codes:
        return ""
    shown = ", ".join((*codes[:_MOST_CODES], *(["…"] if len(codes) > _MOST_CODES else [])))
    return f"{counted(report.number(severity), severity)} ({shown})"
