"""GPU305: the ignore files let the lock and virtual environments in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.path_patterns import compile_path_pattern
from poetry_gpu_build.lint.context import context_path
from poetry_gpu_build.lint.context import ignorefile
from poetry_gpu_build.lint.documents import LOCK
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule
from poetry_gpu_build.lint.rule import binary
from poetry_gpu_build.lint.rule import source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint.documents import Documents

_GITIGNORE = ".gitignore"
_FOLDERS = (".venv", ".poetry")
_FROM = "FROM a\n"


class LockNotIgnored(Rule):
    """.dockerignore keeps poetry.lock, .venv and .poetry out of the context, and .gitignore poetry.lock out of git.

    What is not ignored comes in with the first `COPY .` that somebody writes: the lock of another machine, or a virtual
    environment that overrules `virtualenvs.create = false` and hides what the image installed.
    """

    code = "GPU305"
    name = "lock-not-ignored"
    valid = (
        Example(binary(_FROM, **{".dockerignore": "poetry.lock\n.venv\n.poetry\n", ".gitignore": "/poetry.lock\n"})),
        Example(binary(_FROM, **{".dockerignore": "*\n!pyproject.toml\n", ".gitignore": "*.lock\n"})),
        Example(
            binary(_FROM, **{".dockerignore": "", "docker/Dockerfile.dockerignore": "poetry.lock\n.venv/\n/.poetry\n"})
        ),
    )
    invalid = (
        Example(
            binary(_FROM, **{".dockerignore": ".git\n.venv"}),
            (".dockerignore:1:1",),
            {".dockerignore": ".git\n.venv\npoetry.lock\n.poetry\n"},
        ),
        Example(
            binary(_FROM, **{".dockerignore": "*.lock\r\n!poetry.lock\r\n.*\r\n"}),
            (".dockerignore:1:1",),
            {".dockerignore": "*.lock\r\n!poetry.lock\r\n.*\r\npoetry.lock\r\n"},
        ),
        Example(
            binary(_FROM, **{".dockerignore": "poetry.lock\n.venv\n.poetry\n", ".gitignore": "*.lock\n!poetry.lock\n"}),
            (".gitignore:1:1",),
            {".gitignore": "*.lock\n!poetry.lock\n/poetry.lock\n"},
        ),
        Example(source(_FROM), ("docker/Dockerfile.source:1:1",)),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Try the paths on each ignore file that is read."""
        yield from _dockerignores(documents)
        gitignore = documents.source(_GITIGNORE)
        if gitignore is not None and not git_ignores(gitignore.text, LOCK):
            yield _lacks(gitignore, _GITIGNORE, ["/" + LOCK])


def git_ignores(text: str, name: str) -> bool:
    """Whether the .gitignore of the folder ignores a file in it: the last pattern that matches decides.

    >>> git_ignores("*.lock", "poetry.lock"), git_ignores("*.lock\\n!/poetry.lock", "poetry.lock")
    (True, False)
    """
    ignored = False
    for line in text.splitlines():
        pattern = line.strip()
        is_exception = pattern.startswith("!")
        pattern = pattern.removeprefix("!").removeprefix("/")
        # A pattern with a slash at its end is a folder's, and # begins a comment.
        if not pattern or pattern.startswith("#") or pattern.endswith("/"):
            continue
        matches = compile_path_pattern(pattern)
        if matches is not None and matches(name):
            ignored = not is_exception
    return ignored


def _dockerignores(documents: Documents) -> Iterator[Hit]:
    seen = set()
    for image in documents.images:
        if image.mode is None:
            continue  # nobody knows the context that it is built with
        ignored = ignorefile(documents, image)
        if ignored is None:
            help_text = f"write one into the build context, with {LOCK}, {' and '.join(_FOLDERS)}"
            yield Hit(image.dockerfile.source, 0, 0, "there is no .dockerignore", help_text)
            continue
        if ignored.path in seen:
            continue
        seen.add(ignored.path)
        paths = [path for name in (LOCK, *_FOLDERS) if (path := context_path(documents, name)) is not None]
        missing = [path for path in paths if not ignored.ignores(path)]
        if missing:
            yield _lacks(ignored.source, ignored.path.name, missing)


def _lacks(file: Source, name: str, missing: Sequence[str]) -> Hit:
    listed = ", ".join(entry.removeprefix("/") for entry in missing)
    line_end = "\r\n" if "\r\n" in file.text else "\n"
    begin = line_end if file.text and not file.text.endswith("\n") else ""
    text = begin + "".join(entry + line_end for entry in missing)
    end = len(file.text)
    fix = Fix(f"add {listed} to {name}", (Edit(file.path, end, end, text),), is_safe=True)
    return Hit(file, 0, 0, f"{name} does not ignore {listed}", f"add a line for each: {listed}", fix)
