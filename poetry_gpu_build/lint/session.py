"""One run of the linter over files on the disk: finds the project, reads, lints, mends. The edge of the linter."""

from __future__ import annotations

import gc
import os.path
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build import resources
from poetry_gpu_build.lint.documents import PYPROJECT
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.files import Files
from poetry_gpu_build.lint.registry import select_rules
from poetry_gpu_build.lint.run import run_rules
from poetry_gpu_build.lint.tomls import Tomls
from poetry_gpu_build.policy import load_policy

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.errors import ConfigurationError
    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.registry import Selection

# Mending one finding may uncover the next; two edits that meet are made in two rounds.
MOST_ROUNDS = 10
# More than anyone reads of one rule in one file.
MOST_OF_A_RULE = 1000


class Linted(NamedTuple):
    """What a run found."""

    root: Path
    findings: tuple[Finding, ...]
    sources: dict[Path, Source]
    """Every text that was read, by its path."""
    problems: tuple[ConfigurationError, ...]
    """Files that could not be read; the others were linted all the same."""
    looked_at: dict[Path, bool]
    """The files that all this depends on, and whether each is there."""


def project_root(start: Path) -> Path:
    """The nearest folder upwards with a pyproject.toml, be it a broken one; without one, the folder itself."""
    start = _normal(start)
    folder = start if os.path.isdir(start) else start.parent  # noqa: PTH112 - Path.is_dir raises below a closed folder
    return next((each for each in (folder, *folder.parents) if os.path.lexists(each / PYPROJECT)), folder)


def lint_files(root: Path, selection: Selection, files: Sequence[Path], texts: dict[Path, str]) -> Linted:
    """Lint the project at ``root``; with ``files`` only what stands in them is told.

    ``texts`` stands in for files of the disk: stdin, or what fixes have made. Raises ConfigurationError for a
    ``[tool.gpu-build]`` that cannot be used; under a manifest that is no TOML the shipped policy counts.
    """
    with _without_collector():
        return _lint(root, selection, files, texts)


def _lint(root: Path, selection: Selection, files: Sequence[Path], texts: Mapping[Path, str]) -> Linted:
    reader = Files({_normal(path): text for path, text in texts.items()})
    named = tuple(dict.fromkeys(map(_normal, files)))
    tomls = Tomls(reader.read)
    policy = load_policy(resources.policies_dir(), tomls.document(root / PYPROJECT))
    documents = Documents(root, policy, reader.read, named, tomls)
    rules = select_rules(selection, policy.lint, documents.told_kinds)
    findings = run_rules(documents, rules)
    told = tuple(_first(finding for finding in findings if documents.is_told(finding.where.path)))
    for path in named:
        reader.require(path)
    for path in documents.own_files:
        reader.require_text(path)
    looked_at = reader.looked_at()
    for path in (*_manifests_above((*named, root / PYPROJECT)), *documents.own_files):
        looked_at.setdefault(path, os.path.lexists(path))
    return Linted(root, told, reader.sources(), reader.problems(), looked_at)


def _manifests_above(files: Iterable[Path]) -> set[Path]:
    """Where a pyproject.toml says, or would say, which project some files belong to."""
    return {folder / PYPROJECT for parent in {path.parent for path in files} for folder in (parent, *parent.parents)}


def _first(findings: Iterable[Finding]) -> Iterator[Finding]:
    """What is told: of each rule in each file the first MOST_OF_A_RULE, and that there are more."""
    told: dict[tuple[Path, str], int] = {}
    for finding in findings:
        key = (finding.where.path, finding.code)
        number = told[key] = told.get(key, 0) + 1
        if number < MOST_OF_A_RULE:
            yield finding
        elif number == MOST_OF_A_RULE:
            yield finding._replace(message=f"{finding.message} (the rule finds more here; {number} are told)")


class Mended(NamedTuple):
    """What fixes made of a project."""

    linted: Linted
    """What is left, found in the fixed texts."""
    before: dict[Path, str | None]
    after: dict[Path, str]
    """The texts that changed, by path; None before: the file is new."""
    fixed: int
    """How many findings were mended."""


def mend(root: Path, selection: Selection, files: Sequence[Path], texts: dict[Path, str], *, unsafe: bool) -> Mended:
    """Lint and fix in memory, until no fix is left to make; nothing is written. Raises as lint_files.

    With ``files`` only the findings in them are mended.
    """
    from poetry_gpu_build.lint.fixes import apply_fixes

    now = dict(texts)
    before: dict[Path, str | None] = {}
    fixed = 0
    linted = lint_files(root, selection, files, now)
    for _ in range(MOST_ROUNDS):
        result = apply_fixes(linted.sources, linted.findings, unsafe=unsafe)
        if not result.texts:
            break
        for path, text in result.texts.items():
            source = linted.sources.get(path)
            before.setdefault(path, None if source is None else source.text)
            now[path] = text
        fixed += len(result.applied)
        linted = lint_files(root, selection, files, now)
    return Mended(linted, before, {path: now[path] for path in before}, fixed)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Python's collector of circles finds none here, and looks through a long file's values half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _normal(path: Path) -> Path:
    """One path for one file, however it was named; links are not followed."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow links
