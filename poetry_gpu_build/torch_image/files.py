"""Reads the files of a build context that the stages of a compile copy or mount."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.report.inputs import context_sources
from poetry_gpu_build.report.inputs import ignorefile_of
from poetry_gpu_build.report.inputs import selector

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.documents.dockerfile.model import Stage
    from poetry_gpu_build.documents.ignorefile import IgnoreFile

#: What a compile takes from a project is a few patches; a tree of more is not read before each build.
MAXIMUM_FILES = 20_000
_CHUNK = 1024 * 1024


def copied_files(dockerfile: Path, context: Path, stages: Sequence[Stage]) -> dict[str, str]:
    """Every file of the context that these stages take, with a digest of its content and of whether it is a program.

    Of the mode only that counts which git keeps: the rest is each machine's umask. Raises ConfigurationError where a
    file cannot be read, or there are too many.
    """
    sources = {source for stage in stages for each in stage.instructions for source in context_sources(each, ())}
    if not sources:
        return {}
    takes = [selector(source) for source in sorted(sources)]
    files: dict[str, str] = {}
    for path in _paths(context, ignorefile_of(dockerfile, context)):
        if not any(take(path) for take in takes):
            continue
        if len(files) >= MAXIMUM_FILES:
            raise ConfigurationError(
                f"the compile takes more than {MAXIMUM_FILES} files of {context}",
                where=Position(dockerfile),
                ways_out=("copy the files that it needs, not the whole context",),
            )
        try:
            files[path] = _digest(context / path)
        except OSError as error:
            raise ConfigurationError(
                f"{path} cannot be read: {error.strerror}", where=Position(context / path)
            ) from error
    return files


def _paths(context: Path, ignorefile: IgnoreFile | None) -> Iterator[str]:
    """The files and links of the context, relative to it."""
    may_come_back = ignorefile is not None and any(pattern.is_exception for pattern in ignorefile.patterns)
    for folder, folders, names in os.walk(context):
        at = Path(folder).relative_to(context)
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        if ignorefile is not None and not may_come_back:
            folders[:] = [name for name in folders if not ignorefile.ignores((at / name).as_posix())]
        for name in (*names, *links):
            path = (at / name).as_posix()
            if ignorefile is None or not ignorefile.ignores(path):
                yield path


def _digest(path: Path) -> str:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return f"link:{hashlib.sha256(os.fsencode(path.readlink())).hexdigest()}"
    kind = "program" if status.st_mode & stat.S_IXUSR else "file"
    digest = hashlib.sha256()
    if stat.S_ISREG(status.st_mode):
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return f"{kind}:{digest.hexdigest()}"
