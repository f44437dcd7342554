"""GPU305: what the ignore files let in, and keep out: the lock and virtual environments."""

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
FOLDERS = (".venv", ".poetry")
_FROM = "FROM a\n"
_REQUIRED = {"pyproject.toml": "[tool.gpu-build]\nlock = 'require'\n"}


class LockNotIgnored(Rule):
    """.dockerignore keeps poetry.lock, .venv and .poetry out of the context, and .gitignore poetry.lock out of git.

    What is not ignored comes in with the first `COPY .` that somebody writes: the lock of another machine, or a virtual
    environment that overrules `virtualenvs.create = false` and hides what the image installed. With `lock = "require"`
    in `[tool.gpu-build]` it is the other way round for the lock: no ignore file may keep it out.
    """

    code = "GPU305"
    name = "lock-not-ignored"
    valid = (
        Example(binary(_FROM, **{".dockerignore": "poetry.lock\n.venv\n.poetry\n", ".gitignore": "/poetry.lock\n"})),
        Example(binary(_FROM, **{".dockerignore": "*\n!pyproject.toml\n", ".gitignore": "*.lock\n"})),
        Example(
            binary(_FROM, **{".dockerignore": ".venv\n.poetry\n", ".gitignore": "*.lock\n!poetry.lock\n"}, **_REQUIRED)
        ),
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
        Example(source(_FROM, **_REQUIRED), ("docker/Dockerfile.source:1:1",)),
        Example(
            binary(_FROM, **{".dockerignore": ".venv\n.poetry\n*.lock"}, **_REQUIRED),
            (".dockerignore:3:1",),
            {".dockerignore": ".venv\n.poetry\n*.lock\n!poetry.lock\n"},
        ),
        Example(
            binary(_FROM, **{".dockerignore": "!poetry.lock\n.venv\n"}, **_REQUIRED),
            (".dockerignore:1:1",),
            {".dockerignore": "!poetry.lock\n.venv\n.poetry\n"},
        ),
        Example(
            {".gitignore": "# no lock\r\n!poetry.lock\r\n  /poetry.lock\r\nx\r\n", **_REQUIRED},
            (".gitignore:3:3",),
            {".gitignore": "# no lock\r\n!poetry.lock\r\n  /poetry.lock\r\nx\r\n!/poetry.lock\r\n"},
        ),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Try the paths on each ignore file that is read."""
        is_required = documents.policy.lock == "require"
        yield from _dockerignores(documents, is_required=is_required)
        gitignore = documents.source(_GITIGNORE)
        if gitignore is None:
            return
        place = _ignoring_line(gitignore.text, LOCK)
        if is_required and place is not None:
            yield _keeps_out(gitignore, _GITIGNORE, place, "/" + LOCK)
        elif not is_required and place is None:
            yield _lacks(gitignore, _GITIGNORE, ["/" + LOCK])


def git_ignores(text: str, name: str) -> bool:
    """Whether the .gitignore of the folder ignores a file in it: the last pattern that matches decides.

    >>> git_ignores("*.lock", "poetry.lock"), git_ignores("*.lock\\n!/poetry.lock", "poetry.lock")
    (True, False)
    """
    return _ignoring_line(text, name) is not None


def _ignoring_line(text: str, name: str) -> tuple[int, int] | None:
    """The place of the pattern for which a file is ignored; None where it is not."""
    place: tuple[int, int] | None = None
    offset = 0
    for line in text.split("\n"):
        start, offset = offset, offset + len(line) + 1
        written = line.strip()
        is_exception = written.startswith("!")
        pattern = written.removeprefix("!").removeprefix("/")
        # A pattern with a slash at its end is a folder's, and # begins a comment.
        if not pattern or pattern.startswith("#") or pattern.endswith("/"):
            continue
        matches = compile_path_pattern(pattern)
        if matches is not None and matches(name):
            start += len(line) - len(line.lstrip())
            place = None if is_exception else (start, start + len(written))
    return place


def added_lines(text: str, entries: Sequence[str]) -> str:
    r"""What to append to an ignore file for these entries: each a line that ends as the others do.

    >>> added_lines(".git\r\n.venv", ["poetry.lock"])
    '\r\npoetry.lock\r\n'
    """
    line_end = "\r\n" if "\r\n" in text else "\n"
    begin = line_end if text and not text.endswith("\n") else ""
    return begin + "".join(entry + line_end for entry in entries)


def _dockerignores(documents: Documents, *, is_required: bool) -> Iterator[Hit]:
    seen = set()
    entries = FOLDERS if is_required else (LOCK, *FOLDERS)
    for image in documents.images:
        if image.mode is None:
            continue  # nobody knows the context that it is built with
        ignored = ignorefile(documents, image)
        if ignored is None:
            help_text = f"write one into the build context, with {', '.join(entries)}"
            yield Hit(image.dockerfile.source, 0, 0, "there is no .dockerignore", help_text)
            continue
        if ignored.path in seen:
            continue
        seen.add(ignored.path)
        paths = [path for name in entries if (path := context_path(documents, name)) is not None]
        missing = [path for path in paths if not ignored.ignores(path)]
        if missing:
            yield _lacks(ignored.source, ignored.path.name, missing)
        lock = context_path(documents, LOCK)
        pattern = ignored.decide(lock).pattern if is_required and lock is not None else None
        if lock is not None and pattern is not None and not pattern.is_exception:
            place = (pattern.offset, pattern.offset + len(pattern.written))
            yield _keeps_out(ignored.source, ignored.path.name, place, lock)


def _lacks(file: Source, name: str, missing: Sequence[str]) -> Hit:
    listed = ", ".join(entry.removeprefix("/") for entry in missing)
    end = len(file.text)
    fix = Fix(f"add {listed} to {name}", (Edit(file.path, end, end, added_lines(file.text, missing)),), is_safe=True)
    return Hit(file, 0, 0, f"{name} does not ignore {listed}", f"add a line for each: {listed}", fix)


def _keeps_out(file: Source, name: str, place: tuple[int, int], lock: str) -> Hit:
    end = len(file.text)
    edit = Edit(file.path, end, end, added_lines(file.text, [f"!{lock}"]))
    fix = Fix(f"take {LOCK} back in {name}", (edit,), is_safe=True)
    help_text = f'write !{lock} below; the policy requires the lock (lock = "require")'
    return Hit(file, *place, f"{name} keeps {LOCK} out", help_text, fix)
