"""Findings as annotations of a GitHub workflow run.

Documentation: GitHub Docs, "Workflow commands for GitHub Actions", "Setting an error message". The escaping is that of
GitHub's own toolkit (actions/toolkit, packages/core/src/command.ts): `%`, CR and LF; in properties `:` and `,` too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.formats.characters import visible
from poetry_gpu_build.lint.formats.interface import Format
from poetry_gpu_build.lint.formats.places import from_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.finding import Severity
    from poetry_gpu_build.lint.formats.interface import Report

_COMMANDS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "info": "notice"}


class GithubFormat(Format):
    """A workflow command for each finding."""

    def render(self, report: Report) -> Iterator[str]:
        """One line each; nothing if there is no finding."""
        for finding in report.findings:
            path = visible(from_root(finding.where.path, report.root).as_posix())
            properties = {"file": path, **_region(finding), "title": f"{finding.code} {visible(finding.name)}"}
            shown = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
            yield f"::{_COMMANDS[finding.severity]} {shown}::{_escape_data(_message(finding))}\n"


def _region(finding: Finding) -> dict[str, str]:
    """The place; the runner takes columns only if the annotation begins and ends on one line."""
    line, end_line = finding.where.line, finding.end.line
    if not line:
        return {}
    if line != end_line:
        return {"line": str(line), "endLine": str(max(line, end_line))}
    return {
        "line": str(line),
        "endLine": str(end_line),
        "col": str(finding.where.column),
        "endColumn": str(finding.end.column),
    }


def _message(finding: Finding) -> str:
    lines = [finding.message]
    if finding.help is not None:
        lines += f"help: {finding.help}".split("\n")
    return "\n".join(visible(line) for line in lines)


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
