"""Findings for people: the place, the line, a caret, what to do; as ruff and rustc show them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from poetry_gpu_build.lint.finding import SEVERITIES
from poetry_gpu_build.lint.formats.characters import visible
from poetry_gpu_build.lint.formats.excerpt import marked_line
from poetry_gpu_build.lint.formats.interface import Format
from poetry_gpu_build.lint.formats.places import from_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.finding import Severity
    from poetry_gpu_build.lint.formats.interface import Report

# Parameters of ANSI's "select graphic rendition" (ECMA-48, 8.3.117).
_BOLD = "1"
_GUTTER = "1;34"
_HELP = "1;36"
_SEVERITY_COLORS: Mapping[Severity, str] = {"error": "1;31", "warning": "1;33", "info": "1;36"}
# The narrowest excerpt that still says something.
_NARROWEST = 24


class TextFormat(Format):
    """Text, with an excerpt for each finding and a summary at the end."""

    def render(self, report: Report) -> Iterator[str]:
        """The findings or their statistics, then the summary."""
        if self.style.statistics:
            yield from self._statistics(report)
        else:
            for finding in report.findings:
                yield "\n".join([*self._finding(finding, report), "", ""])
        yield f"{_summary(report)}\n"

    def _finding(self, finding: Finding, report: Report) -> Iterator[str]:
        where = visible(from_root(finding.where.path, report.root).as_posix())
        if finding.where.line:
            where += f":{finding.where.line}:{finding.where.column}"
        rule = self._paint(f"{finding.severity}[{finding.code}]", _SEVERITY_COLORS[finding.severity])
        mark = "[*] " if finding.fix is not None and finding.fix.is_safe else ""
        yield f"{self._paint(where, _BOLD)}: {rule} {mark}{visible(finding.message)}"
        gutter = " " * len(str(finding.where.line))
        if finding.where.line:
            yield from self._excerpt(finding, gutter)
        yield from self._advice(finding, gutter)

    def _excerpt(self, finding: Finding, gutter: str) -> Iterator[str]:
        start = finding.where.column - 1
        is_one_line = finding.end.line <= finding.where.line
        end = finding.end.column - 1 if is_one_line else len(finding.excerpt)
        limit = max(_NARROWEST, self.style.width - len(gutter) - len(" | "))
        line, carets = marked_line(finding.excerpt, start, end, limit)
        bar = self._paint("|", _GUTTER)
        yield f"{gutter} {bar}"
        yield f"{self._paint(str(finding.where.line), _GUTTER)} {bar} {line}".rstrip()
        blank = len(carets) - len(carets.lstrip())
        yield f"{gutter} {bar} {carets[:blank]}{self._paint(carets[blank:], _SEVERITY_COLORS[finding.severity])}"

    def _advice(self, finding: Finding, gutter: str) -> Iterator[str]:
        advice = [] if finding.help is None else [("help", finding.help)]
        if finding.fix is not None:
            advice.append(("fix" if finding.fix.is_safe else "unsafe fix", finding.fix.title))
        for name, text in advice:
            first, *others = text.split("\n")
            sign = self._paint("=", _GUTTER)
            yield f"{gutter} {sign} {self._paint(f'{name}:', _HELP)} {visible(first)}".rstrip()
            indent = " " * len(f"{gutter} = {name}: ")
            yield from (f"{indent}{visible(other)}".rstrip() for other in others)

    def _statistics(self, report: Report) -> Iterator[str]:
        """A line for each rule that found something, the most frequent first."""
        counts = Counter((finding.code, finding.name, finding.severity) for finding in report.findings)
        fixable = {
            (finding.code, finding.severity)
            for finding in report.findings
            if finding.fix is not None and finding.fix.is_safe
        }
        digits = len(str(max(counts.values(), default=0)))
        for (code, name, severity), count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            shown = self._paint(f"{severity:<7}", _SEVERITY_COLORS[severity])
            mark = "[*]" if (code, severity) in fixable else "[ ]"
            yield f"{count:>{digits}} {shown} {code} {mark} {visible(name)}\n"

    def _paint(self, text: str, parameters: str) -> str:
        return f"\x1b[{parameters}m{text}\x1b[0m" if self.style.color else text


def _summary(report: Report) -> str:
    fixed = f"Fixed {_counted(report.fixed, 'finding')}. " if report.fixed else ""
    if not report.findings:
        return f"{fixed}All checks passed!"
    counts = [_counted(number, severity) for severity in SEVERITIES if (number := report.number(severity))]
    safe, unsafe = report.fixable(safe=True), report.fixable(safe=False)
    ways = []
    if safe:
        ways.append(f"{safe} fixable with --fix")
    if unsafe:
        ways.append(f"{unsafe}{' more' if safe else ''} fixable with --unsafe-fixes")
    return f"{fixed}Found {', '.join(counts)}{'; ' if ways else ''}{', '.join(ways)}."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 or noun == "info" else f"{number} {noun}s"
