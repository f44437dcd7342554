"""GPU103: Poetry comes from somewhere else than the image's pip command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.results import RunsFile
from poetry_gpu_build.lint.commands import SYSTEM_POETRY
from poetry_gpu_build.lint.commands import is_system_install
from poetry_gpu_build.lint.commands import uses
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_HELP = "install Poetry with the image's one pip command: python get-pip.py pip setuptools wheel poetry"
_SCRIPT = lazy_pattern(r"(?:^|/)(install\.python-poetry\.org|get-poetry\.py|install-poetry\.py)(?![\w.-])")
# They show a text; what they print into a shell is found where it runs.
_SHOWS = frozenset({"echo", "printf", "grep", "rm", "test", "[", "chmod", "ls", "cat"})
_OTHERS = frozenset({"pipx", "uv", "uv tool", "uvx", "conda", "mamba", "micromamba", "easy_install"})


class ForeignPoetryInstaller(ImageRule):
    """Poetry is installed by the image's pip command, and by nothing else.

    Poetry's own installer, apt, pipx and conda put it into an environment of its own. With `virtualenvs.create = false`
    it then installs into the base interpreter, where neither its plugins nor the packages of the pip command are, and
    two of them in two Dockerfiles are two versions of Poetry.
    """

    code = "GPU103"
    name = "foreign-poetry-installer"
    valid = (
        Example(binary("FROM a\nRUN curl -fsSL https://x/get-pip.py -o g && pip install poetry\n")),
        Example(binary("FROM a\nRUN echo see https://install.python-poetry.org && apt-get install -y python3\n")),
    )
    invalid = (
        Example(
            binary("FROM a\nRUN curl -fsSL https://install.python-poetry.org | python3 -\n"), ("docker/Dockerfile:2:5",)
        ),
        Example(
            binary("FROM a\nADD https://install.python-poetry.org /i.py\nCOPY get-poetry.py /\nRUN python /i.py\n"),
            ("docker/Dockerfile:2:5", "docker/Dockerfile:3:6"),
        ),
        Example(binary("FROM a\nRUN python tools/get-poetry.py\n"), ("docker/Dockerfile:2:12",)),
        Example(
            binary("FROM a\nRUN apt-get install -y python3-poetry; pipx install poetry==2.0; conda install poetry\n"),
            ("docker/Dockerfile:2:5", "docker/Dockerfile:2:40", "docker/Dockerfile:2:66"),
        ),
        Example(binary("FROM a\nRUN uv tool install poetry\n"), ("docker/Dockerfile:2:5",)),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find what brings Poetry, and is not pip."""
        for instruction in image.dockerfile.instructions:
            yield from _copied(instruction, image)
        named: set[int] = set()
        seen: set[tuple[str, int, int]] = set()
        for use in uses(image, documents):
            offset = use.step.instruction.offset
            message = _foreign(use, is_named=offset in named)
            if message and use.where not in seen:
                named.add(offset)
                seen.add(use.where)
                yield Hit(use.source, use.step.start, use.step.end, message, _HELP)


def _copied(instruction: Instruction, image: Image) -> Iterator[Hit]:
    copy = instruction.trigger or instruction
    if copy.keyword not in {"ADD", "COPY"}:
        return
    for written in copy.sources:
        found = _SCRIPT.search(copy.expand(written).value)
        if found:
            yield Hit(image.dockerfile.source, written.offset, written.end, f"Poetry from {found[1]}", _HELP)


def _foreign(use: Use, *, is_named: bool) -> str:
    """What is foreign about a command; empty for nothing, or where the same RUN has said so already."""
    if isinstance(use.step.resolved, RunsFile):
        found = _SCRIPT.search(use.step.resolved.path)
        return f"Poetry from {found[1]}" if found and not is_named else ""
    if is_system_install(use):
        return "" if SYSTEM_POETRY.isdisjoint(use.required) else f"Poetry from {use.program}"
    if use.installer in _OTHERS and "poetry" in use.required:
        return f"Poetry from {use.installer}"
    if use.program in _SHOWS or is_named:
        return ""
    found = next((each for each in map(_SCRIPT.search, use.texts) if each), None)
    return f"Poetry from {found[1]}" if found else ""
