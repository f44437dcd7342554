"""What every question about coverage is answered with."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.facts.evidence import weakest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from poetry_gpu_build.facts.evidence import Row


class Answer(NamedTuple):
    """Whether it runs, why, and the rows of the facts that decided."""

    runs: bool
    because: str
    """A sentence without its end."""
    rows: tuple[Row, ...] = ()

    @property
    def doubt(self) -> str | None:
        """The status of the weakest row that decided; None where all were measured, or none was needed."""
        evidence = weakest(self.rows)
        return None if evidence is None else evidence.doubt

    @property
    def rule(self) -> str | None:
        """The rule that decided, with where it is known from; None where none was needed."""
        return next((str(row) for row in self.rows if row.kind == "rule"), None)

    def resting_on(self, *rows: Row) -> Answer:
        """The same answer, which rests on these rows too."""
        return self._replace(rows=tuple(dict.fromkeys((*self.rows, *rows))))


def all_of(answers: Iterable[Answer]) -> Answer:
    """One answer for several that must all be yes: the noes with their rows, else everything.

    >>> all_of([Answer(True, "a"), Answer(False, "b"), Answer(False, "c")]).because
    'b; c'

    Raises ValueError for none at all: nothing was asked.
    """
    asked = tuple(answers)
    if not asked:
        raise ValueError("there is no answer to join")
    deciding = tuple(answer for answer in asked if not answer.runs) or asked
    return Answer(
        all(answer.runs for answer in asked),
        "; ".join(dict.fromkeys(answer.because for answer in deciding)),
        tuple(dict.fromkeys(row for answer in deciding for row in answer.rows)),
    )
