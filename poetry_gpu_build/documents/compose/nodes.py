"""The nodes of a Compose file: YAML with the place of every value, its aliases and merge keys already followed.

A node may stand at several places of the tree (an anchor and its aliases); none contains itself. Named tuples,
because a file is made of hundreds, and a frozen dataclass takes three times as long to make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.compose.scalars import go_text
from poetry_gpu_build.documents.compose.scalars import typed
from poetry_gpu_build.documents.source import Position

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from poetry_gpu_build.documents.compose.scalars import Typed
    from poetry_gpu_build.documents.source import Source


class ComposeFile(NamedTuple):
    """A text, and the folder that its relative paths start from: not always its own (``project_directory``)."""

    source: Source
    folder: Path

    @property
    def path(self) -> Path:
        """The file itself."""
        return self.source.path


class ScalarNode(NamedTuple):
    """A value: its text without quotes; ``offset`` is where it begins in the file, quotes included."""

    file: ComposeFile
    offset: int
    text: str
    plain: bool = False
    """Unquoted, and not the result of an interpolation: ``80`` is a number, ``"80"`` a text."""

    tag: str | None = None
    template: str | None = None
    """What stands in the file, where interpolation made ``text`` of it."""

    failed: bool = False
    """The template has no value; ``text`` is what could be made of it."""

    used: tuple[str, ...] = ()
    """The variables that ``text`` was made with."""

    @property
    def position(self) -> Position:
        """Where it begins, in the file in which it really stands."""
        return self.file.source.position(self.offset)

    def place(self, offset: int) -> Position:
        """Where in the file a character of the value, as it is written there, stands.

        Exact where the text stands in the file as it is read (unquoted, quoted without escapes, ``|`` blocks); the
        value's beginning otherwise.
        """
        written = self.text if self.template is None else self.template
        text = self.file.source.text
        for quote in (0, 1):
            if text.startswith(written, self.offset + quote):
                return self.file.source.position(self.offset + quote + offset)
        if text.startswith("|", self.offset):
            return self._place_in_block(written, offset)
        return self.position

    def _place_in_block(self, written: str, offset: int) -> Position:
        """In a literal block each line of the value is a line of the file, indented."""
        source = self.file.source
        first = self.position.line + 1
        number = written.count("\n", 0, offset)
        column = offset - (written.rfind("\n", 0, offset) + 1)
        wanted = written.split("\n", number + 1)[number]
        found = source.line(first + number).rfind(wanted) if first + number <= source.text.count("\n") + 1 else -1
        return self.position if found < 0 else Position(source.path, first + number, found + column + 1)

    @property
    def value(self) -> Typed:
        """The text, or the number, truth value or null that Compose's YAML library reads it as."""
        return typed(self.text, self.tag) if self.plain or self.tag else self.text

    @property
    def printed(self) -> str:
        """The value as Compose hands it on where it wants a text: ``3.10`` has become ``3.1``."""
        return go_text(self.value)

    @property
    def is_null(self) -> bool:
        """Whether there is nothing: ``key:`` and ``key: null``, not ``key: ""``."""
        return (self.plain or self.tag is not None) and self.value is None


class SequenceNode(NamedTuple):
    """A list."""

    file: ComposeFile
    offset: int
    items: tuple[Node, ...]
    depth: int = 1
    templated: bool = False
    """Whether a ``$`` stands in any value of it: what has none is not evaluated again for each environment."""

    @property
    def position(self) -> Position:
        """Where it begins, in the file in which it really stands."""
        return self.file.source.position(self.offset)


class Entry(NamedTuple):
    """A key with its value. ``offset`` is the key's."""

    file: ComposeFile
    offset: int
    key: str
    node: Node

    @property
    def position(self) -> Position:
        """Where the key begins."""
        return self.file.source.position(self.offset)


class MappingNode(NamedTuple):
    """A mapping: its own keys, and those of merge keys (``<<``) behind them."""

    file: ComposeFile
    offset: int
    entries: Mapping[str, Entry]
    resets: frozenset[str] = frozenset()
    """The keys tagged ``!reset`` or ``!override``: they delete the key of the file that this one is merged into."""

    depth: int = 1
    templated: bool = False

    @property
    def position(self) -> Position:
        """Where it begins, in the file in which it really stands."""
        return self.file.source.position(self.offset)

    def get(self, key: str) -> Node | None:
        """The value of a key; None where there is none, or none but null."""
        entry = self.entries.get(key)
        if entry is None or (isinstance(entry.node, ScalarNode) and entry.node.is_null):
            return None
        return entry.node


Node = ScalarNode | SequenceNode | MappingNode


def failed(node: Node) -> bool:
    """Whether interpolation left a value, or one of a mapping, without its text: a problem that is known."""
    if isinstance(node, MappingNode):
        return any(isinstance(entry.node, ScalarNode) and entry.node.failed for entry in node.entries.values())
    return isinstance(node, ScalarNode) and node.failed


def written(node: Node) -> str:
    """A value as it stands in the file, on one line: a mapping as ``target: 80, published: 8080``."""
    if isinstance(node, ScalarNode):
        return node.text if node.template is None else node.template
    if isinstance(node, MappingNode):
        # Not deeper: aliases can make a tree of a thousand leaves out of ten lines.
        return ", ".join(
            f"{entry.key}: {written(entry.node) if isinstance(entry.node, ScalarNode) else '…'}"
            for entry in node.entries.values()
        )
    return "[…]"
