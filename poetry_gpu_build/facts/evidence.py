"""How a fact is known, and how far that can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

MEASURED = "measured"
#: What holds by the meaning of the words, so that there is nothing to measure.
DEFINITION = "definition"

#: From the strongest to the weakest. ``measured``: read from the artefact itself. ``documented``: NVIDIA or PyTorch
#: say it of their own product. ``script``: the build script that makes the artefact. ``secondary``: somebody's table of
#: these. ``user reports``: what people saw. ``conflict``: the sources contradict each other.
STATUSES = (MEASURED, "documented", "script", "secondary", "user reports", "conflict")


class Evidence(NamedTuple):
    """How a fact is known: the status, of which two may be joined by ``+``, and where to look it up."""

    status: str
    source: str

    @property
    def is_measured(self) -> bool:
        """Whether somebody read it from the artefact itself."""
        return MEASURED in self.status.split("+")

    @property
    def doubt(self) -> str | None:
        """The status to show wherever the fact decides something; None for what was measured."""
        return None if self.is_measured or self.status == DEFINITION else self.status

    @property
    def rank(self) -> int:
        """The place of the strongest of its statuses in STATUSES: 0 is measured."""
        if self.status == DEFINITION:
            return 0
        return min((STATUSES.index(each) for each in self.status.split("+") if each in STATUSES), default=len(STATUSES))


class Row(NamedTuple):
    """A row of the facts as an answer cites it."""

    kind: str
    """``wheel``, ``rule``, ``toolkit``, ``driver``, ``base image``, ``cuDNN``, ``library`` or ``feature``."""
    what: str
    """What the row says, as a sentence without its end."""
    evidence: Evidence

    def __str__(self) -> str:
        return f"{self.what} ({self.evidence.source})"


def weakest(rows: Iterable[Row]) -> Evidence | None:
    """The evidence that an answer is no better than; None where no row decided."""
    return max((row.evidence for row in rows), key=lambda evidence: evidence.rank, default=None)
