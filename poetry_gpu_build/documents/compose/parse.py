"""Compose files as trees of nodes: YAML's events, read with PyYAML (its C parser where there is one). Pure.

The tree is put together here and not by PyYAML, whose composer recurses (100000 opening brackets end the process),
forgets which values were aliases, follows neither merge keys nor duplicate ones, and gives nothing of a file with an
error in it. Like Compose, this reads all documents of a file, and ``!reset`` and ``!override``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.compose.nodes import Entry
from poetry_gpu_build.documents.compose.nodes import MappingNode
from poetry_gpu_build.documents.compose.nodes import ScalarNode
from poetry_gpu_build.documents.compose.nodes import SequenceNode
from poetry_gpu_build.documents.compose.problems import MAXIMUM_ITEMS
from poetry_gpu_build.documents.compose.problems import Problem
from poetry_gpu_build.documents.compose.scalars import typed

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from typing import Any
    from typing import NoReturn

    from poetry_gpu_build.documents.compose.nodes import ComposeFile
    from poetry_gpu_build.documents.compose.nodes import Node
    from poetry_gpu_build.documents.compose.problems import Kind

# Nesting, aliases unfolded. Compose's own schema is not 15 deep.
MAXIMUM_DEPTH = 100
# libyaml compares each %TAG directive with all before it.
MAXIMUM_DIRECTIVES = 100
MAXIMUM_PROBLEMS = 200
_CHARACTERS_PER_ITEM = 100

RESET = "!reset"
OVERRIDE = "!override"
_MERGE_TAG = "tag:yaml.org,2002:merge"
_NOTHING: frozenset[str] = frozenset()


class Stream(NamedTuple):
    """The documents of a file (``---`` starts another, which Compose merges as it merges files)."""

    documents: tuple[Node, ...]
    problems: tuple[Problem, ...]
    size: int
    """What reading it costs of a Budget: its values, and its length."""


def parse(file: ComposeFile) -> Stream:
    """Read a file's YAML. Behind an error nothing is read; what stands before it is in the tree."""
    composer = _Composer(file)
    composer.run()
    size = composer.values + len(file.source.text) // _CHARACTERS_PER_ITEM
    return Stream(tuple(composer.documents), tuple(composer.problems), size)


class _Open:
    """A list or a mapping whose end has not been read."""

    __slots__ = (
        "anchor", "depth", "entries", "is_mapping", "items", "key", "merges", "offset", "resets", "tag", "templated",
        "verbatim",
    )  # fmt: skip

    def __init__(self, offset: int, tag: str | None, anchor: str | None, *, is_mapping: bool, verbatim: bool) -> None:
        self.is_mapping = is_mapping
        self.offset = offset
        self.tag = tag
        self.anchor = anchor
        self.verbatim = verbatim
        """Below ``!override`` compose-go looks at no further tags."""
        self.items: list[Node] = []
        self.entries: dict[str, Entry] = {}
        self.merges: list[tuple[int, Node]] = []
        self.resets: set[str] = set()
        self.key: tuple[str | None, int] | None = None
        """The key whose value comes next; the merge key (``<<``) is None."""
        self.depth = 1
        self.templated = False


class _StopReading(Exception):  # noqa: N818 - control flow inside this module
    """What follows is not read; the problem has been noted."""


