"""GPU504: the wheel index is not explicit."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.manifest import TORCH
from poetry_gpu_build.documents.manifest import array
from poetry_gpu_build.documents.manifest import dependencies
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.manifest import toml_hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.toml import Key
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit

_FILE = "pyproject.toml"
_INDEX = "download.pytorch.org/whl"
_PRIORITY = lazy_pattern(r"(priority\s*=\s*)(\"[^\"\n]*\"|'[^'\n]*')")
_HEADER = lazy_pattern(r"\[\[[^\]\n]*\]\][^\n]*\n")
_EXPLICIT = 'priority = "explicit"'


def _source(more: str, url: str = "https://mirror/cu128", name: str = "w") -> str:
    torch = "[tool.poetry.group.binary-torch.dependencies]\ntorch = {version = '2', source = 'W'}\n"
    return f"{torch}[[tool.poetry.source]]\n{more}name = '{name}'\nurl = '{url}'\n"


class SourceNotExplicit(Rule):
    """The index with torch's wheels must be asked for torch only.

    A source without `priority = "explicit"` is asked for every package. The wheel index holds old copies of numpy,
    pillow, requests and others: the lock then takes them from there, and resolving slows down with every package.
    """

    code = "GPU504"
    name = "source-not-explicit"
    valid = (
        Example({_FILE: _source("priority = 'explicit'\n")}),
        Example({_FILE: _source("", name="other")}),
        Example({_FILE: "[tool.poetry]\nsource = 3\n"}),
    )
    invalid = (
        Example({_FILE: _source("")}, (f"{_FILE}:3:1",), {_FILE: _source('priority = "explicit"\n')}),
        Example(
            {_FILE: _source("priority = 'supplemental'  # or so\n")},
            (f"{_FILE}:4:1",),
            {_FILE: _source('priority = "explicit"  # or so\n')},
        ),
        Example(
            {_FILE: _source("", f"https://{_INDEX}/cu128", "other")},
            (f"{_FILE}:3:1",),
            {_FILE: _source('priority = "explicit"\n', f"https://{_INDEX}/cu128", "other")},
        ),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Look at the sources that torch names, and at PyTorch's own index."""
        document = documents.pyproject
        if document is None:
            return
        named = {name.lower() for each in dependencies(document) if each.name == TORCH for name in each.sources}
        for at, source in enumerate(array(document.data, "tool", "poetry", "source")):
            if not isinstance(source, dict) or not _is_wheel_index(source, named):
                continue
            priority = source.get("priority")
            if isinstance(priority, str) and priority.lower() == "explicit":
                continue
            key: Key = ("tool", "poetry", "source", at)
            key = (*key, "priority") if "priority" in source else key
            message = f"the source {source.get('name')} is asked for every package"
            for hit in toml_hit(documents, document, key, message, f"write {_EXPLICIT} into it"):
                yield _with_fix(hit)


def _is_wheel_index(source: dict[str, Any], named: set[str]) -> bool:
    return str(source.get("name", "")).lower() in named or _INDEX in str(source.get("url", ""))


def _with_fix(hit: Hit) -> Hit:
    """Not safe: packages that name no source and came from this one come from elsewhere then."""
    text = hit.source.text
    if found := _PRIORITY.match(text, hit.start):
        edit = Edit(hit.source.path, found.start(2), found.end(2), '"explicit"')
    elif found := _HEADER.match(text, hit.start):
        edit = Edit(hit.source.path, found.end(), found.end(), f"{_EXPLICIT}\n")
    else:
        return hit
    return hit._replace(fix=Fix("make the source explicit", (edit,), is_safe=False))
