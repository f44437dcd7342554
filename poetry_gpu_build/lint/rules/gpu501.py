"""GPU501: torch is asked for outside its group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.manifest import TORCH
from poetry_gpu_build.documents.manifest import dependencies
from poetry_gpu_build.documents.manifest import normalised
from poetry_gpu_build.documents.manifest import optional_groups
from poetry_gpu_build.lint.manifest import toml_hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.manifest import Dependency
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit

_FILE = "pyproject.toml"
_GROUP = (
    "[tool.poetry.group.binary-torch]\noptional = true\n[tool.poetry.group.binary-torch.dependencies]\ntorch = '2'\n"
)


class TorchOutsideGroup(Rule):
    """torch belongs in the group that the mode switches, and nowhere else.

    A main dependency is installed in both modes: the source image then holds the wheel beside the torch that was
    compiled for hours, and which one is imported is a matter of sys.path. The same goes for a group that is not
    optional, and for one that includes torch's.
    """

    code = "GPU501"
    name = "torch-outside-group"
    valid = (
        Example({_FILE: _GROUP}),
        Example({_FILE: "[project]\ndependencies = ['torchmetrics', 'torch-geometric']\n"}),
        Example({_FILE: "[dependency-groups]\nBinary_Torch = ['torch']\n"}),
        Example({_FILE: "[project]\ndependencies = 3\n[tool]\npoetry = []\n"}),
    )
    invalid = (
        Example({_FILE: "[project]\ndependencies = ['numpy', 'Torch==2.7.1']\n"}, (f"{_FILE}:2:26",)),
        Example({_FILE: "[tool.poetry.dependencies]\ntorch = {version = '2', source = 's'}\n"}, (f"{_FILE}:2:1",)),
        Example({_FILE: "[project.optional-dependencies]\ngpu = [\n  'torch>=2',\n]\n"}, (f"{_FILE}:3:3",)),
        Example({_FILE: "[tool.poetry.group.dev.dependencies]\ntorch = '*'\n"}, (f"{_FILE}:2:1",)),
        Example({_FILE: _GROUP + "[dependency-groups]\ndev = [{include-group = 'binary-torch'}]\n"}, (f"{_FILE}:6:8",)),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Find each torch that is installed whatever the mode is."""
        document = documents.pyproject
        if document is None:
            return
        group = normalised(documents.policy.torch_group)
        optional = optional_groups(document)
        help_text = f"move it into the optional group {group}: [tool.poetry.group.{group}.dependencies]"
        for dependency in dependencies(document):
            if dependency.group == group:
                continue
            if dependency.is_group and dependency.name == group:
                message = f"the group {dependency.group} includes {group}: it brings torch in either mode"
                yield from toml_hit(documents, document, dependency.key, message, "do not include it")
            elif dependency.name == TORCH and not dependency.is_group and dependency.group not in optional:
                yield from toml_hit(documents, document, dependency.key, f"torch is {_what(dependency)}", help_text)


def _what(dependency: Dependency) -> str:
    if dependency.group is not None:
        return f"in the group {dependency.group}, which is installed in either mode"
    if "optional-dependencies" in dependency.key:
        return "in an extra, which no mode switches"
    return "a main dependency: both modes install it"
