"""The files of requirements that an installer is told to read (pip's documentation, "Requirements File Format")."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.commands import required_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.lint.commands import Use

# A file of constraints (-c) installs nothing.
_OPTIONS = ("--requirements", "--requirement", "--with-requirements", "--file", "-r")
_SYNCS = frozenset({"pip-sync", "uv pip"})
_INCLUDED = lazy_pattern(r"(?:-r|--requirement)[ \t=]*(.+)")
_EDITABLE = lazy_pattern(r"(?:-e|--editable)[ \t=]*(.+)")
_COMMENT = lazy_pattern(r"(?:^|\s+)#.*")
# A file may include itself, and others without end.
_MAXIMUM_FILES = 50
_MAXIMUM_CHARACTERS = 500_000


class Listing(NamedTuple):
    """What one file says."""

    names: frozenset[str]
    """The distributions, by their normalised names."""
    includes: tuple[str, ...]
    """The files that it includes, as written."""


def parsed(text: str) -> Listing:
    """Read a file of requirements."""
    names: set[str] = set()
    includes: list[str] = []
    for line in text[:_MAXIMUM_CHARACTERS].replace("\\\n", " ").splitlines():
        requirement = _COMMENT.sub("", line).strip()
        if included := _INCLUDED.match(requirement):
            includes.append(included[1].strip())
        elif editable := _EDITABLE.match(requirement):
            names.add(required_name(editable[1].strip()))
        elif not requirement.startswith("-"):
            names.add(required_name(requirement))
    return Listing(frozenset(names - {""}), tuple(includes[:_MAXIMUM_FILES]))


def listed(use: Use) -> set[str]:
    """The distributions of the files which an installer's words name, and of those that they include."""
    command = use.step.command
    folder = (command.directory if command is not None else None) or ""
    waiting = [posixpath.join(folder, name) for name in _files(use.installer, use.texts)]
    seen: set[str] = set()
    names: set[str] = set()
    while waiting and len(seen) < _MAXIMUM_FILES:
        path = posixpath.normpath(waiting.pop())
        listing = use.read(path) if path not in seen else None
        seen.add(path)
        if listing is not None:
            names |= listing.names
            waiting += [posixpath.join(posixpath.dirname(path), included) for included in listing.includes]
    return names


def _files(installer: str, texts: Sequence[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        option = next((option for option in _OPTIONS if text.startswith(option)), None)
        if option is None:
            if installer in _SYNCS and text.endswith((".txt", ".in")) and texts[number - 1] != "-c":
                yield text
        elif text == option:
            yield from texts[number + 1 : number + 2]
        elif not option.startswith("--") or text.startswith(f"{option}="):
            yield text[len(option) :].removeprefix("=")
