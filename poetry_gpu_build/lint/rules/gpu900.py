"""GPU900: a document that cannot be read as what it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.lint.documents import LOCK
from poetry_gpu_build.lint.documents import POETRY_TOML
from poetry_gpu_build.lint.documents import PYPROJECT
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import ComposeRule
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import binary
from poetry_gpu_build.lint.services import hit_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.compose.problems import Problem
    from poetry_gpu_build.documents.dockerfile.model import Dockerfile
    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.lint.documents import Documents

_COMPOSE = "docker/docker-compose.yml"
_SERVICE = "services:\n  app:\n    image: a\n"
# What Compose itself refuses. A required variable is a fault of the values, and what is remote or too much is GPU901's.
_REFUSED = frozenset({"unreadable", "syntax", "duplicate-key", "shape", "interpolation", "reference", "cycle"})
# What may be wrong only because the reading stopped in the middle.
_FOLLOWING = frozenset({"shape", "reference"})
# Frontends that read the language of which BuildKit's own reads most: docker/dockerfile:1, docker/dockerfile-upstream.
_FRONTEND = lazy_pattern(r"(?:.*/)?dockerfile(?:-upstream)?(?:[:@].*)?\Z")
_WORD = lazy_pattern(r"[^\s,\]}#]+")
# A value of an env file may be a secret, and a finding shows its line: what is no comment is blanked.
_VALUES = lazy_pattern(r"^(?![ \t]*#)[^\n]+", re.MULTILINE)


class BrokenDocument(ComposeRule):
    """Every file that the project or the image is made from can be read as what it is.

    What stands behind a mistake is not read, or read as something else: no rule can speak for it, and Poetry, Compose
    or BuildKit stop at it, at the latest when the image is built. Reported is what they refuse: TOML that is none, a
    Dockerfile with an unknown instruction or without FROM, Compose files with equal keys, circles and links to nothing.
    """

    code = "GPU900"
    name = "broken-document"
    valid = (
        Example(binary("FROM a\nRUN <<EOF\nls\nEOF\n", **{"pyproject.toml": "\ufeff[tool]\n", _COMPOSE: _SERVICE})),
        Example(binary("FROM a\nRUN echo \udcff\n")),
        Example(binary("FROM a\nRUN x \\\n\n  y\n")),
        Example(binary("# syntax=example.org/another/language:2\nIMAGE a\n")),
        Example({_COMPOSE: _SERVICE + "    ports: ['${PORT:?set PORT}']\n"}),
        Example({_COMPOSE: "include: ['oci://example.org/app']\n" + _SERVICE}),
        Example({".gitignore": "[\n"}),
    )
    invalid = (
        Example({"pyproject.toml": "[project]\nname = \n"}, ("pyproject.toml:2:8",)),
        Example({"poetry.toml": "a = 1\na = 2\n"}, ("poetry.toml:2:6",)),
        Example({"poetry.lock": "[[package]]\nname = 'caf\udce9'\n"}, ("poetry.lock:2:12",)),
        Example(binary(""), ("docker/Dockerfile:1:1",)),
        Example(binary("# nothing\n"), ("docker/Dockerfile:1:1",)),
        Example(binary("ARG A\n"), ("docker/Dockerfile:1:1",)),
        Example(binary("FROM a\nRUM ls\nCOPY a\n"), ("docker/Dockerfile:2:1", "docker/Dockerfile:3:1")),
        Example(binary("# syntax=docker/dockerfile:1\nFROM a\nRUN <<EOF\nls\n"), ("docker/Dockerfile:3:5",)),
        Example(binary("FROM a\nCOPY --form=b c d\n"), ("docker/Dockerfile:2:6",)),
        Example({_COMPOSE: "services:\n  app: [\n"}, (f"{_COMPOSE}:3:1",)),
        Example({_COMPOSE: "services:\n  app:\n    image: a\n    image: b\n"}, (f"{_COMPOSE}:4:5",)),
        Example({_COMPOSE: "services: [a]\n"}, (f"{_COMPOSE}:1:11",)),
        Example({_COMPOSE: _SERVICE + "    user: ${\n"}, (f"{_COMPOSE}:4:11",)),
        Example({_COMPOSE: _SERVICE + "    labels: [\udcff]\n"}, (f"{_COMPOSE}:4:14",)),
        Example({_COMPOSE: "services:\n  app:\n    extends: app\n"}, (f"{_COMPOSE}:3:14",)),
        Example(
            {_COMPOSE: "include: [more.yml]\n" + _SERVICE, "docker/more.yml": "services: {db: *db}\n"},
            ("docker/more.yml:1:16",),
        ),
        Example({_COMPOSE: "include: [more.yml]\n" + _SERVICE}, (f"{_COMPOSE}:1:11",)),
        Example(
            {_COMPOSE: "include: [more.yml]\n" + _SERVICE, "docker/more.yml": "# caf\udce9\n"},
            ("docker/more.yml:1:6",),
        ),
        Example({_COMPOSE: _SERVICE, "docker/.env": "# ours\nA SECRET\n"}, ("docker/.env:2:1",)),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Report what the readers of each kind of file could not read."""
        for name in (PYPROJECT, POETRY_TOML, LOCK):
            if documents.is_told(documents.root / name):
                yield from _toml_mistake(name, documents)
        for image in documents.told_images:
            yield from _refused(image.dockerfile)
        yield from super().check(documents)

    def check_compose(self, documents: Documents) -> Iterator[Hit]:
        """Report what keeps Compose from reading a file, in the file where it stands."""
        project = documents.compose
        problems = project.problems if project is not None else ()
        cut_short = {problem.position.path for problem in problems if problem.kind == "syntax"}
        told: set[Position] = set()
        for problem in problems:
            follows = problem.kind in _FOLLOWING and problem.position.path in cut_short
            # Of several at one place the first is the cause: an alias of nothing is no service either.
            if problem.kind in _REFUSED and not follows and problem.position not in told:
                told.add(problem.position)
                yield from _compose_problem(problem, documents)


