"""Small builders for findings and reports: a finding is made from the text that it marks."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Finding
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.formats.interface import Report
from poetry_gpu_build.lint.formats.interface import Style
from poetry_gpu_build.lint.formats.load import load_format
from poetry_gpu_build.lint.rule_page import RulePage

if TYPE_CHECKING:
    from poetry_gpu_build.lint.finding import Severity

ROOT = Path("/project")
DOCKERFILE = ROOT / "docker" / "Dockerfile"
TEXT = "FROM base\nRUN pip install torch\nRUN pip install numpy\n"
NAMES = {"GPU101": "single-pip-command", "GPU102": "pip-after-poetry", "GPU401": "sidecar-publishes-port"}


def source(text: str = TEXT, path: Path = DOCKERFILE) -> Source:
    return Source(path, text)


def found(
    of: Source,
    marked: str,
    *,
    code: str = "GPU101",
    severity: Severity = "error",
    message: str = "a second pip command",
    advice: str | None = None,
    fix: Fix | None = None,
) -> Finding:
    """A finding on the first place of a text; an empty one is the end of the file."""
    start = of.text.index(marked) if marked else len(of.text)
    return found_at(
        of, start, start + len(marked), code=code, severity=severity, message=message, advice=advice, fix=fix
    )


def found_at(
    of: Source,
    start: int,
    end: int,
    *,
    code: str = "GPU101",
    severity: Severity = "error",
    message: str = "a second pip command",
    advice: str | None = None,
    fix: Fix | None = None,
) -> Finding:
    where = of.position(start)
    return Finding(
        code=code,
        name=NAMES.get(code, "some-rule"),
        severity=severity,
        message=message,
        where=where,
        end=of.position(end),
        excerpt=of.line(where.line),
        help=advice,
        fix=fix,
    )


def on_file(path: Path = DOCKERFILE, *, code: str = "GPU305", message: str = "the lock is not ignored") -> Finding:
    """A finding on a file as a whole."""
    return Finding(code, NAMES.get(code, "some-rule"), "error", message, Position(path), Position(path), excerpt="")


def replacing(of: Source, old: str, new: str, *, safe: bool = True, title: str = "write it otherwise") -> Fix:
    return Fix(title, (edit(of, old, new),), is_safe=safe)


def edit(of: Source, old: str, new: str) -> Edit:
    start = of.text.index(old)
    return Edit(of.path, start, start + len(old), new)


def page(code: str = "GPU101", *, severity: Severity = "error", doc: str | None = None) -> RulePage:
    description = f"## What it does\n\nFinds what {code} is about.\n\n## Why is this bad?\n\nIt is."
    return RulePage(
        code, NAMES.get(code, "some-rule"), f"What {code} is about.", description, severity, doc, ("policy",)
    )


def report(*findings: Finding, sources: tuple[Source, ...] = (), files: int = 1, fixed: int = 0) -> Report:
    return Report(
        findings=tuple(sorted(findings, key=lambda finding: finding.order)),
        root=ROOT,
        rules={code: page(code) for code in sorted({finding.code for finding in findings} | {"GPU901"})},
        sources={of.path: of for of in sources},
        version="1.2.3",
        files=files,
        fixed=fixed,
    )


def shown(name: str, of: Report, *, color: bool = False, statistics: bool = False, width: int = 120) -> str:
    """What a format writes."""
    stream = io.StringIO()
    load_format(name, Style(color=color, statistics=statistics, width=width)).write(of, stream)
    return stream.getvalue()
