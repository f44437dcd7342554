"""pyproject.toml reduced to what `poetry install --no-root` reads of it; once whole, once with torch's group alone.

Pure: tables in, tables out. What Poetry reads was taken from its source, 2.2.0 to 2.5.1 (Factory.configure_package,
Factory.create_poetry, Locker._get_content_hash); tests/integration/test_dependencies.py holds both against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterator
    from collections.abc import Mapping

    from packaging.utils import NormalizedName

    Table = Mapping[str, Any]

#: Stands for every version of the project, so that a new one is no change. High: a dependency that in turn requires the
#: project itself (a pytest plugin, in pytest's own development group) asks for a lowest version.
ANY_VERSION = "9999"

_PROJECT = ("name", "version", "requires-python", "dependencies", "optional-dependencies")
_DYNAMIC = frozenset(("requires-python", "dependencies", "optional-dependencies"))
_POETRY = (
    *("name", "version", "package-mode", "requires-poetry", "requires-plugins"),
    *("dependencies", "dev-dependencies", "group", "extras", "source", "build-constraints"),
)
# What this plugin reads of [tool.gpu-build] before `poetry install`, and before a swap (swap/before_command.py,
# commands/swap.py).
_OWN = ("torch-group", "host-install")
_OWN_SOURCE = ("torch", "prefix", "targets")
# A requirement that is a file of the project, which no manifest brings along.
_FILES = ("path", "file")


def dependencies_of(pyproject: Table, *, with_torch: bool) -> dict[str, Any]:
    """All that decides what is installed: a lock's content hash is the same for both.

    ``with_torch`` is whether torch comes from an index; else it is compiled, and the settings of its swap stay.

    Left out are the version (a constant takes its place), what describes the project (readme, licence, authors, URLs),
    what builds it (scripts, packages, [build-system]), and the tables of other tools.
    """
    project, poetry = _table(pyproject, "project"), _table(pyproject, "tool", "poetry")
    reduced: dict[str, Any] = {}
    if project:
        kept = _kept(project, _PROJECT)
        dynamic = _list(project.get("dynamic"))
        if "version" in kept or "version" in dynamic:
            kept["version"] = ANY_VERSION
        if still := [name for name in dynamic if name in _DYNAMIC]:
            kept["dynamic"] = still
        reduced["project"] = kept
    if groups := _table(pyproject, "dependency-groups"):
        reduced["dependency-groups"] = dict(groups)
    if poetry:
        kept = _kept(poetry, _POETRY)
        if "version" in kept:
            kept["version"] = ANY_VERSION
        reduced["tool"] = {"poetry": kept}
    return _with_settings(reduced, pyproject, with_torch=with_torch)


def torch_alone(pyproject: Table, torch_group: str, named: Collection[str]) -> dict[str, Any] | None:
    """A manifest that installs torch's group and nothing else; None where the group cannot stand alone.

    Without a name of its own, so that a change of anything else is no change of torch. The groups in ``named`` are
    there, but empty: POETRY_WITH and POETRY_WITHOUT name them, and an unknown one is a warning.
    """
    kept = _with_included(pyproject, canonicalize_name(torch_group))
    entries = [entry for group in kept for entry in _entries(pyproject, group)]
    if not entries or any(_is_file(entry) for entry in entries):
        return None
    others = [name for name in named if canonicalize_name(name) not in kept]
    manifest = _with_settings(_no_dependencies(pyproject, others), pyproject, with_torch=True)
    standard = _named(_table(pyproject, "dependency-groups"), kept)
    if standard:
        manifest["dependency-groups"] = standard
    poetry = manifest["tool"]["poetry"]
    poetry["group"] = {**_named(_table(pyproject, "tool", "poetry", "group"), kept), **poetry.get("group", {})}
    wanted = {str(entry["source"]).lower() for entry in entries if isinstance(entry, dict) and "source" in entry}
    sources = [
        source
        for source in _list(_table(pyproject, "tool", "poetry").get("source"))
        if isinstance(source, dict)
        and (str(source.get("priority", "")).lower() != "explicit" or str(source.get("name", "")).lower() in wanted)
    ]
    if sources:
        poetry["source"] = sources
    if constraints := _table(pyproject, "tool", "poetry", "build-constraints"):
        poetry["build-constraints"] = dict(constraints)
    return manifest


def no_dependencies(pyproject: Table, named: Collection[str], *, with_torch: bool) -> dict[str, Any]:
    """A manifest that installs nothing, for the project's Python; the groups in ``named`` are there, but empty."""
    return _with_settings(_no_dependencies(pyproject, named), pyproject, with_torch=with_torch)


