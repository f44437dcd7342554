"""What a Dockerfile takes from the build context, and what the context's ignore file keeps from it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.path_patterns import compile_path_pattern
from poetry_gpu_build.lint.installs import run_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Dockerfile
    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.documents.ignorefile import IgnoreFile
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

# What ADD fetches for itself.
_REMOTE = lazy_pattern(r"(?:https?|git|ssh)://|git@")


class Taken(NamedTuple):
    """One source of a COPY or ADD, or one bind mount of a RUN."""

    instruction: Instruction
    """Where it stands; an ONBUILD stays one here."""
    path: str
    """The path or pattern, cleaned, without a leading slash; ``.`` is everything."""
    stage: str
    """What ``--from`` names; empty for the build context."""
    start: int
    """Offset in the file, from 0."""
    end: int
    is_mount: bool

    def takes(self, path: str) -> bool:
        """Whether a file of the context, or a folder around it, is meant."""
        return not self.stage and covers(self.path, path)

    @property
    def is_everything(self) -> bool:
        """Whether it is the whole build context."""
        return not self.stage and self.path in (".", "*", "**")


def taken_by(dockerfile: Dockerfile) -> tuple[Taken, ...]:
    """All that a Dockerfile copies and mounts, in order. What is not known before the build is left out."""
    return tuple(taken for instruction in dockerfile.instructions for taken in _taken(instruction))


def taken_before(instruction: Instruction, image: Image, candidates: Iterable[Taken]) -> Iterator[Taken]:
    """Which of these are there when an instruction runs: copied in the stages that lead to it, or mounted by it."""
    stage = image.dockerfile.stage_of(instruction)
    leading = {each.number for each in stage.ancestry} if stage is not None else set()
    for taken in candidates:
        at = taken.instruction.offset
        is_there = at == instruction.offset if taken.is_mount else at < instruction.offset
        if is_there and taken.instruction.stage_number in leading:
            yield taken


def covers(pattern: str, path: str) -> bool:
    """Whether a COPY's source takes a file: it names the file, or a folder around it.

    >>> covers("*.lock", "poetry.lock"), covers("app", "app/poetry.lock"), covers("app", "poetry.lock")
    (True, True, False)
    """
    if pattern == ".":
        return True
    matches = compile_path_pattern(pattern)
    parts = path.split("/")
    return matches is not None and any(matches("/".join(parts[: depth + 1])) for depth in range(len(parts)))


def clean(path: str) -> str:
    """A path in the context as BuildKit takes it: no way leads out of it.

    >>> clean("./a//b/"), clean("/"), clean("../x")
    ('a/b', '.', 'x')
    """
    return normpath("/" + path).lstrip("/") or "."


def context_path(documents: Documents, name: str) -> str | None:
    """A file of the project, as the build context knows it; None where it lies outside of the context."""
    context = documents.root / documents.policy.context
    path = os.path.relpath(documents.root / name, context).replace(os.sep, "/")
    return None if path == ".." or path.startswith("../") else path


def context_folder(documents: Documents) -> Path:
    """The folder that is the build context."""
    return Path(normpath(documents.root / documents.policy.context))


def ignorefile(documents: Documents, image: Image) -> IgnoreFile | None:
    """The ignore file that counts for a Dockerfile; None where there is none."""
    from poetry_gpu_build.documents.ignorefile import ignorefile_candidates
    from poetry_gpu_build.documents.ignorefile import parse_ignorefile

    for path in ignorefile_candidates(image.dockerfile.path, context_folder(documents)):
        source = documents.source_at(path)
        if source is not None:
            return documents.remember(("ignore file", path), partial(parse_ignorefile, source))
    return None


def _taken(instruction: Instruction) -> Iterator[Taken]:
    inner = run_of(instruction)
    if inner.keyword == "RUN":
        for mount in inner.mounts():
            if mount.type == "bind" and not mount.unknown and not mount.error:
                flag = next(flag for flag in inner.flags if flag.offset == mount.offset)
                end = flag.value.end if flag.value is not None else flag.offset
                yield Taken(instruction, clean(mount.source), mount.from_stage, mount.offset, end, is_mount=True)
    if inner.keyword not in ("COPY", "ADD"):
        return
    stage = inner.expand(inner.flag_value("from")).value
    for word in inner.sources:
        expansion = inner.expand(word)
        if expansion.is_known and not word.text.startswith("<<") and not _REMOTE.match(expansion.value):
            yield Taken(instruction, clean(expansion.value), stage, word.offset, word.end, is_mount=False)
