"""One run of the linter over files on the disk: finds the project, reads, lints, mends. The edge of the linter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from poetry_gpu_build import resources
from poetry_gpu_build.documents.reading import read_source
from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.fixes import apply_fixes
from poetry_gpu_build.lint.registry import known_codes
from poetry_gpu_build.lint.registry import select_rules
from poetry_gpu_build.lint.run import run_rules
from poetry_gpu_build.policy import load_policy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.registry import Selection

# Mending one finding may uncover the next; two edits that meet are made in two rounds.
MOST_ROUNDS = 10
_MANIFEST = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class Linted:
    """What a run found."""

    root: Path
    findings: tuple[Finding, ...]
    sources: dict[Path, Source]
    """Every text that was read, by its path."""
    problems: tuple[ConfigurationError, ...]
    """Files that could not be read; the others were linted all the same."""


def project_root(start: Path) -> Path:
    """The nearest folder upwards with a pyproject.toml; without one, the folder itself."""
    folder = start if start.is_dir() else start.parent
    return next((each for each in (folder, *folder.parents) if (each / _MANIFEST).is_file()), folder)


def lint_files(root: Path, selection: Selection, files: Sequence[Path], texts: dict[Path, str]) -> Linted:
    """Lint the project at ``root``; with ``files`` only what stands in them is told.

    ``texts`` stands in for files of the disk: stdin, or what fixes have made. Raises ConfigurationError for a
    ``[tool.gpu-build]`` that cannot be used.
    """
    reader = _Reader(texts)
    manifest = reader.read(root / _MANIFEST)
    pyproject = None if manifest is None else parse_toml(manifest.text, manifest.path)
    policy = load_policy(resources.policies_dir(), pyproject)
    dockerfiles = [path for path in files if _is_dockerfile(path)]
    rules = select_rules(selection.select, selection.ignore)
    findings = run_rules(Documents(root, policy, reader.read, dockerfiles), rules, {}, known_codes())
    told = tuple(finding for finding in findings if not files or finding.where.path in files)
    for path in files:
        reader.require(path)
    return Linted(root, told, reader.sources(), tuple(reader.problems))


@dataclass(frozen=True, slots=True)
class Mended:
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


def _is_dockerfile(path: Path) -> bool:
    return "dockerfile" in path.name.lower() and not path.name.endswith(".dockerignore")


class _Reader:
    """Reads each file once. What is missing is None; what cannot be read is None too, and a problem."""

    def __init__(self, texts: dict[Path, str]) -> None:
        self._read: dict[Path, Source | None] = {path: Source(path, text) for path, text in texts.items()}
        self.problems: list[ConfigurationError] = []

    def read(self, path: Path) -> Source | None:
        if path not in self._read:
            self._read[path] = self._from_disk(path)
        return self._read[path]

    def require(self, path: Path) -> None:
        """A file that the user named must be there."""
        if self.read(path) is None and not path.exists():
            self.problems.append(ConfigurationError(f"there is no file {path}", ways_out=("check the name",)))

    def sources(self) -> dict[Path, Source]:
        return {path: source for path, source in self._read.items() if source is not None}

    def _from_disk(self, path: Path) -> Source | None:
        if not path.exists():
            return None
        try:
            return read_source(path)
        except ConfigurationError as error:
            self.problems.append(error)
            return None