class _Composer:
    """Puts the nodes of one file together, event by event, without recursion."""

    def __init__(self, file: ComposeFile) -> None:
        self._file = file
        self._open: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._left = MAXIMUM_ITEMS
        self._stopped = False
        self.documents: list[Node] = []
        self.problems: list[Problem] = []

    @property
    def values(self) -> int:
        """How many values there are, those that merge keys repeat included."""
        return MAXIMUM_ITEMS - self._left

    def run(self) -> None:
        """Read all events; afterwards ``documents`` and ``problems`` are complete."""
        take: dict[str, Callable[[Any], None]] = {
            "ScalarEvent": self._scalar,
            "MappingStartEvent": self._start,
            "SequenceStartEvent": self._start,
            "MappingEndEvent": self._close,
            "SequenceEndEvent": self._close,
            "AliasEvent": self._alias,
            "DocumentStartEvent": self._start_document,
        }
        try:
            for event in self._events():
                name = type(event).__name__
                if name in take:
                    take[name](event)
        except _StopReading:
            pass
        while self._open:
            self._close()

    def _events(self) -> Iterator[Any]:
        import yaml  # a project without Compose files does not pay for it

        if self._file.source.text.count("\n%") > MAXIMUM_DIRECTIVES:
            self._stop("too-much", f"there are more than {MAXIMUM_DIRECTIVES} directives", 0)
        loader = None
        try:
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(self._file.source.text)
            while loader.check_event():
                yield loader.get_event()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            offset = mark.index if mark else 0
            said = ", ".join(part for part in (error.context, error.problem) if part)
            self._stop("syntax", f"this is not YAML: {said}", min(offset, len(self._file.source.text)))
        except (yaml.YAMLError, UnicodeEncodeError) as error:
            self._unreadable_character(error)
        finally:
            if loader is not None:
                loader.dispose()

    def _unreadable_character(self, error: Any) -> None:
        """A control character, or half of a pair. The C parser tells its place in bytes, Python's in characters."""
        text = self._file.source.text
        offset = next((at for at, character in enumerate(text) if not _may_stand(character)), 0)
        self._stop("syntax", f"this is not YAML: {getattr(error, 'reason', error)}", offset)

    def _start_document(self, _: Any) -> None:
        # An anchor is known to its own document only.
        self._anchors.clear()

    def _scalar(self, event: Any) -> None:
        offset = event.start_mark.index
        plain = event.implicit[0] and not event.style
        if self._open:
            above = self._open[-1]
            if above.is_mapping and above.key is None:
                self._key(above, event, offset, plain=plain)
                return
        tag = None if plain else event.tag
        if tag == "!":  # PyYAML's word for "no tag, and quoted"
            tag = None
        self._add(ScalarNode(self._file, offset, event.value, plain, tag), tag, event.anchor)

    def _key(self, above: _Open, event: Any, offset: int, *, plain: bool) -> None:
        key = event.value
        if event.anchor:
            self._anchors[event.anchor] = ScalarNode(self._file, offset, key, plain)
        if event.tag == _MERGE_TAG or (plain and key == "<<"):
            above.key = (None, offset)
            return
        if plain and not isinstance(typed(key), str):
            self._problem("shape", f"the key {key or 'null'} is no text: put quotes round it", offset)
        above.key = (key, offset)

    def _start(self, event: Any) -> None:
        offset = event.start_mark.index
        if len(self._open) >= MAXIMUM_DEPTH:
            self._stop("too-much", f"the file is nested more than {MAXIMUM_DEPTH} deep", offset)
        if event.anchor:
            # Until it ends, an alias for it would be a circle.
            self._anchors[event.anchor] = None
        verbatim = bool(self._open) and (self._open[-1].verbatim or self._open[-1].tag == OVERRIDE)
        is_mapping = type(event).__name__ == "MappingStartEvent"
        self._open.append(_Open(offset, event.tag, event.anchor, is_mapping=is_mapping, verbatim=verbatim))

    def _close(self, _: Any = None) -> None:
        closed = self._open.pop()
        node: Node
        if closed.is_mapping:
            if closed.merges:
                self._follow_merges(closed)
            resets = frozenset(closed.resets) if closed.resets else _NOTHING
            node = MappingNode(self._file, closed.offset, closed.entries, resets, closed.depth, closed.templated)
        else:
            node = SequenceNode(self._file, closed.offset, tuple(closed.items), closed.depth, closed.templated)
        self._add(node, closed.tag, closed.anchor)

    def _alias(self, event: Any) -> None:
        offset = event.start_mark.index
        null = ScalarNode(self._file, offset, "", plain=True)
        node = self._anchors.get(event.anchor, null)
        if node is null:
            self._problem("reference", f"there is no anchor {event.anchor!r} above", offset)
        elif node is None:
            self._problem("cycle", f"the anchor {event.anchor!r} contains itself", offset)
            node = null
        if len(self._open) + _depth(node) > MAXIMUM_DEPTH:
            self._stop("too-much", f"the file is nested more than {MAXIMUM_DEPTH} deep", offset)
        above = self._open[-1] if self._open else None
        if above is not None and above.is_mapping and above.key is None and isinstance(node, ScalarNode):
            above.key = (node.text, offset)
        else:
            self._add(node, None, None)

    def _add(self, node: Node, tag: str | None, anchor: str | None) -> None:
        """Hand a complete node to the list, the mapping or the file that it stands in."""
        self._spend(1, node.offset)
        if anchor:
            self._anchors[anchor] = node
        if not self._open:
            self.documents.append(node)
            return
        above = self._open[-1]
        if isinstance(node, ScalarNode):
            above.templated = above.templated or "$" in node.text
        else:
            above.templated = above.templated or node.templated
            above.depth = max(above.depth, 1 + node.depth)
        is_reset = tag == RESET and not above.verbatim and above.tag != OVERRIDE
        if above.is_mapping:
            self._add_value(above, node, is_reset=is_reset, replaces=is_reset or tag == OVERRIDE)
        elif not is_reset:
            above.items.append(node)

    def _add_value(self, above: _Open, node: Node, *, is_reset: bool, replaces: bool) -> None:
        if above.key is None:
            self._problem("shape", "a key must be a text, not a list or a mapping", node.offset)
            above.key = ("", node.offset)
            return
        key, offset = above.key
        above.key = None
        if key is None:
            above.merges.append((offset, node))
            return
        if replaces:
            above.resets.add(key)
        if is_reset:
            return
        first = above.entries.get(key)
        if first is not None:
            self._twice(key, offset, first.offset)
        above.entries[key] = Entry(self._file, offset, key, node)

    def _follow_merges(self, closed: _Open) -> None:
        """Put the keys of ``<<`` behind the mapping's own; of several mappings the first one wins."""
        first = closed.merges[0][0]
        for offset, node in closed.merges:
            if offset != first:
                self._twice("<<", offset, first)
            listed = isinstance(node, SequenceNode)
            for merged in node.items if isinstance(node, SequenceNode) else (node,):
                if not isinstance(merged, MappingNode):
                    self._problem("shape", "a merge key (<<) wants a mapping, or a list of mappings", merged.offset)
                    continue
                self._spend(len(merged.entries), merged.offset)
                if self._left < 0:
                    return
                for entry in merged.entries.values():
                    closed.entries.setdefault(entry.key, entry)
                # compose-go carries the tags of a merged mapping over, those of a list of mappings not.
                closed.resets |= _NOTHING if listed else merged.resets

    def _spend(self, items: int, offset: int) -> None:
        self._left -= items
        if self._left < 0 and not self._stopped:
            self._stop("too-much", f"the file unfolds to more than {MAXIMUM_ITEMS} values", offset)

    def _twice(self, key: str, offset: int, first: int) -> None:
        self._problem("duplicate-key", f"the key {key!r} stands here twice", offset, first)

    def _problem(self, kind: Kind, message: str, offset: int, *also: int) -> None:
        places = [self._file.source.position(at) for at in (offset, *also)]
        self.problems.append(Problem(kind, message, places[0], tuple(places[1:])))
        if len(self.problems) == MAXIMUM_PROBLEMS and not self._stopped:
            self._stop("too-much", f"there are more than {MAXIMUM_PROBLEMS} problems", offset)

    def _stop(self, kind: Kind, message: str, offset: int) -> NoReturn:
        self._stopped = True
        self._problem(kind, message, offset)
        raise _StopReading


def _depth(node: Node) -> int:
    return 0 if isinstance(node, ScalarNode) else node.depth


def _may_stand(character: str) -> bool:
    """YAML 1.2, production 1: c-printable, and the byte order mark."""
    return (
        character in "\t\n\r\x85"
        or " " <= character <= "~"
        or "\xa0" <= character <= "\ud7ff"
        or "\ue000" <= character <= "\ufffd"
        or character >= "\U00010000"
    )
