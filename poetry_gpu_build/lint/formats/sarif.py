"""Findings as SARIF 2.1.0 (OASIS), with what GitHub code scanning reads of it.

The sections in the comments are those of the standard, "Static Analysis Results Interchange Format (SARIF) Version
2.1.0 Plus Errata 01"; what GitHub reads is in GitHub Docs, "SARIF support for code scanning".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any
from urllib.parse import quote

from poetry_gpu_build.lint.formats.characters import well_formed
from poetry_gpu_build.lint.formats.fingerprints import fingerprints
from poetry_gpu_build.lint.formats.interface import Format
from poetry_gpu_build.lint.formats.places import from_root
from poetry_gpu_build.lint.formats.places import utf16_position
from poetry_gpu_build.lint.formats.places import utf16_span

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

    from poetry_gpu_build.lint.finding import Edit
    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.finding import Fix
    from poetry_gpu_build.lint.finding import Severity
    from poetry_gpu_build.lint.formats.interface import Report
    from poetry_gpu_build.lint.rule_page import RulePage

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
# GitHub's words for rules that are no security rules.
_PROBLEM_SEVERITIES: Mapping[Severity, str] = {"error": "error", "warning": "warning", "info": "recommendation"}
# GitHub's limit for the two descriptions.
_DESCRIPTION = 1024


class SarifFormat(Format):
    """One log file with one run."""

    def render(self, report: Report) -> Iterator[str]:
        """The log, in ASCII."""
        rules = [report.rules[code] for code in sorted(report.rules)]
        driver: dict[str, Any] = {"name": "poetry-gpu-build"}
        if report.version:
            driver["version"] = report.version
        driver["rules"] = [_rule(page) for page in rules]
        indexes = {page.code: index for index, page in enumerate(rules)}
        run = {
            "tool": {"driver": driver},
            "columnKind": "utf16CodeUnits",
            "results": [
                _result(finding, fingerprint, indexes.get(finding.code), report)
                for finding, fingerprint in zip(report.findings, fingerprints(report), strict=True)
            ],
        }
        yield json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(page: RulePage) -> dict[str, Any]:
    """A reportingDescriptor (3.49)."""
    rule: dict[str, Any] = {
        "id": page.code,
        "name": page.name,
        "shortDescription": {"text": _shortened(page.summary)},
        "fullDescription": {"text": _shortened(page.description)},
        "help": {"text": well_formed(page.description), "markdown": well_formed(page.description)},
        "defaultConfiguration": {"level": _LEVELS[page.severity]},
        "properties": {
            "tags": list(page.tags),
            "precision": page.precision,
            "problem.severity": _PROBLEM_SEVERITIES[page.severity],
        },
    }
    if page.doc is not None and "://" in page.doc:
        rule["helpUri"] = page.doc
    return rule


def _result(finding: Finding, fingerprint: str, index: int | None, report: Report) -> dict[str, Any]:
    """A result (3.27)."""
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": _LEVELS[finding.severity],
        "message": _message(finding.message if finding.help is None else f"{finding.message}\n{finding.help}"),
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(finding.where.path, report.root),
                    "region": _region(finding, report),
                }
            }
        ],
        # Versioned, as 3.5.4 asks. GitHub's own primaryLocationLineHash is left to its upload action, which computes
        # it from the files and warns of every value that is not its own.
        "partialFingerprints": {"gpuBuildFinding/v1": fingerprint},
    }
    if index is not None:
        result["ruleIndex"] = index
    fix = None if finding.fix is None else _fix(finding.fix, report)
    if fix is not None:
        result["fixes"] = [fix]
    return result


def _region(finding: Finding, report: Report) -> dict[str, int]:
    """A text region (3.30.2); GitHub wants one always, so a file as a whole is its first line."""
    if not finding.where.line:
        return {"startLine": 1}
    return _span(utf16_span(report.sources.get(finding.where.path), finding))


def _fix(fix: Fix, report: Report) -> dict[str, Any] | None:
    """A fix (3.55): one artifactChange (3.56) for each file; None where a text is missing that its offsets count in."""
    changes: dict[Path, list[dict[str, Any]]] = {}
    for edit in fix.edits:
        region = _deleted_region(edit, report)
        if region is None:
            return None
        replacement: dict[str, Any] = {"deletedRegion": region}
        if edit.text:
            replacement["insertedContent"] = {"text": well_formed(edit.text)}
        changes.setdefault(edit.path, []).append(replacement)
    if not changes:
        return None
    return {
        "description": _message(fix.title),
        "artifactChanges": [
            {"artifactLocation": _artifact(path, report.root), "replacements": replacements}
            for path, replacements in changes.items()
        ],
        "properties": {"isSafe": fix.is_safe},
    }


def _deleted_region(edit: Edit, report: Report) -> dict[str, int] | None:
    source = report.sources.get(edit.path)
    if source is None:
        return None if edit.end else _span((1, 1, 1, 1))
    begin = utf16_position(source, source.position(edit.start))
    return _span((*begin, *utf16_position(source, source.position(edit.end))))


def _span(span: tuple[int, int, int, int]) -> dict[str, int]:
    return dict(zip(("startLine", "startColumn", "endLine", "endColumn"), span, strict=True))


def _artifact(path: Path, root: Path) -> dict[str, str]:
    """An artifactLocation (3.4): relative to the root of the sources, or the URI of a file elsewhere."""
    place = from_root(path, root)
    # A byte of a name that is no UTF-8 (PEP 383) is percent-encoded as itself; any other surrogate cannot be one.
    name = place.as_posix().encode("utf-8", "surrogateescape" if _is_file_name(place) else "replace")
    if place.is_absolute():
        return {"uri": f"file://{quote(name)}"}
    return {"uri": quote(name), "uriBaseId": "%SRCROOT%"}


def _is_file_name(path: Path) -> bool:
    return not any("\ud800" <= character < "\udc80" or "\udcff" < character <= "\udfff" for character in str(path))


def _message(text: str) -> dict[str, str]:
    """A message (3.11): braces are doubled (3.11.5), and what would be an embedded link (3.11.6) is not one."""
    plain = well_formed(text).replace("{", "{{").replace("}", "}}").replace("](", "] (")
    return {"text": plain}


def _shortened(text: str) -> str:
    """At most as much as GitHub takes, cut between words."""
    clean = well_formed(text.strip())
    if len(clean) <= _DESCRIPTION:
        return clean
    kept = clean[: _DESCRIPTION - 1]
    return (kept.rsplit(maxsplit=1)[0] if " " in kept else kept) + "…"
