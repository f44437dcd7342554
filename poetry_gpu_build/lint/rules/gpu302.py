"""GPU302: the Dockerfiles take different manifests, or change one."""

from __future__ import annotations

import re
from posixpath import basename
from posixpath import dirname
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.context import clean
from poetry_gpu_build.lint.context import covers
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.installs import parse_options
from poetry_gpu_build.lint.installs import run_of
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.context import Taken
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.lint.image import Step

_HELP = "both Dockerfiles copy the one pyproject.toml and poetry.toml; POETRY_WITH and POETRY_WITHOUT say what differs"
_READ = frozenset(("pyproject.toml", "poetry.toml"))
_MANIFEST = lazy_pattern(
    r"(?:pyproject|poetry)(?:[^/]*\.toml\*?|\.?\*)|(?:requirements|constraints)[^/]*\.txt|setup\.(?:py|cfg)"
)
_PLACERS = frozenset(("cp", "mv", "ln", "install"))
_EDITORS = frozenset(("sed", "perl"))


def _pair(one: str, other: str) -> dict[str, str]:
    """An example's two Dockerfiles, by what follows FROM."""
    return binary(f"FROM a\n{one}", **{"docker/Dockerfile.source": f"FROM a\n{other}"})


class ManifestParity(Rule):
    """Both Dockerfiles install from the same manifest, as it stands in the repository.

    A `pyproject.source.toml` that takes the manifest's place drifts away from the real one, and nobody resolves, locks
    or reviews it. What differs between the modes is one dependency group, which the same manifest declares for both.
    """

    code = "GPU302"
    name = "manifest-parity"
    valid = (
        Example(_pair("COPY pyproject.toml poetry.toml ./\n", "COPY poetry.toml ./pyproject.toml /app/\n")),
        Example(_pair("COPY . .\n", "COPY pyproject.toml ./\n")),
        Example(_pair("COPY pyproject.toml /app/pyproject.toml\n", 'COPY ["pyproject.toml", "/app/"]\n')),
        Example(_pair("RUN --mount=type=bind,source=pyproject.toml,target=p ls\n", "COPY pyproject.toml ./\n")),
        Example(binary("FROM a\nCOPY pyproject.toml ./\nRUN grep torch pyproject.toml\n")),
    )
    invalid = (
        Example(_pair("COPY pyproject.toml poetry.toml ./\n", "COPY pyproject.toml ./\n"), ("docker/Dockerfile:2:21",)),
        Example(
            _pair("COPY pyproject.toml ./\n", "COPY pyproject.source.toml pyproject.toml\n"),
            ("docker/Dockerfile:2:6", "docker/Dockerfile.source:2:6"),
        ),
        Example(
            binary("FROM a\nCOPY . .\nRUN mv -f pyproject.gpu.toml pyproject.toml && poetry add torch\n"),
            ("docker/Dockerfile:3:5", "docker/Dockerfile:3:48"),
        ),
        Example(binary("FROM a\nRUN sed -i /torch/d pyproject.toml\n"), ("docker/Dockerfile:2:5",)),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Compare what is copied, and find what puts another manifest in the place of the real one."""
        for image in documents.images:
            yield from _swaps(image)
        one, other = documents.image("binary"), documents.image("source")
        if one is not None and other is not None:
            yield from _lacks(one, other)
            yield from _lacks(other, one)


def _lacks(image: Image, other: Image) -> Iterator[Hit]:
    """The manifests that one Dockerfile takes, and the other does not."""
    theirs = other.taken
    written = {taken.path for taken in theirs if not taken.stage}
    by_name = {basename(taken.path) for taken in theirs if taken.stage}
    patterns = {path for path in written if any(character in path for character in "*?[")}
    for taken in image.taken:
        path = basename(taken.path) if taken.stage else taken.path
        if not _MANIFEST.fullmatch(basename(path)) or _placed_as(taken):
            continue
        names = {path, *_folders(path)}
        is_there = names & written or basename(path) in by_name or (taken.stage and _has_name(written, path))
        if not is_there and not any(covers(pattern, path) for pattern in patterns):
            message = f"{other.dockerfile.path.name} does not take {path}"
            yield Hit(image.dockerfile.source, taken.start, taken.end, message, _HELP)


def _folders(path: str) -> Iterator[str]:
    """The folders around a file, and the whole context."""
    yield "."
    while path := dirname(path):
        yield path


def _has_name(paths: set[str], name: str) -> bool:
    return any(basename(path) == name for path in paths)


def _swaps(image: Image) -> Iterator[Hit]:
    source = image.dockerfile.source
    for taken in image.taken:
        name = _placed_as(taken)
        if name:
            yield Hit(source, taken.start, taken.end, f"{taken.path} takes the place of {name}", _HELP)
    for step in image.steps:
        message = _changes(step)
        if message:
            yield Hit(source, step.start, step.end, message, _HELP)


def _placed_as(taken: Taken) -> str:
    """The manifest's name that a COPY gives to another file; empty where it does not."""
    instruction = run_of(taken.instruction)
    if taken.is_mount or instruction.destination is None or len(instruction.arguments) != 2:
        return ""
    destination = instruction.expand(instruction.destination).value
    name = "" if destination.endswith("/") else basename(destination)
    is_same = basename(taken.path) == name or any(character in taken.path for character in "*?[")
    # A folder that is copied to `/app/pyproject.toml` makes a folder of that name, and Poetry finds no manifest there.
    return name if name in _READ and not is_same and taken.path != "." else ""


def _changes(step: Step) -> str:
    """How a command changes the manifest; empty where it does not."""
    words = [word for word in step.arguments if word is not None]
    files = [clean(word) for word in words if not word.startswith("-")]
    name = basename(files[-1]) if files else ""
    if step.program in _PLACERS and len(files) > 1 and name in _READ and basename(files[-2]) != name:
        return f"{files[-2]} takes the place of {name}"
    if step.program in _EDITORS and name in _READ and any(re.match(r"-\w*i|--in-place", word) for word in words):
        return f"{step.program} changes {name}"
    if step.program == "poetry":
        subcommand, _ = parse_options(list(step.arguments))
        if subcommand in ("add", "remove", "init"):
            return f"poetry {subcommand} changes pyproject.toml"
    return ""