def _no_dependencies(pyproject: Table, named: Collection[str]) -> dict[str, Any]:
    manifest: dict[str, Any] = {}
    if requires_python := _table(pyproject, "project").get("requires-python"):
        manifest["project"] = {"name": "torch-alone", "version": ANY_VERSION, "requires-python": requires_python}
    poetry: dict[str, Any] = {"package-mode": False}
    if python := _table(pyproject, "tool", "poetry", "dependencies").get("python"):
        poetry["dependencies"] = {"python": python}
    known = _group_names(pyproject)
    if empty := sorted({canonicalize_name(name) for name in named} & known):
        poetry["group"] = {name: {"optional": True, "dependencies": {}} for name in empty}
    return {**manifest, "tool": {"poetry": poetry}}


def _with_settings(manifest: dict[str, Any], pyproject: Table, *, with_torch: bool) -> dict[str, Any]:
    """The manifest, and of [tool.gpu-build] what an installation or a swap reads."""
    own = _kept(_table(pyproject, "tool", "gpu-build"), _OWN)
    source = {} if with_torch else _kept(_table(pyproject, "tool", "gpu-build", "modes", "source"), _OWN_SOURCE)
    if source:
        own["modes"] = {"source": source}
    return {**manifest, "tool": {**manifest.get("tool", {}), "gpu-build": own}} if own else manifest


def groups_alone(manifest: Table) -> frozenset[NormalizedName]:
    """The groups of a manifest that hold anything."""
    return frozenset(group for group in _group_names(manifest) if any(_entries(manifest, group)))


def _with_included(pyproject: Table, torch_group: NormalizedName) -> frozenset[NormalizedName]:
    """A group and those that it includes (PEP 735, and Poetry's own `include-groups`)."""
    found: set[NormalizedName] = set()
    left = [torch_group]
    while left:
        group = left.pop()
        if group in found:
            continue
        found.add(group)
        for entries in _named(_table(pyproject, "dependency-groups"), {group}).values():
            left += [canonicalize_name(str(each["include-group"])) for each in _list(entries) if _includes(each)]
        for own in _named(_table(pyproject, "tool", "poetry", "group"), {group}).values():
            left += [canonicalize_name(str(name)) for name in _list(_table({"": own}, "").get("include-groups"))]
    return frozenset(found)


def _entries(pyproject: Table, group: NormalizedName) -> Iterator[Any]:
    """What a group requires: texts of PEP 508, and Poetry's own texts and tables."""
    for entries in _named(_table(pyproject, "dependency-groups"), {group}).values():
        yield from (each for each in _list(entries) if not _includes(each))
    for own in _named(_table(pyproject, "tool", "poetry", "group"), {group}).values():
        for constraint in _table({"": own}, "", "dependencies").values():
            yield from constraint if isinstance(constraint, list) else [constraint]


def _includes(entry: Any) -> bool:
    return isinstance(entry, dict) and "include-group" in entry


def _is_file(entry: Any) -> bool:
    if isinstance(entry, dict):
        return any(part in entry for part in _FILES)
    # PEP 508 with a path: torch @ file:wheels/torch.whl
    return "file:" in str(entry)


def _group_names(pyproject: Table) -> set[NormalizedName]:
    written = (*_table(pyproject, "dependency-groups"), *_table(pyproject, "tool", "poetry", "group"))
    return {canonicalize_name(name) for name in written}


def _named(groups: Table, names: Collection[NormalizedName]) -> dict[str, Any]:
    """The groups of these names, as they are written."""
    return {name: value for name, value in groups.items() if canonicalize_name(name) in names}


def _kept(table: Table, keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key in keys}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _table(document: Table, *key: str) -> Table:
    """A table of the document; empty where there is none, or something else stands in its place."""
    value: Any = document
    for part in key:
        value = value.get(part)
        if not isinstance(value, dict):
            return {}
    table: Table = value
    return table
