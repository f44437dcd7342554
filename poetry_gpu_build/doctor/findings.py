"""What the linter found about one thing of the project, as a line of the examination."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.line import INIT
from poetry_gpu_build.doctor.line import Line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from poetry_gpu_build.lint.finding import Finding


def judge_findings(topic: str, findings: Sequence[Finding], root: Path) -> Line | None:
    """The worst of them: the team's severities count here as they do before a build. None where there is none."""
    errors = [finding for finding in findings if finding.severity == "error"]
    warnings = [finding for finding in findings if finding.severity == "warning"]
    if not errors and not warnings:
        return None
    first, *others = (*errors, *warnings)
    more = f" (and {len(others)} more)" if others else ""
    seen = f"{first.where.seen_from(root)}: {first.message} ({first.code}){more}"
    ways = (INIT,) if first.help is None else (INIT, f"or by hand: {first.help}")
    return Line(topic, "problem" if errors else "warning", seen, ways)
