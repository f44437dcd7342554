"""The values of a file for given variables: every template in it replaced by its text. Pure.

Compose interpolates values, never keys, each file for itself and before it merges anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.compose.nodes import MappingNode
from poetry_gpu_build.documents.compose.nodes import ScalarNode
from poetry_gpu_build.documents.compose.nodes import SequenceNode
from poetry_gpu_build.documents.compose.problems import Problem
from poetry_gpu_build.documents.interpolation import interpolate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.documents.compose.nodes import Node
    from poetry_gpu_build.documents.compose.problems import Budget
    from poetry_gpu_build.documents.compose.problems import Kind

_KINDS: dict[str, Kind] = {
    "invalid": "interpolation",
    "required": "required-variable",
    "too much": "too-much",
}
# Of the texts that a file's templates become, one of the budget's items: a hostile .env multiplies by its length.
_CHARACTERS_PER_ITEM = 100


class Evaluation:
    """One set of values; the nodes that anchors put in several places are evaluated once."""

    def __init__(self, variables: Mapping[str, str], budget: Budget) -> None:
        self._variables = variables
        self._budget = budget
        self._known: dict[int, Node] = {}
        self.problems: list[Problem] = []

    def of(self, node: Node) -> Node:
        """The node with every template below it evaluated; raises Overflow when they grow beyond all measure."""
        if isinstance(node, ScalarNode):
            return self._scalar(node) if "$" in node.text else node
        if not node.templated:
            return node
        known = self._known.get(id(node))
        if known is None:
            known = self._sequence(node) if isinstance(node, SequenceNode) else self._mapping(node)
            self._known[id(node)] = known
        return known

    def _sequence(self, node: SequenceNode) -> SequenceNode:
        return node._replace(items=tuple([self.of(item) for item in node.items]), templated=False)

    def _mapping(self, node: MappingNode) -> MappingNode:
        entries = {key: entry._replace(node=self.of(entry.node)) for key, entry in node.entries.items()}
        return node._replace(entries=entries, templated=False)

    def _scalar(self, node: ScalarNode) -> ScalarNode:
        known = self._known.get(id(node))
        if isinstance(known, ScalarNode):
            return known
        self._budget.spend(node.text.count("$"))
        result = interpolate(node.text, self._variables)
        self._budget.spend(len(result.text) // _CHARACTERS_PER_ITEM)
        self._budget.spend_on_problems(len(result.mistakes))
        for mistake in result.mistakes:
            self.problems.append(Problem(_KINDS[mistake.kind], mistake.message, node.place(mistake.offset)))
        # Compose interpolates texts only: what comes out is one too, quoted or not.
        value = node._replace(
            text=result.text,
            plain=False,
            template=node.text,
            failed=bool(result.mistakes),
            used=result.used,
        )
        self._known[id(node)] = value
        return value
