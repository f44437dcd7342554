"""One project being read for one set of variables: its files, its documents, and what is wrong with them."""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.compose.evaluate import Evaluation
from poetry_gpu_build.documents.compose.library import Library
from poetry_gpu_build.documents.compose.library import Unreadable
from poetry_gpu_build.documents.compose.merge import Merger
from poetry_gpu_build.documents.compose.nodes import MappingNode
from poetry_gpu_build.documents.compose.problems import Budget
from poetry_gpu_build.documents.compose.problems import Problem
from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.source import Position

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.documents.compose.nodes import Node
    from poetry_gpu_build.documents.compose.problems import Kind

# What Compose would fetch from elsewhere: OCI artifacts, git repositories, HTTP.
_REMOTE = lazy_pattern(r"[A-Za-z][A-Za-z0-9+.-]*://|git@|github\.com/|.*\.git(?:#.*)?$", re.DOTALL)


class Scope(NamedTuple):
    """What a file is read for: its folder, its variables, and the files whose ``include`` led to it."""

    folder: Path
    variables: Mapping[str, str]
    chain: tuple[Path, ...] = ()


class Reading:
    """What all parts of a project share while it is read."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.budget = Budget()
        self.problems: list[Problem] = []
        self.files: dict[Path, None] = {}
        self.merger = Merger(self.budget, self.problems)
        self.extended: dict[str, Node] = {}
        """By service: its ``extends``, which is gone from the merged service."""

    def documents(self, path: Path, scope: Scope, asked_by: Node | None) -> Iterator[MappingNode]:
        """The documents of a file, evaluated; ``asked_by`` is the value that names the file, if one does."""
        stream = self.library.stream(path, scope.folder)
        if isinstance(stream, Unreadable):
            named = Position(path, stream.line, stream.column)
            also = (named,) if asked_by else ()
            where = asked_by.position if asked_by else named
            kind: Kind = "too-much" if stream.too_large else "unreadable"
            self.problems.append(Problem(kind, f"{path.name} cannot be read: {stream.reason}", where, also))
            self.budget.spend_on_problems()
            return
        self.files[path] = None
        self.problems += stream.problems
        self.budget.spend(stream.size)
        evaluation = Evaluation(scope.variables, self.budget)
        for document in stream.documents:
            evaluated = evaluation.of(document)
            self.problems += evaluation.problems
            evaluation.problems.clear()
            if isinstance(evaluated, MappingNode):
                yield evaluated
            else:
                self.problem("shape", "a Compose file must be a mapping", evaluated)

    def mapping(self, node: Node | None, what: str) -> MappingNode | None:
        """The node if it is a mapping; if it is something else, that is a problem."""
        if node is None or isinstance(node, MappingNode):
            return node
        self.problem("shape", f"{what} must be a mapping", node)
        return None

    def services_of(self, document: MappingNode) -> MappingNode | None:
        """The services of a document; None where it has none, or not a mapping of them."""
        entry = document.entries.get("services")
        return None if entry is None else self.mapping(entry.node, "services")

    def local_path(self, folder: Path, text: str, node: Node) -> Path | None:
        """The path that a value names; None, and a problem, for what is not on this machine."""
        if _REMOTE.match(text):
            self.problem("remote", f"{text[:80]} is not on this machine, and was not looked into", node)
            return None
        if not text or "\0" in text:
            self.problem("shape", "a path is missing here", node)
            return None
        return Path(os.path.normpath(folder / text))

    def problem(self, kind: Kind, message: str, node: Node, *also: Position) -> None:
        """Note a problem at a node."""
        self.problems.append(Problem(kind, message, node.position, also))
        self.budget.spend_on_problems()
