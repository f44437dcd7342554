"""Runs rules over the documents of a project: hits become findings, comments silence them, the rest is sorted. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.comments import comments_of
from poetry_gpu_build.lint.comments import dockerfile_comments
from poetry_gpu_build.lint.finding import Finding
from poetry_gpu_build.lint.suppression import parse_suppressions
from poetry_gpu_build.lint.suppression import suppress

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Mapping

    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit
    from poetry_gpu_build.lint.finding import Severity
    from poetry_gpu_build.lint.rule import Rule
    from poetry_gpu_build.lint.suppression import Directive


def run_rules(
    documents: Documents, rules: Iterable[Rule], severities: Mapping[str, Severity], known: Collection[str]
) -> tuple[Finding, ...]:
    """Every finding that no comment silences, in the order of files and places.

    ``severities`` overrides the rules' own; ``known`` are the codes that a comment may name.
    """
    ran = tuple(rules)
    found = [
        (hit.source, _finding(rule, hit, severities.get(rule.code, rule.severity)))
        for rule in ran
        for hit in rule.check(documents)
    ]
    sources = {source.path: source for source, _ in found}
    kept: list[Finding] = []
    for path, source in sources.items():
        own = sorted((finding for _, finding in found if finding.where.path == path), key=lambda each: each.order)
        kept += suppress(own, _directives(source, documents, known), {rule.code for rule in ran}).kept
    return tuple(sorted(kept, key=lambda finding: finding.order))


def _finding(rule: Rule, hit: Hit, severity: Severity) -> Finding:
    where = hit.source.position(hit.start)
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=severity,
        message=hit.message,
        where=where,
        end=hit.source.position(hit.end),
        excerpt=hit.source.line(where.line),
        help=hit.help,
        fix=hit.fix,
    )


def _directives(source: Source, documents: Documents, known: Collection[str]) -> tuple[Directive, ...]:
    image = next((image for image in documents.images if image.dockerfile.path == source.path), None)
    comments = comments_of(source) if image is None else dockerfile_comments(image.dockerfile)
    return parse_suppressions(comments, known).directives
