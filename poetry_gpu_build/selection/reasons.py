"""The reasons that the choice of the mode leaves, and how they speak of capabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Reason(NamedTuple):
    """One step of the decision: ``step`` is flag, targets, policy, facts, compile or advice."""

    step: str
    text: str
    status: str | None = None
    """How the fact behind it is known, where that is less than measured."""

    def __str__(self) -> str:
        return self.text if self.status is None else f"{self.text} (known by: {self.status})"


def each_once(reasons: list[Reason]) -> list[Reason]:
    """The reasons without repetition, in their order: two equal GPUs give each reason twice."""
    return list(dict.fromkeys(reasons))


def listed(things: Sequence[object]) -> str:
    """Capabilities, or whatever else, as a sentence names them: `5.2, 8.6 and 12.0`."""
    texts = [str(thing) for thing in things]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
