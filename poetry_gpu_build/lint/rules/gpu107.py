"""GPU107: the toggle's variables, and no plugin that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.commands import is_poetry
from poetry_gpu_build.lint.commands import uses
from poetry_gpu_build.lint.commands import uses_of_chains
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.own_plugin import PLUGIN
from poetry_gpu_build.lint.own_plugin import brings_plugin
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_TOGGLES = frozenset({"POETRY_WITH", "POETRY_WITHOUT"})
_HELP = f"name {PLUGIN} in the pip command that installs Poetry"


class InertToggle(ImageRule):
    """No Poetry reads POETRY_WITH and POETRY_WITHOUT; this plugin does.

    Without it they do nothing, and say nothing: the source image that sets POETRY_WITHOUT=binary-torch gets the binary
    torch. The plugin belongs in the one pip command, because what `[tool.poetry.requires-plugins]` asks for is not
    active in the very `poetry install` that installs it.
    """

    code = "GPU107"
    name = "inert-toggle"
    valid = (
        Example(binary("FROM a\nRUN pip install poetry poetry_gpu_build==1.0\nENV POETRY_WITH=binary-torch\n")),
        Example(binary("FROM a\nARG P=/w/poetry_gpu_build-1.0.whl\nRUN pip install $P\nARG POETRY_WITH\n")),
        Example(binary("FROM a\nRUN pip install poetry\nENV POETRY_HOME=/p\n")),
    )
    invalid = (
        Example(
            binary("FROM a\nRUN pip install poetry\nENV A=b POETRY_WITHOUT=binary-torch\n"), ("docker/Dockerfile:3:9",)
        ),
        Example(binary("FROM a\nARG POETRY_WITH=x\nRUN poetry install\n"), ("docker/Dockerfile:2:5",)),
        Example(binary("FROM a\nRUN POETRY_WITH=x poetry install\n"), ("docker/Dockerfile:2:19",)),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find the two variables in an image whose commands do not bring the plugin."""
        found = uses(image, documents)
        hits: dict[tuple[str, int], Hit] = {}
        for stages, chain in uses_of_chains(found, image.dockerfile):
            if any(brings_plugin(use) for use in chain):
                continue
            for hit in [*_set_by_instructions(image, stages), *_set_for_a_command(chain)]:
                hits.setdefault((str(hit.source.path), hit.start), hit)
        yield from hits.values()


def _set_by_instructions(image: Image, stages: list[int]) -> Iterator[Hit]:
    chain = [image.dockerfile.stages[number] for number in stages if number >= 0]
    for instruction in (instruction for stage in chain for instruction in stage.instructions):
        setting = instruction.trigger or instruction
        for assignment in setting.assignments:
            if assignment.name in _TOGGLES:
                end = assignment.offset + len(assignment.name)
                yield Hit(image.dockerfile.source, assignment.offset, end, _message(assignment.name), _HELP)


def _set_for_a_command(chain: list[Use]) -> Iterator[Hit]:
    for use in chain:
        command = use.step.command
        names = sorted(name for name, _ in command.environment if name in _TOGGLES) if command is not None else []
        # What the shell exports is in force for every command; Poetry's is the one that may look at it.
        if names and command is not None and (is_poetry(use) or command.command.assignments):
            yield Hit(use.source, use.step.start, use.step.end, _message(names[0]), _HELP)


def _message(name: str) -> str:
    return f"{name} does nothing: no pip command of the image installs {PLUGIN}"
