"""What the steps of a Dockerfile are made from: instructions, variables, files of the context. Read before a build.

BuildKit decides by the same things whether its cache has the answer, and does not tell which of them was another.
Nothing here holds a text that may be secret: instructions, values and files are kept as digests.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.dockerfile.parser import read_dockerfile
from poetry_gpu_build.documents.ignorefile import ignorefile_candidates
from poetry_gpu_build.documents.ignorefile import parse_ignorefile
from poetry_gpu_build.documents.path_patterns import compile_path_pattern
from poetry_gpu_build.documents.reading import read_source
from poetry_gpu_build.report.secrets import looks_secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Container
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path

    from poetry_gpu_build.documents.dockerfile.model import Dockerfile
    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.documents.dockerfile.model import Stage
    from poetry_gpu_build.documents.ignorefile import IgnoreFile

MAXIMUM_FILES = 20_000
MAXIMUM_HASHED = 16 * 1024 * 1024
"""In bytes; a larger file is compared by its size and its time."""

_MAXIMUM_TOTAL = 512 * 1024 * 1024
_MAXIMUM_VISITED = 200_000
# What BuildKit makes a step of, beside FROM.
_COUNTED = frozenset(("RUN", "COPY", "ADD", "WORKDIR"))
_WILDCARDS = frozenset("*?[\\")
_NOT_OF_THE_CONTEXT = ("http://", "https://", "git@", "git://", "ssh://", "<<")
_BY_TIME = "~"
# Between the name of a named context and a path in it: no path of the build context has it.
_CONTEXT = "//"


class StepInputs(NamedTuple):
    """What one step is made from."""

    instruction: str
    """A digest of its text, heredocs included, with its variables put in where BuildKit does so."""
    sources: tuple[str, ...]
    """What it takes from the context: paths and patterns."""
    variables: dict[str, str]
    """Of a RUN: the variables in force, each with a digest of its value."""


class Inputs(NamedTuple):
    """What a build is made from."""

    steps: dict[str, StepInputs]
    """By ``stage/number``, as BuildKit names and counts them."""
    bases: dict[str, str]
    """The base image of each stage that has one of its own."""
    files: dict[str, str]
    """Of the context, with what tells one content from another: the mode, and a digest or size and time."""
    shown: dict[str, str]
    """The values of variables that may be shown."""
    is_complete: bool
    """Whether all files were looked at."""


def read_inputs(
    dockerfile: Path, context: Path, build_args: Mapping[str, str], contexts: Mapping[str, Path] | None = None
) -> Inputs:
    """Read what a build of this Dockerfile would be made from; ``contexts`` are its named contexts, all folders.

    Raises ConfigurationError where it cannot be read.
    """
    named = contexts or {}
    parsed = read_dockerfile(dockerfile, build_args)
    steps: dict[str, StepInputs] = {}
    bases: dict[str, str] = {}
    shown: dict[str, str] = {}
    for stage in parsed.stages:
        name = stage_name(parsed, stage)
        number = 0
        if stage.parent is None and stage.base_image.value != "scratch":
            bases[name] = stage.base_image.value
            number = 1
        for instruction in stage.instructions:
            if instruction.keyword in _COUNTED:
                number += 1
                steps[f"{name}/{number}"] = _step_inputs(instruction, shown, named)
    sources = tuple(dict.fromkeys(source for step in steps.values() for source in step.sources))
    files, is_complete = _files(context, ignorefile_of(dockerfile, context), sources)
    for name, folder in named.items():
        # No ignore file of ours counts there.
        more, is_whole = _files(folder, None, _of_context(name, sources))
        files |= {_in_context(name, path): mark for path, mark in more.items()}
        is_complete = is_complete and is_whole
    return Inputs(steps, bases, files, shown, is_complete)


def stage_name(parsed: Dockerfile, stage: Stage) -> str:
    """As BuildKit calls it where its steps are shown."""
    return stage.name or (f"stage-{stage.number}" if len(parsed.stages) > 1 else "")


def is_selected(path: str, sources: Sequence[str]) -> bool:
    """Whether a COPY of these sources takes a file.

    >>> is_selected("app/main.py", ["pyproject.toml"]), is_selected("app/main.py", ["app"])
    (False, True)
    >>> is_selected("app/main.py", ["."]), is_selected("pyproject.toml", ["*.toml"])
    (True, True)
    """
    return any(takes(path) for takes in map(selector, sources))


def is_by_time(mark: str) -> bool:
    """Whether a file was compared by its size and its time alone."""
    return _BY_TIME in mark


def in_words(path: str) -> str:
    """A file as a reader knows it.

    >>> in_words("app/main.py"), in_words("deps//all/poetry.lock")
    ('app/main.py', 'all/poetry.lock of the context deps')
    """
    context, mark, inside = path.partition(_CONTEXT)
    return f"{inside} of the context {context}" if mark else path


def _in_context(name: str, path: str) -> str:
    return f"{name}{_CONTEXT}{path}"


def _of_context(name: str, sources: Sequence[str]) -> list[str]:
    head = _in_context(name, "")
    return [source.removeprefix(head) for source in sources if source.startswith(head)]


def selector(source: str) -> Callable[[str], bool]:
    """What tells of a path of the context whether a source of a COPY takes it."""
    if source == ".":
        return lambda path: _CONTEXT not in path
    if source.endswith(f"{_CONTEXT}."):
        return lambda path: path.startswith(source[:-1])
    if _WILDCARDS.isdisjoint(source):
        folder = f"{source}/"
        return lambda path: path == source or path.startswith(folder)
    matches = compile_path_pattern(source)
    if matches is None:
        return lambda _path: False
    return lambda path: matches(path) or any(matches(str(parent)) for parent in PurePosixPath(path).parents)


def _step_inputs(instruction: Instruction, shown: dict[str, str], named: Mapping[str, Path]) -> StepInputs:
    parts = [instruction.keyword, *(heredoc.content.text for heredoc in instruction.heredocs)]
    if instruction.keyword == "RUN":
        parts.append(instruction.text.text)
    else:  # the words with their variables in: what is not used in them does not count
        parts += [instruction.expand(argument).value for argument in instruction.arguments]
        parts += [f"--{flag.name}={flag.value.text if flag.value is not None else ''}" for flag in instruction.flags]
    variables: dict[str, str] = {}
    if instruction.keyword == "RUN":
        for name, variable in instruction.environment.variables().items():
            value = "" if variable.value is None else variable.value
            variables[name] = _digest(name, value)
            if not looks_secret(name, value):
                shown[name] = value
    return StepInputs(_digest(*parts), tuple(context_sources(instruction, named)), variables)


def context_sources(instruction: Instruction, named: Container[str]) -> Iterator[str]:
    """What comes from the build context, and from named ones; not what comes from a stage or an image."""
    origin = instruction.flag_value("from")
    if instruction.keyword in ("COPY", "ADD") and (not origin or origin in named):
        for source in instruction.sources:
            text = instruction.expand(source).value
            if not text.startswith(_NOT_OF_THE_CONTEXT):
                yield _in_context(origin, _inside(text)) if origin else _inside(text)
    for mount in instruction.mounts():
        if mount.type == "bind" and (not mount.from_stage or mount.from_stage in named):
            folder = _inside(mount.source)
            yield _in_context(mount.from_stage, folder) if mount.from_stage else folder


def _inside(path: str) -> str:
    """A path of the context, which is the root that it cannot leave."""
    return normpath(f"/{path}").lstrip("/") or "."


def ignorefile_of(dockerfile: Path, context: Path) -> IgnoreFile | None:
    """The ignore file that BuildKit reads. Raises ConfigurationError where it cannot be read."""
    for candidate in ignorefile_candidates(dockerfile, context):
        if candidate.is_file():
            return parse_ignorefile(read_source(candidate))
    return None


def is_ignored(path: Path, dockerfile: Path, context: Path) -> bool:
    """Whether a file, which need not exist, is kept out of the build; one outside the context is.

    Raises ConfigurationError where the ignore file cannot be read.
    """
    real, root = path.resolve(), context.resolve()
    if not real.is_relative_to(root):
        return True
    ignorefile = ignorefile_of(dockerfile, context)
    return ignorefile is not None and ignorefile.ignores(real.relative_to(root).as_posix())


def _files(context: Path, ignorefile: IgnoreFile | None, sources: Sequence[str]) -> tuple[dict[str, str], bool]:
    takes = [selector(source) for source in sources]
    files: dict[str, str] = {}
    visited = hashed = 0
    if not takes:
        return files, True
    may_come_back = ignorefile is not None and any(pattern.is_exception for pattern in ignorefile.patterns)
    for folder, folders, names in os.walk(context):
        at = os.path.relpath(folder, context)
        prefix = "" if at == os.curdir else f"{at.replace(os.sep, '/')}/"
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118
        if ignorefile is not None and not may_come_back:
            folders[:] = [name for name in folders if not ignorefile.ignores(prefix + name)]
        folders.sort()
        for name in sorted((*names, *links)):
            visited += 1
            path = prefix + name
            if visited > _MAXIMUM_VISITED or len(files) >= MAXIMUM_FILES:
                return files, False
            if not any(take(path) for take in takes) or (ignorefile is not None and ignorefile.ignores(path)):
                continue
            mark, read = _mark(os.path.join(folder, name), may_read=hashed < _MAXIMUM_TOTAL)  # noqa: PTH118
            hashed += read
            files[path] = mark
    return files, True


def _mark(path: str, *, may_read: bool) -> tuple[str, int]:
    """What tells a file from another, and how many bytes were read for it."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return f"link:{_digest(os.readlink(path))}", 0  # noqa: PTH115
        mode = f"{stat.S_IMODE(status.st_mode):o}"
        if not stat.S_ISREG(status.st_mode):
            return f"{mode}:special", 0
        if status.st_size > MAXIMUM_HASHED or not may_read:
            return f"{mode}:{status.st_size}{_BY_TIME}{status.st_mtime_ns}", 0
        with open(path, "rb") as file:  # noqa: PTH123 - thousands of files: a Path of each takes as long as its digest
            data = file.read(MAXIMUM_HASHED + 1)
        return f"{mode}:{hashlib.sha256(data).hexdigest()[:32]}", len(data)
    except OSError:
        return "unreadable", 0  # it is for BuildKit to say so


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()[:32]
