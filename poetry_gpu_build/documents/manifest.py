"""What pyproject.toml asks for: every dependency with its place, whatever else is wrong with the file.

Read without Poetry and without ``packaging``, which cost a start of the linter more than the file does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.toml import Key
    from poetry_gpu_build.documents.toml import TomlDocument

TORCH = "torch"
# PEP 508: a name begins and ends with a letter or a digit.
_NAME = lazy_pattern(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")
_SEPARATORS = lazy_pattern(r"[-_.]+")
_GROUPS = ("tool", "poetry", "group")


class Dependency(NamedTuple):
    """Something that a manifest asks for."""

    name: str
    """Normalised (PEP 503). Of an included group: the group's."""

    group: str | None
    """The group as it is normalised; None: a main dependency or an extra."""

    key: Key
    """Where it stands in pyproject.toml."""

    sources: tuple[str, ...] = ()
    """The sources that it names."""

    is_group: bool = False
    """Whether it is another group that this one includes."""


def normalised(name: str) -> str:
    """The name as PEP 503 compares it.

    >>> normalised("Binary_Torch")
    'binary-torch'
    """
    return _SEPARATORS.sub("-", name).lower()


def value(data: Any, *key: str) -> Any:
    """What stands at a key; None where nothing does."""
    for part in key:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def table(data: Any, *key: str) -> dict[str, Any]:
    """The table at a key; an empty one where there is none, or something else."""
    found = value(data, *key)
    return found if isinstance(found, dict) else {}


def array(data: Any, *key: str) -> list[Any]:
    """The array at a key; an empty one where there is none, or something else."""
    found = value(data, *key)
    return found if isinstance(found, list) else []


def dependencies(document: TomlDocument) -> Iterator[Dependency]:
    """Everything that the manifest asks for: main dependencies, extras, then the groups of either notation."""
    data = document.data
    yield from _listed(data, None, ("project", "dependencies"))
    for extra in table(data, "project", "optional-dependencies"):
        yield from _listed(data, None, ("project", "optional-dependencies", extra))
    yield from _tabled(data, None, ("tool", "poetry", "dependencies"))
    yield from _tabled(data, "dev", ("tool", "poetry", "dev-dependencies"))
    for group in table(data, "dependency-groups"):
        yield from _listed(data, normalised(group), ("dependency-groups", group))
    for group in table(data, *_GROUPS):
        yield from _tabled(data, normalised(group), (*_GROUPS, group, "dependencies"))
        for at, included in enumerate(array(data, *_GROUPS, group, "include-groups")):
            if isinstance(included, str):
                key = (*_GROUPS, group, "include-groups", at)
                yield Dependency(normalised(included), normalised(group), key, is_group=True)


def optional_groups(document: TomlDocument) -> frozenset[str]:
    """The groups that `poetry install` leaves out unless asked for, normalised."""
    groups = table(document.data, *_GROUPS)
    return frozenset(normalised(name) for name in groups if value(groups, name, "optional") is True)


def written_group(document: TomlDocument, group: str, *key: str) -> str | None:
    """A group's name as this table writes it; None where the table does not have it."""
    return next((name for name in table(document.data, *key) if normalised(name) == normalised(group)), None)


def _listed(data: Any, group: str | None, key: tuple[str, ...]) -> Iterator[Dependency]:
    """PEP 508 requirements, and PEP 735's included groups."""
    for at, entry in enumerate(array(data, *key)):
        included = entry.get("include-group") if isinstance(entry, dict) else None
        name = _NAME.match(entry) if isinstance(entry, str) else None
        if name is not None:
            yield Dependency(normalised(name[1]), group, (*key, at))
        elif isinstance(included, str):
            yield Dependency(normalised(included), group, (*key, at), is_group=True)


def _tabled(data: Any, group: str | None, key: tuple[str, ...]) -> Iterator[Dependency]:
    """Poetry's own notation."""
    for name, entries in table(data, *key).items():
        if group is None and normalised(name) == "python":
            continue
        listed = entries if isinstance(entries, list) else [entries]
        sources = [entry.get("source") for entry in listed if isinstance(entry, dict)]
        named = tuple(source for source in sources if isinstance(source, str))
        yield Dependency(normalised(name), group, (*key, name), named)
