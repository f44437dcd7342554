"""GPU304: poetry.lock reaches the image."""

from __future__ import annotations

from posixpath import basename
from typing import TYPE_CHECKING

from poetry_gpu_build.lint.context import clean
from poetry_gpu_build.lint.context import context_path
from poetry_gpu_build.lint.context import covers
from poetry_gpu_build.lint.context import ignorefile
from poetry_gpu_build.lint.context import taken_by
from poetry_gpu_build.lint.documents import LOCK
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.installs import run_of
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.lint.context import Taken
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

# A COPY of more words is none that anybody wrote; each word's fix looks at all of them.
_MAXIMUM_WORDS = 500
_HELP = f"leave it out, and write {LOCK} into .dockerignore: the image resolves for itself"
_IGNORED = {".dockerignore": "poetry.lock\n"}


class LockCopied(ImageRule):
    """poetry.lock stays out of the image.

    The lock belongs to the machine that resolved it; the policy lets each image resolve for itself, so that no image
    holds a torch that its mode does not want. A lock comes in by its name, by a pattern, with the whole context where
    no ignore file keeps it out, and by a bind mount.
    """

    code = "GPU304"
    name = "lock-copied"
    valid = (
        Example(binary("FROM a\nCOPY pyproject.toml poetry.toml ./\nCOPY . .\n", **_IGNORED)),
        Example(binary("FROM a\nCOPY --exclude=*.lock . .\nCOPY src ./src\n")),
        Example(binary("FROM a\nCOPY poetry* ./\nRUN --mount=type=bind,target=/src ls\n", **_IGNORED)),
    )
    invalid = (
        Example(
            binary("FROM a\nCOPY pyproject.toml poetry.lock ./\n"),
            ("docker/Dockerfile:2:21",),
            {"docker/Dockerfile": "FROM a\nCOPY pyproject.toml ./\n"},
        ),
        Example(
            binary("FROM a\nCOPY --chown=1 poetry.lock* \\\n  pyproject.toml \\\n  ./\n", **_IGNORED),
            ("docker/Dockerfile:2:16",),
            {"docker/Dockerfile": "FROM a\nCOPY --chown=1 pyproject.toml \\\n  ./\n"},
        ),
        Example(binary("FROM a\nCOPY . .\n"), ("docker/Dockerfile:2:6",)),
        Example(
            binary("FROM a\nCOPY . .\n", **{".dockerignore": "x\n", "docker/Dockerfile.dockerignore": ""}),
            ("docker/Dockerfile:2:6",),
        ),
        Example(binary("FROM a\nADD p* ./\n"), ("docker/Dockerfile:2:5",)),
        Example(binary("FROM a\nCOPY locks/gpu.lock /app/poetry.lock\n"), ("docker/Dockerfile:2:6",)),
        Example(binary("FROM a\nCOPY <<E /app/poetry.lock\nx\nE\n"), ("docker/Dockerfile:2:6",)),
        Example(binary("FROM a\nCOPY --from=b /app/poetry.lock ./\n"), ("docker/Dockerfile:2:15",)),
        Example(
            binary("FROM a\nRUN --mount=type=bind,source=poetry.lock,target=poetry.lock poetry install\n"),
            ("docker/Dockerfile:2:5",),
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find each way that the lock comes in."""
        lock = context_path(documents, LOCK)
        ignored = ignorefile(documents, image)
        is_ignored = lock is None or (ignored is not None and ignored.ignores(lock))
        yield from _written(image)
        for taken in taken_by(image):
            if _is_named(taken):
                message = f"{LOCK} is {'mounted' if taken.is_mount else 'copied'} into the image"
            elif lock is not None and not is_ignored and taken.takes(lock) and not _excludes(taken, lock):
                message = f"{LOCK} comes into the image with {_said(taken)}"
            else:
                continue
            yield Hit(image.dockerfile.source, taken.start, taken.end, message, _HELP, _fix(taken, image))


def _written(image: Image) -> Iterator[Hit]:
    """A lock whose text stands in the Dockerfile itself."""
    for each in image.dockerfile.instructions:
        instruction = run_of(each)
        if instruction.keyword not in ("COPY", "ADD") or not instruction.heredocs:
            continue
        target = _target(instruction)
        for heredoc in instruction.heredocs:
            if LOCK in (heredoc.name, target):
                end = heredoc.offset + 2
                yield Hit(image.dockerfile.source, heredoc.offset, end, f"{LOCK} is written into the image", _HELP)


def _target(instruction: Instruction) -> str:
    """The last name of a COPY's destination."""
    destination = instruction.destination
    return basename(clean(instruction.expand(destination).value)) if destination is not None else ""


def _is_named(taken: Taken) -> bool:
    """Whether the lock's own name is written, so that no ignore file excuses it."""
    if _is_lock(taken.path):
        return True
    return not taken.is_mount and _target(run_of(taken.instruction)) == LOCK


def _is_lock(path: str) -> bool:
    return basename(path).rstrip("*?") == LOCK


def _said(taken: Taken) -> str:
    return "the whole build context" if taken.is_everything else taken.path


def _excludes(taken: Taken, lock: str) -> bool:
    instruction = run_of(taken.instruction)
    patterns = [flag.value.text for flag in instruction.flags if flag.name == "exclude" and flag.value is not None]
    # COPY --exclude is relative to the source; a pattern of a mere name is for every place that matters here.
    return any(covers(clean(instruction.expand(each).value), name) for each in patterns for name in (lock, LOCK))


def _fix(taken: Taken, image: Image) -> Fix | None:
    """Take the word out, where other sources stay and no comment stands between."""
    instruction = taken.instruction
    is_copy = instruction.keyword in ("COPY", "ADD") and not instruction.is_json
    if (
        not is_copy
        or len(instruction.arguments) > _MAXIMUM_WORDS
        or not _is_lock(taken.path)
        or all(_is_lock(word.text) for word in instruction.sources)
    ):
        return None
    following = [word.offset for word in instruction.arguments if word.offset >= taken.end]
    text = image.dockerfile.source.text
    if not following or text[taken.end : following[0]].strip(f" \t\r\n{image.dockerfile.escape}"):
        return None
    edit = Edit(image.dockerfile.path, taken.start, following[0], "")
    return Fix(f"do not copy {LOCK}", (edit,), is_safe=True)
