"""GPU105: Poetry is configured in the Dockerfile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_SETTING = "POETRY_VIRTUALENVS_"


class PoetryConfigInDockerfile(ImageRule):
    """poetry.toml is the one place that configures Poetry.

    A `poetry config` in one Dockerfile and not in the other makes two environments of one project, and a variable such
    as POETRY_VIRTUALENVS_CREATE overrules poetry.toml without a word.
    """

    code = "GPU105"
    name = "poetry-config-in-dockerfile"
    valid = (Example(binary("FROM a\nCOPY pyproject.toml poetry.toml ./\nRUN poetry install\n")),)
    invalid = (
        Example(binary("FROM a\nRUN poetry config virtualenvs.create false\n"), ("docker/Dockerfile:2:5",)),
        Example(binary("FROM a\nENV POETRY_VIRTUALENVS_CREATE=false\n"), ("docker/Dockerfile:2:5",)),
        Example(binary("FROM a\nRUN POETRY_VIRTUALENVS_CREATE=0 poetry install\n"), ("docker/Dockerfile:2:33",)),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find `poetry config`, and the variables that stand for it, in ENV, ARG and before a command."""
        source = image.dockerfile.source
        help_text = "write it into poetry.toml, which both Dockerfiles copy"
        for step in image.steps:
            command = step.command
            if command is None:
                continue
            if step.program == "poetry" and "config" in step.arguments[:1]:
                yield Hit(source, step.start, step.end, "poetry config in a Dockerfile", help_text)
            elif any(name.startswith(_SETTING) for name, _ in command.environment):
                yield Hit(source, step.start, step.end, f"{_SETTING}… in a Dockerfile", help_text)
        for instruction in image.dockerfile.instructions:
            for assignment in instruction.assignments:
                if assignment.name.startswith(_SETTING):
                    end = assignment.offset + len(assignment.name)
                    yield Hit(source, assignment.offset, end, f"{assignment.name} in a Dockerfile", help_text)
