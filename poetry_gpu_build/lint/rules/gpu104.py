"""GPU104: pip and Poetry are installed in different RUNs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.commands import installs_pip
from poetry_gpu_build.lint.commands import installs_poetry
from poetry_gpu_build.lint.commands import uses
from poetry_gpu_build.lint.commands import uses_of_chains
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image


class SplitBootstrap(ImageRule):
    """pip and Poetry are installed by one RUN.

    Two layers are cached apart: the one with pip grows old while the one with Poetry is made anew, so that two machines
    build one Dockerfile with different versions of pip, and a Poetry that needs a newer pip fails on one of them.
    """

    code = "GPU104"
    name = "split-bootstrap"
    valid = (
        Example(binary("FROM a\nRUN python get-pip.py pip setuptools poetry\n")),
        Example(binary("FROM a\nRUN python -m ensurepip && pip install -U pip && pip install poetry\n")),
        Example(binary("FROM a\nRUN pip install poetry\n")),
    )
    invalid = (
        Example(binary("FROM a\nRUN pip install -U pip\nRUN pip install poetry\n"), ("docker/Dockerfile:3:5",)),
        Example(
            binary("FROM a AS b\nRUN apt-get install -y python3-pip\nFROM b\nRUN pip install 'poetry>=2'\n"),
            ("docker/Dockerfile:4:5",),
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find where Poetry is installed behind a RUN that installed pip."""
        found = uses(image, documents)
        seen: set[tuple[str, int, int]] = set()
        for _, chain in uses_of_chains(found, image.dockerfile):
            for pip, poetry in _split(chain):
                if poetry.where not in seen:
                    seen.add(poetry.where)
                    message = f"Poetry is installed here, pip in another RUN on line {pip.line}"
                    help_text = "write one command: python get-pip.py pip setuptools wheel poetry"
                    yield Hit(poetry.source, poetry.step.start, poetry.step.end, message, help_text)


def _split(chain: list[Use]) -> Iterator[tuple[Use, Use]]:
    pips = [use for use in chain if installs_pip(use)]
    for poetry in chain:
        if not pips or not installs_poetry(poetry):
            continue
        instruction = poetry.step.instruction
        if all(pip.step.instruction is not instruction for pip in pips):
            earlier = [pip for pip in pips if pip.step.instruction.offset < instruction.offset]
            if earlier:
                yield earlier[-1], poetry
