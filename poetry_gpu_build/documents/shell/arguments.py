"""The words of a command after expansion: what is known of each, and where it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.shell.offsets import OffsetMap
from poetry_gpu_build.documents.shell.syntax import Substitution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.syntax import Part

# Stands in a script for what is not known: `$_` is a variable that no table of variables holds.
UNKNOWN = "${_}"


class Piece(NamedTuple):
    """A stretch of a word, and where it is written."""

    value: str | None
    """None where it is not known."""
    start: int
    end: int
    quoted: bool = False
    part: Part | None = None
    """The expansion that it comes from."""


class Argument(NamedTuple):
    """A word after expansion."""

    pieces: tuple[Piece, ...]
    many: bool = False
    """It may become several words, or none: an unknown value that is not quoted."""
    pattern: bool = False
    """It has ``*``, ``?`` or ``[`` outside quotes, which stand for files that nobody knows here."""

    @classmethod
    def of(cls, text: str, start: int, end: int) -> Argument:
        """A word that is written from ``start`` to ``end``, such as one of a JSON form."""
        return cls((Piece(text, start, end, quoted=True),))

    @property
    def start(self) -> int:
        """Where it starts."""
        return self.pieces[0].start if self.pieces else 0

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.pieces[-1].end if self.pieces else 0

    @property
    def value(self) -> str | None:
        """The whole word; None where any of it is unknown, or is a pattern."""
        values = [piece.value for piece in self.pieces]
        return None if None in values or self.pattern else "".join([value for value in values if value is not None])

    @property
    def text(self) -> str:
        """What is known of it, with ``${_}`` for the rest."""
        if len(self.pieces) == 1:
            value = self.pieces[0].value
            return UNKNOWN if value is None else value
        return "".join([UNKNOWN if piece.value is None else piece.value for piece in self.pieces])

    @property
    def name(self) -> str | None:
        """The part behind the last slash: the name of a program whatever its folder (``$venv/bin/pip`` is pip)."""
        name = self.text.rpartition("/")[2]
        return None if UNKNOWN in name or (self.pattern and set("*?[{") & set(name)) else name

    @property
    def substitution(self) -> Substitution | None:
        """The ``<(…)`` that it is, if it is one: a file that holds what commands print."""
        part = self.pieces[0].part if self.pieces else None
        return part if isinstance(part, Substitution) and part.opener == "<(" else None

    def places(self) -> OffsetMap:
        """Its text as a script, and the way back from it."""
        return joined([self])


def joined(arguments: Sequence[Argument], separator: str = " ") -> OffsetMap:
    """Several words as one text, as ``eval`` and ``echo`` join them."""
    pieces: list[tuple[str, int, int]] = []
    for argument in arguments:
        if pieces:
            pieces.append((separator, argument.start, argument.start))
        pieces += [(UNKNOWN if piece.value is None else piece.value, *piece[1:3]) for piece in argument.pieces]
    return OffsetMap(pieces)
