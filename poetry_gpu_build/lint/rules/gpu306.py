"""GPU306: an ignore file, or a pattern in one, that has no effect."""

from __future__ import annotations

from posixpath import basename
from posixpath import dirname
from posixpath import normpath
from typing import TYPE_CHECKING
from typing import ClassVar

from poetry_gpu_build.lint.context import ignorefile
from poetry_gpu_build.lint.context import ignorefile_candidates
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.ignorefile import IgnoreFile
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Severity

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
    severity: ClassVar[Severity] = "warning"
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
        places: dict[str, None] = {}
        for image in images:
            beside, context = ignorefile_candidates(documents, image)
            below = normpath(f"{dirname(context)}/{basename(beside)}" if dirname(context) else basename(beside))
            places |= dict.fromkeys((context, normpath(f"{dirname(beside)}/{_NAME}").lstrip("/"), below))
        for place in places:
            file = documents.source(place)
            if file is not None and file.path not in read:
                message = f"BuildKit never reads {place}"
                help_text = f"move it to {_NAME} in the root of the build context"
                yield Hit(file, 0, 0, message, help_text)
        for ignored in read.values():
            yield from _without_effect(ignored)


def _without_effect(ignored: IgnoreFile) -> Iterator[Hit]:
    for pattern, reason in ignored.ineffective():
        end = pattern.offset + len(pattern.written)
        yield Hit(ignored.source, pattern.offset, end, f"{pattern.written} has no effect: {reason}")
    for offset, message in ignored.refused:
        yield Hit(ignored.source, offset, offset, f"BuildKit refuses to build: {message}")
