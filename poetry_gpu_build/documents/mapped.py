"""A text put together from pieces of a file, which still knows where each of its characters stands there."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple


class MappedText(NamedTuple):
    """``text``, in pieces: piece *i* begins at ``starts[i]`` in the text and at ``origins[i]`` in the file.

    ``starts`` ascends and begins with 0. All places are counted in characters from 0, as Source counts them.
    """

    text: str
    starts: tuple[int, ...]
    origins: tuple[int, ...]

    @classmethod
    def at(cls, text: str, origin: int) -> MappedText:
        """A text that stands in the file in one piece."""
        return cls(text, (0,), (origin,))

    @classmethod
    def join(cls, pieces: list[tuple[str, int]]) -> MappedText:
        """A text of several pieces, each with its place in the file; empty pieces are left out.

        >>> line = MappedText.join([("RUN a", 0), (" b", 7)])
        >>> line.text, line.original_offset(0), line.original_offset(6)
        ('RUN a b', 0, 8)
        """
        starts: list[int] = []
        origins: list[int] = []
        length = 0
        for text, origin in pieces:
            if text or not starts:
                if starts and starts[-1] == length:  # the first piece was empty
                    starts.pop()
                    origins.pop()
                starts.append(length)
                origins.append(origin)
                length += len(text)
        return cls("".join([text for text, _ in pieces]), tuple(starts), tuple(origins))

    @classmethod
    def concat(cls, parts: list[MappedText]) -> MappedText:
        """Several mapped texts, one behind the other."""
        pieces: list[tuple[str, int]] = []
        for part in parts:
            ends = (*part.starts[1:], len(part.text))
            pieces.extend(
                (part.text[start:end], origin)
                for start, end, origin in zip(part.starts, ends, part.origins, strict=True)
            )
        return cls.join(pieces or [("", 0)])

    def __str__(self) -> str:
        return self.text

    @property
    def offset(self) -> int:
        """Where the text begins in the file."""
        return self.origins[0]

    @property
    def end(self) -> int:
        """Where the text ends in the file: the place behind its last character."""
        return self.original_end(len(self.text))

    def original_offset(self, index: int) -> int:
        """Where the character at ``index`` stands in the file."""
        starts = self.starts
        if len(starts) == 1:
            return self.origins[0] + index
        piece = bisect_right(starts, index) - 1
        return self.origins[piece] + index - starts[piece]

    def original_end(self, index: int) -> int:
        """Where a part that ends before ``index`` ends in the file: behind its last character."""
        return self.original_offset(index - 1) + 1 if index > 0 else self.origins[0]

    def slice(self, start: int, end: int) -> MappedText:
        """The part between two places; they must lie in the text, in order."""
        starts = self.starts
        if len(starts) == 1:
            return MappedText(self.text[start:end], (0,), (self.origins[0] + start,))
        first = bisect_right(starts, start) - 1
        last = max(first, bisect_right(starts, end - 1) - 1)
        inner = [begin - start for begin in starts[first + 1 : last + 1]]
        origin = self.origins[first] + start - starts[first]
        return MappedText(self.text[start:end], (0, *inner), (origin, *self.origins[first + 1 : last + 1]))
