"""Findings for programs: one JSON document.

    {
      "schema_version": 1,
      "tool": {"name": "poetry-gpu-build", "version": "0.1.0"},
      "summary": {"files": 4, "error": 1, "warning": 0, "info": 0, "fixable": 1, "unsafe_fixable": 0, "fixed": 0},
      "findings": [
        {
          "code": "GPU101",
          "name": "single-pip-command",
          "severity": "error",
          "message": "…",
          "path": "docker/Dockerfile",
          "line": 12, "column": 5, "end_line": 12, "end_column": 16,
          "help": "…" or null,
          "fix": null or {
            "title": "…",
            "is_safe": true,
            "edits": [
              {
                "path": "docker/Dockerfile",
                "start": 181, "end": 192,
                "line": 12, "column": 5, "end_line": 12, "end_column": 16,
                "text": "…"
              }
            ]
          }
        }
      ]
    }

Paths are relative to the root with `/`, or absolute outside it. Lines and columns count from 1 and an end is behind the
last character; all four are null for a file as a whole. Columns and offsets count characters (Unicode code points),
offsets from 0, a byte-order mark and both characters of a CRLF included. `summary` counts findings by severity and by
the kind of their fix; `fixed` ones are not among the findings. A byte that is no UTF-8 is written as U+FFFD.
New keys may come without a new `schema_version`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.lint.finding import SEVERITIES
from poetry_gpu_build.lint.formats.characters import well_formed
from poetry_gpu_build.lint.formats.interface import Format
from poetry_gpu_build.lint.formats.places import from_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.lint.finding import Edit
    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.finding import Fix
    from poetry_gpu_build.lint.formats.interface import Report

SCHEMA_VERSION = 1


class JsonFormat(Format):
    """The document that this module describes."""

    def render(self, report: Report) -> Iterator[str]:
        """The document, in ASCII, so that no stream and no terminal can spoil it."""
        counts: dict[str, int] = {severity: report.number(severity) for severity in SEVERITIES}
        document = {
            "schema_version": SCHEMA_VERSION,
            "tool": {"name": "poetry-gpu-build", "version": report.version or None},
            "summary": {
                "files": report.files,
                **counts,
                "fixable": report.fixable(safe=True),
                "unsafe_fixable": report.fixable(safe=False),
                "fixed": report.fixed,
            },
            "findings": [_finding(finding, report) for finding in report.findings],
        }
        yield json.dumps(document, indent=2) + "\n"


def _finding(finding: Finding, report: Report) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "message": well_formed(finding.message),
        "path": well_formed(from_root(finding.where.path, report.root).as_posix()),
        **_span(finding.where, finding.end),
        "help": None if finding.help is None else well_formed(finding.help),
        "fix": None if finding.fix is None else _fix(finding.fix, report),
    }


def _fix(fix: Fix, report: Report) -> dict[str, Any]:
    return {
        "title": well_formed(fix.title),
        "is_safe": fix.is_safe,
        "edits": [_edit(edit, report) for edit in fix.edits],
    }


def _edit(edit: Edit, report: Report) -> dict[str, Any]:
    source = report.sources.get(edit.path)
    return {
        "path": well_formed(from_root(edit.path, report.root).as_posix()),
        "start": edit.start,
        "end": edit.end,
        **(_span(None, None) if source is None else _span(source.position(edit.start), source.position(edit.end))),
        "text": well_formed(edit.text),
    }


def _span(begin: Position | None, end: Position | None) -> dict[str, int | None]:
    if begin is None or end is None or not begin.line:
        return {"line": None, "column": None, "end_line": None, "end_column": None}
    return {"line": begin.line, "column": begin.column, "end_line": end.line, "end_column": end.column}
