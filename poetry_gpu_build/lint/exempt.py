"""The pip commands of an image: those behind its one, and those of the one script that compiles torch."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.programs import python_runs
from poetry_gpu_build.documents.shell.syntax import Parameter
from poetry_gpu_build.lint.commands import builds
from poetry_gpu_build.lint.commands import subcommand
from poetry_gpu_build.lint.commands import uses

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from poetry_gpu_build.documents.shell.arguments import Argument
    from poetry_gpu_build.lint.commands import Build
    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_BUILDS = frozenset({"bdist_wheel", "build", "build_ext", "install", "develop", "bdist_egg"})
_BUILD_PROGRAMS = frozenset({"cmake", "ninja", "make", "build", "nvcc", "bazel", "meson"})
_PREFIXES = ("--target", "--prefix", "--root", "-t")


def surplus(image: Image, documents: Documents) -> tuple[tuple[Use, Use], ...]:
    """Each pip command behind the first of its image, with that first; two rules ask."""
    return documents.remember(("surplus", image), lambda: tuple(_surplus(image, documents)))


def _surplus(image: Image, documents: Documents) -> Iterator[tuple[Use, Use]]:
    found = uses(image, documents)
    allowed = exempt(found, image)
    pips = [use for use in found if use.installer and use.where not in allowed]
    seen: set[tuple[str, int, int]] = set()
    for build in builds(image.dockerfile):
        for use, first in _behind(pips, build):
            if use.where not in seen:
                seen.add(use.where)
                yield use, first


def _behind(pips: list[Use], build: Build) -> Iterator[tuple[Use, Use]]:
    own = [use for use in pips if use.step.instruction.stage_number in build.chain]
    copied = [use for use in pips if use.step.instruction.stage_number in build.others]
    ordered = [*own, *copied]
    for use in ordered[1:]:
        if use.where != ordered[0].where:
            yield use, ordered[0]


def exempt(found: Iterable[Use], image: Image) -> frozenset[tuple[str, int, int]]:
    """The places of the pip commands of the one source-build script that leave the image's environment alone."""
    if image.mode == "binary":
        return frozenset()
    listed = list(found)
    makers = [use for use in listed if use.program in _BUILD_PROGRAMS]
    script = next((use.step.instruction for use in [*filter(_builds_python, listed), *makers]), None)
    inside = [use for use in listed if use.step.instruction is script]
    venvs: list[str] = []
    active = False
    places: set[tuple[str, int, int]] = set()
    for use in inside:
        venvs += _venv(use)
        active = active or _activates(use, venvs)
        if use.installer and (_builds_only(use) or _goes_to_opt(use) or active or _is_in(use, venvs)):
            places.add(use.where)
    return frozenset(places)


def _builds_python(use: Use) -> bool:
    """Whether it makes a distribution: the surest sign of the source-build script."""
    if use.program == "python":
        kind, what, rest = python_runs(use.texts)
        is_setup = kind == "file" and what is not None and posixpath.basename(what) == "setup.py"
        return is_setup and not _BUILDS.isdisjoint(rest)
    return _builds_only(use) or (use.installer == "pip" and _goes_to_opt(use))


def _builds_only(use: Use) -> bool:
    return use.installer == "pip" and subcommand("pip", use.texts)[0] in {"wheel", "download"}


def _goes_to_opt(use: Use) -> bool:
    texts = use.texts
    for number, text in enumerate(texts):
        name, equals, value = text.partition("=")
        if name in _PREFIXES:
            folder = value if equals else "".join(texts[number + 1 : number + 2])
            return posixpath.normpath(folder).startswith("/opt/")
    return False


def _signature(word: Argument) -> str:
    """A word as written, variables by their name: the same text is the same folder."""
    written = ""
    for piece in word.pieces:
        if piece.value is not None:
            written += piece.value
        else:
            written += f"${piece.part.name}" if isinstance(piece.part, Parameter) else "\0"
    return written.rstrip("/")


def _venv(use: Use) -> list[str]:
    """The folders of the virtual environments that a command makes."""
    command = use.step.command
    if command is None:
        return []
    if use.program not in {"venv", "virtualenv"} and not (use.program == "uv" and "venv" in use.texts[:1]):
        return []
    folders = [_signature(word) for word in command.words[-len(use.texts) :] if not word.text.startswith("-")]
    return [folder for folder in folders[-1:] if folder not in {"", "venv", "/"} and "\0" not in folder]


def _is_in(use: Use, venvs: list[str]) -> bool:
    """Whether a venv's own pip or interpreter runs it; or, for uv, whether it is told to install there."""
    command = use.step.command
    if command is None or not command.words:
        return False
    program = _signature(command.words[0])
    told = [_signature(word).partition("=")[2] or _signature(word) for word in command.words[1:]]
    words = [program, *(told if use.program == "uv pip" else ())]
    return any(word == venv or word.startswith(f"{venv}/") for word in words for venv in venvs)


def _activates(use: Use, venvs: list[str]) -> bool:
    command = use.step.command
    if command is None or use.program not in {".", "source", "export"}:
        return False
    folders = [_signature(word).removeprefix("PATH=").partition(":")[0] for word in command.words[1:]]
    return any(folder in {f"{venv}/bin", f"{venv}/bin/activate"} for folder in folders for venv in venvs)
