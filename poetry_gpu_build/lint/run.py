"""Runs rules over the documents of a project: hits become findings, settings and comments silence them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.finding import Finding
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import EngineRule
from poetry_gpu_build.lint_policy import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator
    from pathlib import Path

    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.rule import Rule

# The files whose comments are ours: what a Dockerfile merely copies may speak of suppressions without meaning one, and
# an env file's line may hold a secret.
_OUR_ENDINGS = (".toml", ".yml", ".yaml", "ignore")
_LONG_LINE = 1000
# What may be a suppression; most files have none, and nobody reads their comments.
_COMMENT = lazy_pattern(r"#[ \t]*gpu-build")


def run_rules(documents: Documents, rules: Iterable[Rule]) -> tuple[Finding, ...]:
    """Every finding that neither the settings nor a comment silence, in the order of files and places."""
    ran = {rule.code: rule for rule in rules}
    found: dict[Path, list[Finding]] = {}
    for rule in ran.values():
        for hit in rule.check(documents):
            found.setdefault(hit.source.path, []).append(finding_of(rule, hit, documents))
    about_comments = {rule.code for rule in ran.values() if isinstance(rule, EngineRule)}
    judged = set(_judged(documents)) if about_comments else set()
    ignored_in = _per_file_ignores(documents)
    kept: list[Finding] = []
    for path in {*found, *judged}:
        ignored = ignored_in(path)
        own = [each for each in found.get(path, ()) if not each.code.startswith(ignored)]
        if _has_suppression(path, documents):
            from poetry_gpu_build.lint.silencing import silence

            active = {code: rule for code, rule in ran.items() if not code.startswith(ignored)}
            own = silence(path, own, documents, active, judge=path in judged)
        kept += own
    return tuple(sorted(kept, key=_order))


def _has_suppression(path: Path, documents: Documents) -> bool:
    source = documents.source_at(path)
    return source is not None and "gpu-build" in source.text and _COMMENT.search(source.text) is not None


def finding_of(rule: Rule, hit: Hit, documents: Documents) -> Finding:
    """A hit with its rule, severity and place."""
    where = hit.source.position(hit.start)
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=max(documents.policy.lint.severities[rule.code], hit.at_worst, key=SEVERITIES.index),
        message=hit.message,
        where=where,
        end=hit.source.position(hit.end),
        excerpt=_shared(hit.source.line(where.line), documents),
        help=hit.help,
        fix=hit.fix if hit.source.is_file else None,
    )


def _shared(line: str, documents: Documents) -> str:
    """One text for all findings of a long line: there may be thousands of them."""
    if len(line) < _LONG_LINE:
        return line
    known: dict[str, str] = documents.remember("long lines", dict)
    return known.setdefault(line, line)


def _order(finding: Finding) -> tuple[str, int, int, str, str]:
    return finding.order


def _per_file_ignores(documents: Documents) -> Callable[[Path], tuple[str, ...]]:
    """What the settings leave out in a file: codes, and the beginnings of codes."""
    entries = [(entry.matcher(), entry.codes) for entry in documents.policy.lint.per_file_ignores]

    def ignored_in(path: Path) -> tuple[str, ...]:
        if not entries:
            return ()
        inside = path.relative_to(documents.root) if path.is_relative_to(documents.root) else path
        name = inside.as_posix()
        return tuple(code for is_meant, codes in entries if is_meant(name) for code in codes)

    return ignored_in


def _judged(documents: Documents) -> Iterator[Path]:
    """The files whose suppressions are judged: the project's, and those beside them that the rules have read."""
    all_own = {*documents.own_files, *(image.dockerfile.path for image in documents.images)}
    own = {path for path in all_own if documents.is_told(path)}
    for path in own:
        documents.source_at(path)
    for source in documents.read_sources():
        is_ours = source.path in own or source.path.name.endswith(_OUR_ENDINGS)
        if is_ours and "gpu-build" in source.text:
            yield source.path
