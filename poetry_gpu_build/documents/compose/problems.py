"""What can be wrong with a Compose file, as values: reading goes on behind each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.documents.source import Position

Kind = Literal[
    "unreadable",  # the file is missing, a folder, too large, not UTF-8
    "syntax",  # not YAML
    "duplicate-key",
    "shape",  # YAML, but a list where Compose wants a mapping, a port that is none
    "interpolation",  # an expression that is no valid variable
    "required-variable",  # a fault of the values given, not of the file: ${PORT:?set PORT}
    "reference",  # extends or include names what is not there
    "cycle",
    "remote",  # what another machine holds is not looked at
    "too-much",  # more than any file that a person wrote: reading stopped there
]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps Compose from reading a file, or us from following it."""

    kind: Kind
    message: str
    position: Position
    also: tuple[Position, ...] = ()
    """Further places that have a part in it: the first of two equal keys, the links of a cycle."""

    def __str__(self) -> str:
        return f"{self.position}: {self.message}"


class Overflow(Exception):  # noqa: N818 - control flow inside this package, never an error that a caller sees
    """The files unfold to more than MAXIMUM_ITEMS: what has been read so far is all there is."""


# More than any Compose file in use (compose-go itself stops at 100000 node visits), and little enough to be read, with
# everything that a hostile file can multiply, within a second and 60 MB.
MAXIMUM_ITEMS = 50_000
_ITEMS_PER_PROBLEM = MAXIMUM_ITEMS // 1000


class Budget:
    """How much a project may still unfold to: list entries and keys, over all merges, extends and includes."""

    def __init__(self, items: int = MAXIMUM_ITEMS) -> None:
        self._left = items

    def spend_on_problems(self, number: int = 1) -> None:
        """A thousand of them are enough for anybody."""
        self.spend(number * _ITEMS_PER_PROBLEM)

    def spend(self, items: int) -> None:
        """Take note of work about to be done; raises Overflow when it is too much."""
        self._left -= items
        if self._left < 0:
            raise Overflow


def unique(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Each problem once, in order: a file that two services extend is read for each of them."""
    return tuple(dict.fromkeys(problems))
