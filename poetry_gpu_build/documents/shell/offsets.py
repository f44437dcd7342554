"""Where the characters of an inner text (a quoted script, a here-document) stand in the text around it."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING
from typing import Any
from typing import TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

T = TypeVar("T")


class OffsetMap:
    """A text put together from pieces, each of which is written somewhere."""

    def __init__(self, pieces: Iterable[tuple[str, int, int]]) -> None:
        """Each piece is its text, and the start and end of where it is written."""
        self._inner: list[int] = []
        self._pieces: list[tuple[int, int, bool]] = []
        texts: list[str] = []
        length = 0
        for text, start, end in pieces:
            if text:
                self._inner.append(length)
                self._pieces.append((start, end, end - start == len(text)))
                texts.append(text)
                length += len(text)
        self._texts = texts
        self.text = "".join(texts)

    def pieces(self) -> Iterator[tuple[str, int, int]]:
        """The pieces again."""
        for text, (start, end, _) in zip(self._texts, self._pieces, strict=True):
            yield text, start, end

    @classmethod
    def unescaped(cls, written: str, start: int, escapable: str) -> tuple[str, OffsetMap]:
        """A text from which a backslash before one of ``escapable`` is taken away; it is written at ``start``."""
        pieces = []
        at = 0
        while (found := written.find("\\", at)) >= 0:
            pieces.append((written[at:found], start + at, start + found))
            following = written[found + 1 : found + 2]
            kept = following if following and following in escapable else "\\" + following
            pieces.append((kept, start + found, start + found + 1 + len(following)))
            at = found + 2
        pieces.append((written[at:], start + at, start + len(written)))
        made = cls(pieces)
        return made.text, made

    def start(self, offset: int) -> int:
        """Where the character at ``offset`` of the inner text is written."""
        if not self._inner:
            return 0
        index = max(bisect_right(self._inner, offset) - 1, 0)
        start, end, same = self._pieces[index]
        return min(start + offset - self._inner[index], end) if same else start

    def end(self, offset: int) -> int:
        """Where what ends at ``offset`` of the inner text ends."""
        if not self._inner or not offset:
            return self.start(offset)
        index = bisect_right(self._inner, offset - 1) - 1
        start, end, same = self._pieces[index]
        return min(start + offset - self._inner[index], end) if same else end


def relocated(value: T, places: OffsetMap, first: int = 0) -> T:
    """The same shapes with the offsets of the text around; ``first`` is added to the numbers of commands.

    The shapes are named tuples whose offsets are called ``start`` and ``end``.
    """
    shape: Any = value
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        changed: dict[str, Any] = {}
        for name, field in zip(value._fields, value, strict=True):
            if name == "start":
                changed[name] = places.start(field)
            elif name == "end":
                changed[name] = max(places.end(field), changed["start"])
            elif name in {"first", "last"}:
                changed[name] = field + first
            elif isinstance(field, (tuple, list)):
                changed[name] = relocated(field, places, first)
        shape = shape._replace(**changed)
    elif isinstance(value, (tuple, list)):
        shape = type(value)([relocated(each, places, first) for each in value])
    made: T = shape
    return made
