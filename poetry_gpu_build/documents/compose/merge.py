"""How Compose lays one service over another: for override files, further documents, ``extends`` and ``include``. Pure.

Compose Specification, "Merge and override": mappings are merged key by key, lists are appended, other values replaced;
``build`` may be a text, ``args`` and ``environment`` lists or mappings. Only what the model holds is merged: of
everything else the later value stands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.compose.nodes import Entry
from poetry_gpu_build.documents.compose.nodes import MappingNode
from poetry_gpu_build.documents.compose.nodes import ScalarNode
from poetry_gpu_build.documents.compose.nodes import SequenceNode
from poetry_gpu_build.documents.compose.problems import Problem

if TYPE_CHECKING:
    from poetry_gpu_build.documents.compose.nodes import Node
    from poetry_gpu_build.documents.compose.problems import Budget

_MERGED = frozenset({"build", "deploy", "environment", "expose", "gpus", "ports", "profiles", "volumes"})
_ASSIGNMENTS = frozenset({("environment",), ("build", "args")})

Path = tuple[str, ...]


class Merger:
    """Merges for one project; what does not fit together becomes a problem, and the later value stands."""

    def __init__(self, budget: Budget, problems: list[Problem]) -> None:
        self._budget = budget
        self._problems = problems

    def services(self, base: MappingNode, over: MappingNode) -> MappingNode:
        """The services of two files, the second one an override of the first."""
        entries = self._kept(base, over)
        for entry in over.entries.values():
            first = entries.get(entry.key)
            entries[entry.key] = entry if first is None else self.service(first, entry)
        return base._replace(entries=entries, resets=over.resets)

    def service(self, base: Entry, over: Entry) -> Entry:
        """One service laid over another. It stands where the first one stands."""
        return self._entries(base, over, ())

    def _kept(self, base: MappingNode, over: MappingNode) -> dict[str, Entry]:
        """The base's entries that the other one does not delete by ``!reset`` or replace by ``!override``."""
        self._budget.spend(len(base.entries) + len(over.entries))
        if not over.resets:
            return dict(base.entries)
        return {key: entry for key, entry in base.entries.items() if key not in over.resets}

    def _entries(self, base: Entry, over: Entry, path: Path) -> Entry:
        if len(path) == 1 and path[0] not in _MERGED:
            return over if not _is_null(over.node) else base
        first, second = base.node, over.node
        if path == ("build",):
            first, second = as_build(first), as_build(second)
        elif path in _ASSIGNMENTS:
            first, second = assignments(first), assignments(second)
        if _is_null(second):
            return base
        if _is_null(first):
            return over
        if isinstance(first, MappingNode) and isinstance(second, MappingNode):
            return base._replace(node=self._mappings(first, second, path))
        if isinstance(first, SequenceNode) and isinstance(second, SequenceNode):
            return base._replace(node=self._appended(first, second.items))
        if isinstance(first, ScalarNode) and isinstance(second, ScalarNode):
            return over
        self._misfit(base, over)
        # Nothing that is published may get lost in a file that Compose refuses.
        return base._replace(node=self._appended(first, (second,))) if isinstance(first, SequenceNode) else over

    def _mappings(self, base: MappingNode, over: MappingNode, path: Path) -> MappingNode:
        entries = self._kept(base, over)
        for entry in over.entries.values():
            first = entries.get(entry.key)
            # Of assignments a name alone counts as well: its value is then the environment's.
            if first is None or path in _ASSIGNMENTS:
                entries[entry.key] = entry
            else:
                entries[entry.key] = self._entries(first, entry, (*path, entry.key))
        return base._replace(entries=entries, resets=over.resets)

    def _appended(self, base: SequenceNode, items: tuple[Node, ...]) -> SequenceNode:
        self._budget.spend(len(base.items) + len(items))
        return base._replace(items=base.items + items)

    def _misfit(self, base: Entry, over: Entry) -> None:
        message = f"{over.key} cannot be merged: one is {_shape(base.node)}, the other {_shape(over.node)}"
        self._problems.append(Problem("shape", message, over.position, (base.position,)))


def assignments(node: Node) -> Node:
    """``[NAME=value, NAME]`` as ``{NAME: value, NAME: }``, each value where its line of the list stands."""
    if not isinstance(node, SequenceNode):
        return node
    entries: dict[str, Entry] = {}
    for item in node.items:
        if isinstance(item, ScalarNode):
            name, value = _assignment(item)
            entries[name] = Entry(item.file, item.offset, name, value)
    return MappingNode(node.file, node.offset, entries)


def _assignment(item: ScalarNode) -> tuple[str, ScalarNode]:
    name, equals, value = item.printed.partition("=")
    if not equals:
        return name, item._replace(text="", plain=True, template=None)
    template = item.template
    if template is not None and template.startswith(f"{name}="):
        template = template.partition("=")[2]
    return name, item._replace(text=value, plain=False, template=template)


def as_build(node: Node) -> Node:
    """``build: folder`` as ``build: {context: folder}``."""
    if not isinstance(node, ScalarNode) or node.is_null:
        return node
    return MappingNode(node.file, node.offset, {"context": Entry(node.file, node.offset, "context", node)})


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.is_null


def _shape(node: Node) -> str:
    match node:
        case MappingNode():
            return "a mapping"
        case SequenceNode():
            return "a list"
    return "a text"
