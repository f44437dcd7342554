"""Silences the findings of a file as its comments say, and finds what is wrong with the comments (GPU902)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.comments import comments_of
from poetry_gpu_build.lint.comments import dockerfile_comments
from poetry_gpu_build.lint.run import finding_of
from poetry_gpu_build.lint.suppression import UNUSED
from poetry_gpu_build.lint.suppression import parse_suppressions
from poetry_gpu_build.lint.suppression import suppress
from poetry_gpu_build.lint.suppression import unused_hits

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from pathlib import Path

    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.rule import Rule
    from poetry_gpu_build.lint.suppression import Suppressions

# A fault of the values given, and not of the file.
_NOT_BROKEN = "required-variable"


def silence(
    path: Path, findings: Iterable[Finding], documents: Documents, active: Mapping[str, Rule], *, judge: bool
) -> list[Finding]:
    """The findings of a file that its comments leave, and, to ``judge`` them, those about the comments.

    ``active`` are the rules that ran and that count in this file: only of these a suppression can be unused.
    """
    source = documents.source_at(path)
    if source is None:
        return list(findings)
    said = _suppressions(source, documents)
    verdict = suppress(_sorted(findings), said.directives, active.keys() - {UNUSED})
    rule = active.get(UNUSED)
    if rule is None or not judge:
        return list(verdict.kept)
    is_whole = _is_whole(path, documents)
    hits = unused_hits(source, said.mistakes, verdict.unused if is_whole else ())
    second = suppress(_sorted(finding_of(rule, hit, documents) for hit in hits), said.directives, {UNUSED})
    # What is said of a suppression of this rule itself, nothing silences: or there would be no end.
    last = [finding_of(rule, hit, documents) for hit in unused_hits(source, (), second.unused if is_whole else ())]
    return [*verdict.kept, *second.kept, *last]


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.order)


def _suppressions(source: Source, documents: Documents) -> Suppressions:
    image = documents.image_at(source.path)
    comments = comments_of(source) if image is None else dockerfile_comments(image.dockerfile)
    return parse_suppressions(comments, documents.policy.lint.severities.keys())


def _is_whole(path: Path, documents: Documents) -> bool:
    """Whether the rules saw all of a file: what a broken one holds, and what may be silenced there, is not known."""
    image = documents.image_at(path)
    if image is not None:
        return not any(problem.fatal for problem in image.dockerfile.problems)
    if path.suffix == ".toml":
        return documents.toml(str(path)) is not None
    projects = [each.compose for each in documents.with_each_compose]
    faults = (problem for project in projects if project and path in project.files for problem in project.problems)
    return all(problem.kind == _NOT_BROKEN for problem in faults)
