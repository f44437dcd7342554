"""Findings as a JUnit report: one suite, a failed case for each finding.

There is no standard but what Ant's JUnit task writes and Jenkins, GitLab and others read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.formats.interface import Format
from poetry_gpu_build.lint.formats.places import from_root

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.formats.interface import Report

# What XML 1.0 (2.2, Char) does not allow, not even as a reference.
_ILLEGAL = lazy_pattern("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JunitFormat(Format):
    """One test suite; without a finding it holds one case that passed, since readers refuse an empty suite."""

    def render(self, report: Report) -> Iterator[str]:
        """The document, in ASCII with character references."""
        cases = len(report.findings) or 1
        totals = {"name": "poetry-gpu-build", "tests": str(cases), "failures": str(len(report.findings)), "errors": "0"}
        root = ET.Element("testsuites", totals)
        suite = ET.SubElement(root, "testsuite", totals)
        if not report.findings:
            ET.SubElement(suite, "testcase", {"name": "lint", "classname": "poetry-gpu-build"})
        for finding in report.findings:
            _add_case(suite, finding, report)
        ET.indent(root)
        yield ET.tostring(root, encoding="us-ascii", xml_declaration=True).decode("ascii") + "\n"


def _add_case(suite: ET.Element, finding: Finding, report: Report) -> None:
    path = _legal(from_root(finding.where.path, report.root).as_posix())
    place = {"line": str(finding.where.line)} if finding.where.line else {}
    name = f"{finding.code} {finding.name}"
    case = ET.SubElement(suite, "testcase", {"name": name, "classname": path, "file": path, **place})
    message = _legal(finding.message)
    failure = ET.SubElement(case, "failure", {"message": message, "type": finding.severity})
    where = f"{path}:{finding.where.line}:{finding.where.column}" if finding.where.line else path
    lines = [f"{where}: {finding.severity}[{finding.code}] {message}"]
    if finding.help is not None:
        lines.append(f"help: {_legal(finding.help)}")
    failure.text = "\n".join(lines)


def _legal(text: str) -> str:
    return _ILLEGAL.sub("", text)
