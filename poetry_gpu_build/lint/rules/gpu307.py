"""GPU307: `poetry install` without a cache mount."""

from __future__ import annotations

import re
from posixpath import normpath
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.installs import UNKNOWN
from poetry_gpu_build.lint.installs import poetry_installs
from poetry_gpu_build.lint.installs import run_of
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.documents.dockerfile.model import Mount
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.lint.installs import PoetryInstall

_DEFAULT = "/root/.cache/pypoetry"
_USUAL = lazy_pattern(r"(?:.*/)?\.cache(?:/pypoetry(?:/.*)?)?")
_RUN = lazy_pattern(r"RUN(?=\s)", re.IGNORECASE)
_MOUNT = "--mount=type=cache,target="


class CacheInLayer(ImageRule):
    """`poetry install` runs with a cache mount for Poetry's cache.

    Without it the downloads stay in the layer (measured: 502 MB instead of 275 MB), and a changed
    dependency downloads everything again. The cache is `~/.cache/pypoetry`, or POETRY_CACHE_DIR.
    """

    code = "GPU307"
    name = "cache-in-layer"
    valid = (
        Example(binary(f"FROM a\nRUN {_MOUNT}{_DEFAULT} poetry install\n")),
        Example(binary(f"FROM a\nUSER u\nRUN {_MOUNT}/home/u/.cache,uid=1 poetry install\n")),
        Example(binary(f"FROM a\nENV POETRY_CACHE_DIR=/c\nRUN {_MOUNT}/c/ poetry install\n")),
        Example(binary(f"FROM a\nENV XDG_CACHE_HOME=/x\nRUN {_MOUNT}/x poetry install\n")),
        Example(binary(f"FROM a\nARG C\nRUN {_MOUNT}$C poetry install\n")),
        Example(binary("FROM a\nRUN poetry install --no-cache\nRUN poetry check\n")),
    )
    invalid = (
        Example(
            binary("FROM a\nRUN cd /app && poetry install -n && poetry install --only-root\n"),
            ("docker/Dockerfile:2:16",),
            {
                "docker/Dockerfile": f"FROM a\nRUN {_MOUNT}{_DEFAULT} cd /app && "
                "poetry install -n && poetry install --only-root\n"
            },
        ),
        Example(
            binary(f"FROM a\nENV POETRY_CACHE_DIR=/c\nRUN {_MOUNT}{_DEFAULT} poetry install\n"),
            ("docker/Dockerfile:3:53",),
            {
                "docker/Dockerfile": "FROM a\nENV POETRY_CACHE_DIR=/c\n"
                f"RUN {_MOUNT}/c {_MOUNT}{_DEFAULT} poetry install\n"
            },
        ),
        Example(
            binary("FROM a\nUSER u\nRUN --mount=type=cache,target=/x poetry install\n"), ("docker/Dockerfile:3:34",)
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Look at the mounts of each RUN that installs, once for each."""
        seen: set[int] = set()
        users = _stages_with_user(image)
        for install in poetry_installs(image):
            instruction = install.step.instruction
            if instruction.offset in seen or install.has("--no-cache"):
                continue
            folder = _cache_folder(install)
            if any(_holds(mount, folder) for mount in run_of(instruction).mounts()):
                continue
            seen.add(instruction.offset)
            help_text = f"RUN {_MOUNT}{folder or _DEFAULT} poetry install …"
            message = "poetry install without a cache mount for Poetry's cache"
            step = install.step
            fix = _fix(image, instruction, folder, users)
            yield Hit(image.dockerfile.source, step.start, step.end, message, help_text, fix)


def _cache_folder(install: PoetryInstall) -> str | None:
    """Where variables put the cache; None where they say nothing of it."""
    folder = next((value for name, value in install.environment if name == "POETRY_CACHE_DIR" and value), None)
    if folder is not None:
        return folder
    base = run_of(install.step.instruction).environment.find("XDG_CACHE_HOME")
    if base is None or not base.value:
        return None
    return UNKNOWN if base.unknown else f"{base.value.rstrip('/')}/pypoetry"


def _holds(mount: Mount, folder: str | None) -> bool:
    """Whether a mount keeps the cache out of the layer."""
    if mount.type not in ("cache", "tmpfs"):
        return False
    if mount.unknown or (folder is not None and not folder.startswith("/")):
        return True  # nobody can tell
    target = normpath(mount.target)
    if folder is None:
        return _USUAL.fullmatch(target) is not None
    return f"{normpath(folder)}/".startswith(f"{target.rstrip('/')}/")


def _stages_with_user(image: Image) -> set[int]:
    """The stages that have a USER, or come from one that has; whose home that is, nobody knows here."""
    found: set[int] = set()
    for stage in image.dockerfile.stages:
        inherits = stage.parent is not None and stage.parent.number in found
        if inherits or any(each.keyword == "USER" for each in stage.instructions):
            found.add(stage.number)
    return found


def _fix(image: Image, instruction: Instruction, folder: str | None, users: set[int]) -> Fix | None:
    """Put the mount in, where the cache's place is certain."""
    match = _RUN.match(image.dockerfile.source.text, instruction.offset)
    moved = instruction.environment.find("HOME")
    is_certain = (
        re.fullmatch(r"/[\w./+-]+", folder) if folder is not None else not (instruction.stage_number in users or moved)
    )
    if match is None or not is_certain:
        return None
    mount = f" {_MOUNT}{folder or _DEFAULT}"
    return Fix("mount a cache", (Edit(image.dockerfile.path, match.end(), match.end(), mount),), is_safe=True)
