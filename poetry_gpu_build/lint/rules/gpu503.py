"""GPU503: torch's group is not optional."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.manifest import normalised
from poetry_gpu_build.documents.manifest import optional_groups
from poetry_gpu_build.documents.manifest import written_group
from poetry_gpu_build.lint.manifest import toml_hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule
from poetry_gpu_build.lint.toml_edits import setting_fix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit

_FILE = "pyproject.toml"
_GROUPS = ("tool", "poetry", "group")
_HEADER = "[tool.poetry.group.binary-torch]\n"
_TORCH = "[tool.poetry.group.binary-torch.dependencies]\ntorch = '2'\n"
_STANDARD = "[dependency-groups]\nbinary-torch = ['torch']\n"


class GroupNotOptional(Rule):
    """torch's group must be optional, so that nothing installs it by the way.

    A group that is not optional is installed by every `poetry install`, `add` and `update` that does not name it:
    one command in a source container, and the wheel lies beside the compiled torch. The binary mode asks for the group
    by name, so `optional = true` takes nothing away.
    """

    code = "GPU503"
    name = "group-not-optional"
    valid = (
        Example({_FILE: f"{_HEADER}optional = true\n{_TORCH}"}),
        Example({_FILE: f"{_STANDARD}[tool.poetry.group.Binary_Torch]\noptional = true\n"}),
        Example({_FILE: "[tool.poetry.group.dev.dependencies]\npytest = '*'\n"}),
        Example({_FILE: "[tool.poetry]\ngroup = 3\n"}),
    )
    invalid = (
        Example({_FILE: f"{_HEADER}\n{_TORCH}"}, (f"{_FILE}:1:1",), {_FILE: f"{_HEADER}optional = true\n\n{_TORCH}"}),
        Example(
            {_FILE: f"{_HEADER}optional = false # no\n"},
            (f"{_FILE}:2:1",),
            {_FILE: f"{_HEADER}optional = true # no\n"},
        ),
        Example({_FILE: f"# a\n{_TORCH}"}, (f"{_FILE}:2:20",), {_FILE: f"# a\n{_HEADER}optional = true\n\n{_TORCH}"}),
        Example({_FILE: _STANDARD}, (f"{_FILE}:2:1",), {_FILE: f"{_STANDARD}\n{_HEADER}optional = true\n"}),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Look for the group in either notation; a missing one is not this rule's concern."""
        document = documents.pyproject
        group = normalised(documents.policy.torch_group)
        if document is None or group in optional_groups(document):
            return
        own = written_group(document, group, *_GROUPS)
        standard = written_group(document, group, "dependency-groups")
        written = own or standard
        if written is None:
            return
        table = (*_GROUPS, written)
        place = (*table, "optional") if document.find(*table, "optional") else table
        key = place if own is not None else ("dependency-groups", written)
        message = f"the group {written} is not optional: every `poetry install` brings torch"
        for hit in toml_hit(documents, document, key, message, f"write optional = true into [{'.'.join(table)}]"):
            yield hit._replace(fix=setting_fix(hit.source, document, table, "optional", "true", is_safe=True))
