"""GPU304: poetry.lock reaches the image, or does not, against what the policy says."""

from __future__ import annotations

from posixpath import basename
from typing import TYPE_CHECKING

from poetry_gpu_build.lint.context import clean
from poetry_gpu_build.lint.context import context_path
from poetry_gpu_build.lint.context import covers
from poetry_gpu_build.lint.context import ignorefile
from poetry_gpu_build.lint.context import taken_before
from poetry_gpu_build.lint.documents import LOCK
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.installs import first_installs
from poetry_gpu_build.lint.installs import run_of
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.documents.ignorefile import IgnoreFile
    from poetry_gpu_build.lint.context import Taken
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

# A COPY of more words is none that anybody wrote; each word's fix looks at all of them.
_MAXIMUM_WORDS = 500
_HELP_REQUIRED = f'copy it before: COPY pyproject.toml {LOCK} ./; the policy requires it (lock = "require")'
_HELP = f"leave it out, and write {LOCK} into .dockerignore: the image resolves for itself"
_IGNORED = {".dockerignore": "poetry.lock\n"}
_REQUIRED = {"pyproject.toml": "[tool.gpu-build]\nlock = 'require'\n"}


class LockCopied(ImageRule):
    """poetry.lock stays out of the image; with `lock = "require"` it is there before `poetry install`.

    The lock belongs to the machine that resolved it; the policy lets each image resolve for itself, so that no image
    holds a torch that its mode does not want. A lock comes in by its name, by a pattern, with the whole context where
    no ignore file keeps it out, and by a bind mount. A team that wants the versions of its lock in the images says
    `lock = "require"` in `[tool.gpu-build]`: then an install that does not see the lock resolves anew, unnoticed.
    """

    code = "GPU304"
    name = "lock-copied"
    valid = (
        Example(binary("FROM a\nCOPY pyproject.toml poetry.toml ./\nCOPY . .\n", **_IGNORED)),
        Example(binary("FROM a\nCOPY --exclude=*.lock . .\nCOPY src ./src\n")),
        Example(binary("FROM a\nCOPY poetry* ./\nRUN --mount=type=bind,target=/src ls\n", **_IGNORED)),
        Example(binary("FROM a\nCOPY pyproject.toml poetry.lock ./\nRUN poetry install\n", **_REQUIRED)),
        Example(binary("FROM a AS b\nADD poetry.* ./\nFROM b\nRUN poetry install && poetry install\n", **_REQUIRED)),
        Example(binary("FROM a\nRUN --mount=type=bind,target=. poetry install\nRUN poetry sync\n", **_REQUIRED)),
        Example(binary("FROM a AS b\nCOPY . /b\nFROM a\nCOPY --from=b /b .\nRUN poetry install\n", **_REQUIRED)),
        Example(binary("FROM a\nCOPY $FILES ./\nRUN poetry install\n", **_REQUIRED)),
        Example(binary("FROM a\nRUN poetry install --only-root\n", **_REQUIRED)),
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
        Example(
            binary("FROM a\nCOPY pyproject.toml ./\nRUN poetry install\n", **_REQUIRED), ("docker/Dockerfile:3:5",)
        ),
        Example(binary("FROM a\nRUN poetry install\nCOPY poetry.lock ./\n", **_REQUIRED), ("docker/Dockerfile:2:5",)),
        Example(binary("FROM a AS b\nCOPY . .\nFROM a\nRUN poetry install\n", **_REQUIRED), ("docker/Dockerfile:4:5",)),
        Example(
            binary("FROM a\nCOPY --exclude=*.lock . .\nRUN poetry sync\n", **_REQUIRED), ("docker/Dockerfile:3:5",)
        ),
        Example(binary("FROM a\nCOPY . .\nRUN poetry install\n", **_REQUIRED, **_IGNORED), ("docker/Dockerfile:2:6",)),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find each way that the lock comes in; or, where it is required, each install that it does not reach."""
        lock = context_path(documents, LOCK)
        ignored = ignorefile(documents, image)
        keeper = ignored if lock is not None and ignored is not None and ignored.ignores(lock) else None
        if documents.policy.lock == "require":
            yield from _unreached(image, lock, keeper)
        else:
            yield from _written(image)
            yield from _brought(image, lock if keeper is None else None)


def _brought(image: Image, lock: str | None) -> Iterator[Hit]:
    """A lock that is copied or mounted; None: it is not in what reaches the build."""
    for taken in image.taken:
        if _is_named(taken):
            message = f"{LOCK} is {'mounted' if taken.is_mount else 'copied'} into the image"
        elif lock is not None and _takes(taken, lock):
            message = f"{LOCK} comes into the image with {_said(taken)}"
        else:
            continue
        yield Hit(image.dockerfile.source, taken.start, taken.end, message, _HELP, _fix(taken, image))


def _unreached(image: Image, lock: str | None, keeper: IgnoreFile | None) -> Iterator[Hit]:
    """The installs of a mode's Dockerfile before which no lock comes in."""
    source = image.dockerfile.source
    all_taken = image.taken
    kept_out: dict[int, Taken] = {}
    for install in first_installs(image) if image.mode is not None else ():
        if _may_be_there(install.instruction, image, all_taken, lock):
            continue
        wanted = [
            taken
            for taken in taken_before(install.instruction, image, all_taken)
            if lock is not None and _takes(taken, lock)
        ]
        if keeper is None and wanted:
            continue
        kept_out.update((taken.start, taken) for taken in wanted)
        if not wanted:
            message = f"{LOCK} does not reach this `poetry install`"
            yield Hit(source, install.start, install.end, message, _HELP_REQUIRED)
    for taken in kept_out.values():
        name = keeper.path.name if keeper is not None else ""
        message = f"{name} keeps {LOCK} out of {_said(taken)}"
        yield Hit(source, taken.start, taken.end, message, f"write !{lock} at the end of {name}")


def _may_be_there(instruction: Instruction, image: Image, all_taken: Sequence[Taken], lock: str | None) -> bool:
    """Whether a lock comes in by another way than from the build context, or by one that only the build knows."""
    stage = image.dockerfile.stage_of(instruction)
    earlier = [
        run_of(each)
        for leading in (stage.ancestry if stage is not None else ())
        for each in leading.instructions
        if each.offset < instruction.offset and run_of(each).keyword in ("COPY", "ADD")
    ]
    if any(not each.expand(word).is_known for each in earlier for word in each.sources):
        return True
    if any(LOCK in (heredoc.name, _target(each)) for each in earlier for heredoc in each.heredocs):
        return True
    return any(
        taken.stage and (_is_named(taken) or _holds_lock(taken.stage, image, all_taken, lock))
        for taken in taken_before(instruction, image, all_taken)
    )


def _holds_lock(name: str, image: Image, all_taken: Sequence[Taken], lock: str | None) -> bool:
    """Whether a lock was copied into another stage of the file."""
    stage = image.dockerfile.stage(name)
    numbers = {each.number for each in stage.ancestry} if stage is not None else set()
    return any(
        taken.instruction.stage_number in numbers
        and not taken.is_mount
        and (_is_named(taken) or (lock is not None and _takes(taken, lock)))
        for taken in all_taken
    )


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


def _takes(taken: Taken, lock: str) -> bool:
    return taken.takes(lock) and not _excludes(taken, lock)


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
