"""Findings as a GitLab Code Quality report.

Documentation: GitLab Docs, "Code Quality", "Code Quality report format": an array of objects with a description, a
check_name, a fingerprint that is unique in the report, a severity and a location; no byte-order mark.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from poetry_gpu_build.lint.formats.characters import well_formed
from poetry_gpu_build.lint.formats.fingerprints import fingerprints
from poetry_gpu_build.lint.formats.interface import Format
from poetry_gpu_build.lint.formats.places import from_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.lint.finding import Severity
    from poetry_gpu_build.lint.formats.interface import Report

_SEVERITIES: Mapping[Severity, str] = {"error": "major", "warning": "minor", "info": "info"}


class GitlabFormat(Format):
    """One JSON array; a finding on a file as a whole is shown on its first line, which GitLab requires."""

    def render(self, report: Report) -> Iterator[str]:
        """The array, in ASCII."""
        issues = [
            {
                "description": well_formed(f"{finding.code}: {finding.message}"),
                "check_name": finding.code,
                "fingerprint": fingerprint,
                "severity": _SEVERITIES[finding.severity],
                "location": {
                    "path": well_formed(from_root(finding.where.path, report.root).as_posix()),
                    "lines": {"begin": max(1, finding.where.line)},
                },
            }
            for finding, fingerprint in zip(report.findings, fingerprints(report), strict=True)
        ]
        yield json.dumps(issues, indent=2) + "\n"
