"""GPU306: an ignore file, or a pattern in one, that has no effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.ignorefile import ignorefile_candidates
from poetry_gpu_build.documents.ignorefile import misplaced_candidates
from poetry_gpu_build.lint.context import context_folder
from poetry_gpu_build.lint.context import ignorefile
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule
from poetry_gpu_build.lint.rule import binary
from poetry_gpu_build.lint.services import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from poetry_gpu_build.documents.ignorefile import IgnoreFile
    from poetry_gpu_build.lint.documents import Documents

_FROM = "FROM a\n"
_NAME = ".dockerignore"


class DeadIgnorefile(Rule):
    """Each ignore file is read by BuildKit, and each of its patterns can match.

    BuildKit reads one file: `<Dockerfile>.dockerignore` beside the Dockerfile, else `.dockerignore` in the root of the
    build context. A file anywhere else is never opened, and a pattern that points out of the context or carries a
    comment at its end matches nothing: the lock, or a secret, is in the image although the file says otherwise.
    """

    code = "GPU306"
    name = "dead-ignorefile"
    valid = (
        Example(binary(_FROM, **{".dockerignore": "# the lock\npoetry.lock\n*.md\n!README.md\n"})),
        Example(binary(_FROM, **{"docker/Dockerfile.dockerignore": "poetry.lock\n"})),
    )
    invalid = (
        Example(binary(_FROM, **{"docker/.dockerignore": "poetry.lock\n"}), ("docker/.dockerignore:1:1",)),
        Example(
            binary(_FROM, **{".dockerignore": "a\n", "docker/Dockerfile.dockerignore": "a\n"}), (".dockerignore:1:1",)
        ),
        Example(
            binary(_FROM, **{".dockerignore": "a\n../b\n  .venv # ours\n!a\n[\n"}),
            (".dockerignore:2:1", ".dockerignore:3:3", ".dockerignore:5:1"),
        ),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Find the files where one would put them, and try the patterns of those that are read."""
        images = [image for image in documents.images if image.mode is not None]
        read = {found.path: found for image in images if (found := ignorefile(documents, image)) is not None}
        context = context_folder(documents)
        places: dict[Path, None] = {}
        for image in images:
            path = image.dockerfile.path
            places |= dict.fromkeys((*ignorefile_candidates(path, context), *misplaced_candidates(path, context)))
        for place in places:
            file = documents.source_at(place)
            if file is not None and file.path not in read:
                message = f"BuildKit never reads {shown(place, documents)}"
                help_text = f"move it to {_NAME} in the root of the build context"
                yield Hit(file, 0, 0, message, help_text)
        for ignored in read.values():
            yield from _without_effect(ignored)


def _without_effect(ignored: IgnoreFile) -> Iterator[Hit]:
    for pattern, reason in ignored.ineffective():
        end = pattern.offset + len(pattern.written)
        yield Hit(ignored.source, pattern.offset, end, f"{pattern.written} has no effect: {reason}")
    if ignored.unread is not None:
        message = "this pattern is not read, and none behind it may be: they are too long, or too many"
        yield Hit(ignored.source, ignored.unread, ignored.unread, message, "write fewer: ignore *, and take back")
    for offset, message in ignored.refused:
        yield Hit(ignored.source, offset, offset, f"BuildKit refuses to build: {message}")
