"""Downloads that are run: which of them nobody checks, and what runs them."""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from bisect import bisect_right
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.shell.results import ResolvedCommand
from poetry_gpu_build.documents.shell.results import RunsFile
from poetry_gpu_build.documents.shell.results import Undecidable
from poetry_gpu_build.lint.commands import SHELLS
from poetry_gpu_build.lint.commands import uses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_INTERPRETERS = SHELLS | {"python", "perl", "ruby", "node", "php"}
_FAIL = frozenset({"--fail", "--fail-with-body"})
# curl's letters that take the next word, or the rest of theirs (curl 8, `curl --help all`).
_VALUES = frozenset("AbcCdDeEFhHKmoPQrtTuUwxXyYz")


# Downloads of one pipeline that are looked at; nobody pipes more of them into one shell.
_NEAREST = 8


class Unchecked(NamedTuple):
    """The downloads of an image that are run and not checked."""

    downloads: tuple[tuple[Use, tuple[str, ...]], ...]
    """Each with what it lacks."""
    runs: frozenset[tuple[str, int, int]]
    """The places of what runs them, and of which nobody can say what it is."""


def unchecked(image: Image, documents: Documents) -> Unchecked:
    """Find the downloads that an interpreter runs, and what they lack; two rules ask."""
    return documents.remember(("unchecked", image), lambda: _unchecked(image, documents))


def _unchecked(image: Image, documents: Documents) -> Unchecked:
    groups: dict[tuple[str, int], list[Use]] = {}
    for use in uses(image, documents):
        groups.setdefault((str(use.source.path), use.step.instruction.offset), []).append(use)
    seen: set[tuple[str, int, int]] = set()
    found: list[tuple[Use, tuple[str, ...]]] = []
    runs: set[tuple[str, int, int]] = set()
    for group in groups.values():
        downloads = [use for use in group if use.program in {"curl", "wget"}]
        runners = _runners(group) if downloads else None
        lacking: list[Use] = []
        for use in downloads:
            lacks = _lacks(use, runners) if runners is not None and use.where not in seen else []
            if lacks:
                seen.add(use.where)
                found.append((use, tuple(lacks)))
                lacking.append(use)
        runs |= {doubt.where for doubt in _behind(group, lacking)}
    return Unchecked(tuple(found), frozenset(runs))


def _behind(group: list[Use], downloads: list[Use]) -> Iterator[Use]:
    """What cannot be decided and is the text of a download: in a pipe behind it, or around it."""
    ordered = sorted(downloads, key=lambda use: use.step.start)
    starts = [use.step.start for use in ordered]
    for doubt in group:
        resolved = doubt.step.resolved
        if not isinstance(resolved, Undecidable) or resolved.kind not in {"script", "input"}:
            continue
        first = bisect_left(starts, doubt.step.start)
        inside = ordered[first : first + 1]
        before = ordered[max(first - _NEAREST, 0) : first]
        if any(use.step.end <= doubt.step.end for use in inside) or any(_feeds(use, resolved.start) for use in before):
            yield doubt


def _feeds(download: Use, place: int) -> bool:
    command = download.step.command
    return command is not None and any(command.start < place < pipe.end for pipe in command.pipes)


class _Runners(NamedTuple):
    """What one RUN runs that is not written in it."""

    pipes: dict[tuple[int, int], int]
    """The pipelines that have an interpreter, with its stage."""
    texts: tuple[tuple[int, int], ...]
    """The places of the scripts that are made at run time, as far as no other is around them; in order."""
    files: dict[str, int]
    """The names of the files that are run, with the last place that does."""


def _runners(group: list[Use]) -> _Runners:
    pipes: dict[tuple[int, int], int] = {}
    texts: list[tuple[int, int]] = []
    files: dict[str, int] = {}
    for use in group:
        match use.step.resolved:
            case ResolvedCommand() as command if use.program in _INTERPRETERS:
                for pipe in command.pipes:
                    at = (pipe.start, pipe.end)
                    pipes[at] = max(pipe.stage, pipes.get(at, 0))
            case RunsFile(path=path):
                name = posixpath.basename(path)
                files[name] = max(use.step.start, files.get(name, 0))
            case Undecidable(kind="script" | "input"):
                texts.append((use.step.start, use.step.end))
    return _Runners(pipes, _outermost(texts), files)


def _outermost(places: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    outer: list[tuple[int, int]] = []
    for start, end in sorted(places, key=lambda place: (place[0], -place[1])):
        if not outer or end > outer[-1][1]:
            outer.append((start, end))
    return tuple(outer)


def _lacks(use: Use, runners: _Runners) -> list[str]:
    """What a download wants before its script may run; nothing, too, for one that is not run."""
    command = use.step.command
    if command is None:
        return []
    no_fail = [] if use.program == "wget" or _fails(use) else ["no --fail"]
    if _is_substituted(use, runners):
        return [*no_fail, "nobody sees its exit code"]
    if any(pipe.stage < runners.pipes.get((pipe.start, pipe.end), 0) for pipe in command.pipes):
        return [*no_fail, *([] if command.pipefail else ["no pipefail"])]
    return no_fail if _is_run_as_file(use, command, runners) else []


def _is_substituted(use: Use, runners: _Runners) -> bool:
    """Whether it stands inside the ``$(…)`` or ``<(…)`` whose text is run."""
    index = bisect_right(runners.texts, (use.step.start, use.step.start)) - 1
    if index < 0:
        return False
    start, end = runners.texts[index]
    return start < use.step.start and use.step.end <= end


def _is_run_as_file(use: Use, command: ResolvedCommand, runners: _Runners) -> bool:
    """Whether a file of the name that it writes is run behind it."""
    written = {posixpath.basename(text.partition("?")[0]) for text in use.texts}
    written |= {posixpath.basename(text.partition("=")[2]) for text in use.texts if text.startswith("--output=")}
    targets = [redirection.target.literal for redirection in command.command.redirections]
    written |= {posixpath.basename(target) for target in targets if target}
    return any(runners.files.get(name, -1) > use.step.start for name in written - {""})


def _fails(use: Use) -> bool:
    """Whether curl is told to fail on an answer such as 404."""
    return any(text in _FAIL or (text.startswith("-") and _has_letter(text)) for text in use.texts)


def _has_letter(text: str) -> bool:
    if text.startswith("--"):
        return False
    for letter in text[1:]:
        if letter in _VALUES:
            return False
        if letter == "f":
            return True
    return False
