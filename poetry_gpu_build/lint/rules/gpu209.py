"""GPU209: a compiler cache that forgets everything."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.installs import run_of
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import source
from poetry_gpu_build.lint.source_build import plain_text
from poetry_gpu_build.lint.source_build import setting
from poetry_gpu_build.lint.source_build import source_build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Mount
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.lint.source_build import SourceBuild

_CACHE = lazy_pattern(r"(?<![\w./-])(?:CMAKE_\w+_LAUNCHER=[\"']?)?(?:[\w./-]*/)?(?P<name>s?ccache)(?![\w-])")
_FOLDERS = {"ccache": "CCACHE_DIR", "sccache": "SCCACHE_DIR"}
_USUAL = lazy_pattern(r"(?:.*/)?(?:\.?s?ccache|\.cache)(?:/.*)?")
# A cache that is kept on another machine needs no mount (the tools' own configuration variables).
_REMOTE = lazy_pattern(r"\b(?:CCACHE_REMOTE_STORAGE|CCACHE_SECONDARY_STORAGE|SCCACHE_(?!DIR|CACHE_SIZE)[A-Z]+\w*)=")
_LAUNCHERS = ("CMAKE_CXX_COMPILER_LAUNCHER", "CMAKE_CUDA_COMPILER_LAUNCHER", "CMAKE_C_COMPILER_LAUNCHER")
_RUN = lazy_pattern(r"RUN(?=\s)", re.IGNORECASE)
_MOUNT = "--mount=type=cache,target="
_COMPILE = "cd pytorch && python setup.py bdist_wheel\n"


class CcacheWithoutMount(ImageRule):
    """A compiler cache lies on a cache mount.

    ccache and sccache only help the next build, and the next build begins with an empty layer: without a mount the
    cache costs time, fills the layer and is never read.
    """

    code = "GPU209"
    name = "ccache-without-mount"
    valid = (
        Example(source(f"FROM a\nRUN {_MOUNT}/root/.cache/ccache apt-get install ccache; {_COMPILE}")),
        Example(source(f"FROM a\nENV CCACHE_DIR=/c/d\nRUN {_MOUNT}/c apt-get install ccache; {_COMPILE}")),
        Example(source(f"FROM a\nRUN export SCCACHE_BUCKET=b CMAKE_CXX_COMPILER_LAUNCHER=sccache; {_COMPILE}")),
        Example(source(f"FROM a\nRUN {_COMPILE}RUN apt-get install ccache\n")),
    )
    invalid = (
        Example(source(f"FROM a\nRUN apt-get install ccache; {_COMPILE}"), ("docker/Dockerfile.source:2:21",)),
        Example(
            source(f"FROM a\nENV CMAKE_CXX_COMPILER_LAUNCHER=ccache\nRUN {_COMPILE}"), ("docker/Dockerfile.source:2:5",)
        ),
        Example(
            source(f"FROM a\nENV CCACHE_DIR=/c\nRUN {_MOUNT}/root/.cache/ccache ccache -s; {_COMPILE}"),
            ("docker/Dockerfile.source:3:51",),
            {
                "docker/Dockerfile.source": f"FROM a\nENV CCACHE_DIR=/c\n"
                f"RUN {_MOUNT}/c {_MOUNT}/root/.cache/ccache ccache -s; {_COMPILE}"
            },
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Look for the cache in the script and in the variables that CMake reads, then for its mount."""
        build = source_build(image, documents)
        found = _configured(build, image) if build is not None else None
        if build is None or found is None:
            return
        name, start, end = found
        folder = setting(build, image, _FOLDERS[name])
        if folder is not None and folder.value is None:
            return
        path = folder.value if folder is not None else None
        if any(_holds(mount, path) for mount in run_of(build.instruction).mounts()):
            return
        where = path or f"/root/.cache/{name}"
        help_text = f"RUN {_MOUNT}{where} …, and {_FOLDERS[name]}={where}"
        message = f"{name} without a cache mount: its cache ends with the layer"
        yield Hit(image.dockerfile.source, start, end, message, help_text, _fix(build, image, path))


def _configured(build: SourceBuild, image: Image) -> tuple[str, int, int] | None:
    """The compiler cache's name, and where it is spoken of."""
    text = plain_text(build.instruction, image.dockerfile.source)
    variables = run_of(build.instruction).environment.variables()
    if _REMOTE.search(text) or any(_REMOTE.match(f"{name}=") for name in variables):
        return None
    mounts = [flag for flag in run_of(build.instruction).flags if flag.value is not None]
    flags_end = max([flag.value.end for flag in mounts if flag.value is not None], default=build.instruction.offset)
    match = _CACHE.search(text, max(flags_end - build.instruction.offset, 0))
    if match is not None:
        return (
            match["name"],
            build.instruction.offset + match.start("name"),
            build.instruction.offset + match.end("name"),
        )
    for launcher in _LAUNCHERS:
        variable = variables.get(launcher)
        name = posixpath.basename(variable.value or "") if variable is not None else ""
        if variable is not None and name in _FOLDERS:
            return name, variable.offset, variable.offset + len(launcher)
    return None


def _holds(mount: Mount, folder: str | None) -> bool:
    if mount.type != "cache":
        return False
    if mount.unknown or (folder is not None and not folder.startswith("/")):
        return True  # nobody can tell
    target = posixpath.normpath(mount.target)
    if folder is None:
        return _USUAL.fullmatch(target) is not None
    return f"{posixpath.normpath(folder)}/".startswith(f"{target.rstrip('/')}/")


def _fix(build: SourceBuild, image: Image, folder: str | None) -> Fix | None:
    """Put the mount in, where the cache's place is certain."""
    match = _RUN.match(image.dockerfile.source.text, build.instruction.offset)
    if match is None or folder is None or not re.fullmatch(r"/[\w./+-]+", folder):
        return None
    edit = Edit(image.dockerfile.path, match.end(), match.end(), f" {_MOUNT}{folder}")
    return Fix("mount a cache", (edit,), is_safe=True)
