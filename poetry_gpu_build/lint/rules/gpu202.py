"""GPU202: the source build's output does not go to /opt."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.arguments import UNKNOWN
from poetry_gpu_build.documents.shell.programs import python_runs
from poetry_gpu_build.lint.commands import subcommand
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import source
from poetry_gpu_build.lint.source_build import OPT
from poetry_gpu_build.lint.source_build import PACKAGES
from poetry_gpu_build.lint.source_build import source_build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.lint.source_build import SourceBuild

_WHEEL = lazy_pattern(r"(?:^|/)(?:torch[^/]*|dist/[^/]*)\.whl$|(?:^|/)dist/\*$")
_CHECKOUTS = frozenset({".", "./"})
_PREFIXES = frozenset({"--target", "-t", "--prefix", "--root", "--home", "--install-lib", "--user-base"})
_CMAKE_PREFIX = "-DCMAKE_INSTALL_PREFIX="
_MOVERS = frozenset({"cp", "mv", "ln", "rsync", "install"})
_BUILD = "FROM a AS b\nRUN cd pytorch && python setup.py bdist_wheel"


class ArtefactOutsideOpt(ImageRule):
    """What the source build makes goes into a folder of its own under /opt, and never into site-packages.

    site-packages is Poetry's: a torch that was put there looks like one that Poetry installed, and the next
    `poetry install` or `poetry sync` replaces or removes it, and hours of compiling with it. One folder under /opt can
    be copied from the build stage as a whole.
    """

    code = "GPU202"
    name = "artefact-outside-opt"
    valid = (
        Example(
            source(f"{_BUILD} && pip install --target /opt/torch dist/*.whl\nCOPY --from=b /opt/torch /opt/torch\n")
        ),
        Example(source(f"{_BUILD}\nRUN cp x /usr/lib/python3/site-packages/\n")),
        Example(source(f'{_BUILD} && pip install --target "$somewhere" dist/torch-2.whl\n')),
    )
    invalid = (
        Example(source("FROM a\nRUN cd pytorch && python setup.py install\n"), ("docker/Dockerfile.source:2:19",)),
        Example(source(f"{_BUILD} && pip install dist/*.whl\n"), ("docker/Dockerfile.source:2:50",)),
        Example(
            source(f"{_BUILD} && cp -r torch /usr/lib/python3/dist-packages/\n"), ("docker/Dockerfile.source:2:50",)
        ),
        Example(
            source(f"{_BUILD} && cmake -DCMAKE_INSTALL_PREFIX=/usr/local ..\n"), ("docker/Dockerfile.source:2:50",)
        ),
        Example(
            source(f"{_BUILD}\nFROM a\nCOPY --from=b /torch /usr/lib/python3.10/site-packages/torch\n"),
            ("docker/Dockerfile.source:4:22",),
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Look at where the script installs to, then at what is copied out of its stage."""
        build = source_build(image, documents)
        if build is None:
            return
        help_text = "install it with --target /opt/torch, and copy that folder alone"
        has_environment = any(use.program in {"venv", "virtualenv"} for use in build.uses)
        for use in build.uses:
            message = _outside(use, has_environment=has_environment)
            if message is not None:
                yield Hit(use.source, use.step.start, use.step.end, message, help_text)
        for start, end in _copied(image, build):
            message = "the source build's output is copied to a place outside of /opt"
            yield Hit(image.dockerfile.source, start, end, message, help_text)


def _outside(use: Use, *, has_environment: bool) -> str | None:
    """What is wrong with a command's target; None where it is right, or not known."""
    texts = use.texts
    if use.program in _MOVERS:
        is_wrong = any(PACKAGES.search(text) for text in texts[-1:])
        return "the source build's output goes into site-packages" if is_wrong else None
    if use.program == "cmake":
        folder = next((text.removeprefix(_CMAKE_PREFIX) for text in texts if text.startswith(_CMAKE_PREFIX)), None)
        return f"the source build installs into {folder}, outside of /opt" if _is_elsewhere(folder) else None
    if not _installs_torch(use, has_environment=has_environment):
        return None
    folder = _target(texts)
    if folder is None:
        return "the source build installs torch into site-packages"
    return f"the source build installs torch into {folder}, outside of /opt" if _is_elsewhere(folder) else None


def _installs_torch(use: Use, *, has_environment: bool) -> bool:
    if use.program == "python":
        kind, what, rest = python_runs(use.texts)
        is_setup = kind == "file" and what is not None and posixpath.basename(what) == "setup.py"
        return is_setup and not {"install", "develop"}.isdisjoint(rest) and not has_environment
    if use.program not in {"pip", "uv pip"}:
        return False
    word, rest = subcommand("pip", use.texts)
    if word != "install" or not any(_WHEEL.search(text) or text in _CHECKOUTS for text in rest):
        return False
    return not has_environment or _target(use.texts) is not None


def _target(texts: tuple[str, ...]) -> str | None:
    for number, text in enumerate(texts):
        name, equals, value = text.partition("=")
        if name in _PREFIXES:
            return value if equals else "".join(texts[number + 1 : number + 2])
    return None


def _is_elsewhere(folder: str | None) -> bool:
    """Whether a folder is known, and not under /opt. A relative one, such as `./install`, is a step on the way."""
    if folder is None or UNKNOWN in folder or not folder.startswith("/"):
        return False
    return not f"{posixpath.normpath(folder)}/".startswith(OPT)


def _copied(image: Image, build: SourceBuild) -> Iterator[tuple[int, int]]:
    """The places outside of /opt that something of the build's stage is copied to."""
    for instruction in image.dockerfile.instructions:
        destination = instruction.destination
        if instruction.keyword != "COPY" or destination is None or not instruction.flag_value("from"):
            continue
        stage = image.dockerfile.stage(instruction.expand(instruction.flag_value("from")).value)
        expansion = instruction.expand(destination)
        if stage is None or stage.number != build.instruction.stage_number or not expansion.is_known:
            continue
        is_package = PACKAGES.search(expansion.value) is not None
        if is_package or (_is_elsewhere(expansion.value) and _is_torch(instruction.sources)):
            yield destination.offset, destination.end


def _is_torch(sources: tuple[object, ...]) -> bool:
    return any("torch" in str(word).lower() for word in sources)