def _toml_mistake(name: str, documents: Documents) -> Iterator[Hit]:
    mistake = documents.toml_mistake(name)
    source = documents.source(name)
    if mistake is not None and source is not None:
        help_text = mistake.ways_out[0] if mistake.ways_out else None
        yield _hit(source, mistake.where, mistake.message, help_text)


def _refused(dockerfile: Dockerfile) -> Iterator[Hit]:
    """What BuildKit refuses, unless another frontend than its own reads the file."""
    syntax = next((each.value for each in dockerfile.directives if each.name == "syntax"), "dockerfile")
    if _FRONTEND.match(syntax):
        for problem in dockerfile.problems:
            if problem.fatal and not problem.is_limit:
                yield _hit(dockerfile.source, problem.position, f"BuildKit refuses this: {problem.message}", None)


def _compose_problem(problem: Problem, documents: Documents) -> Iterator[Hit]:
    # A file that is not UTF-8 is mended there, not where another file names it.
    inside = problem.kind == "unreadable" and problem.also and problem.also[0].line > 0
    position = problem.also[0] if inside else problem.position
    others = ", ".join(f"line {each.line}" for each in problem.also if each.path == position.path and each.line)
    help_text = f"see also {others}" if others and not inside else None
    for hit in hit_at(documents, position, problem.message, help_text):
        is_env = position.path.suffix not in (".yml", ".yaml")
        yield hit._replace(source=_without_values(hit.source)) if is_env else hit


def _without_values(source: Source) -> Source:
    return Source(source.path, _VALUES.sub(lambda line: " " * len(line[0]), source.text))


def _hit(source: Source, where: Position | None, message: str, help_text: str | None) -> Hit:
    """A hit at the word that stands at a place, or at the file as a whole."""
    start = source.offset(where.line, where.column) if where is not None else 0
    word = _WORD.match(source.text, start) if where is not None and where.line else None
    return Hit(source, start, start if word is None else word.end(), message, help_text)
