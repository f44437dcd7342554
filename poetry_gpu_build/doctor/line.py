"""What a check has to say: one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Literal
from typing import NamedTuple

from poetry_gpu_build.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from poetry_gpu_build.coverage.answer import Answer
    from poetry_gpu_build.errors import GpuBuildError

Mark = Literal["ok", "warning", "problem"]

ENGINE = "engine"
NO_ENGINE = "no engine"
#: How an evidence status is called where nobody measured, and the number is this program's own decision.
DECISION = "a decision"
HEALTHY, PROBLEM = 0, 1
#: What mends a project that the policy does not find as it should be.
INIT = "let it be written: poetry gpu-build init"
_NOT_LOOKED_AT = "not looked at: "


class Line(NamedTuple):
    """One line of the examination."""

    topic: str
    """What was looked at; several lines may share it."""
    mark: Mark
    """``warning`` is worth knowing and stops nothing; ``problem`` stops the build or makes an image of no use here."""
    seen: str
    """What was seen, as foreign programs wrote it: whoever shows it makes it harmless."""
    remedies: tuple[str, ...] = ()
    """What to do, each a line that can be followed as it stands."""
    known_by: str | None = None
    """How the fact that decided is known, where that is less than measured."""

    @property
    def reason_not_looked_at(self) -> str | None:
        """Why nothing was looked at; None where something was."""
        return self.seen.removeprefix(_NOT_LOOKED_AT) if self.seen.startswith(_NOT_LOOKED_AT) else None


def not_looked_at(topic: str, why: str) -> Line:
    """The line of a check that could not look. Several with one reason are shown as one."""
    return Line(topic, "warning", f"{_NOT_LOOKED_AT}{why}")


def with_place(error: GpuBuildError, root: Path) -> str:
    """The error's message behind its place, as seen from the project's root."""
    return error.message if error.where is None else f"{error.where.seen_from(root)}: {error.message}"


def counted(number: int, noun: str) -> str:
    """Some of a thing, as a sentence says it: ``1 error``, ``2 errors``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def weakest_doubt(answers: Iterable[Answer]) -> str | None:
    """The status to show behind a line that these answers decided; None where all is measured."""
    from poetry_gpu_build.facts.evidence import weakest

    evidence = weakest(row for answer in answers for row in answer.rows)
    return None if evidence is None else evidence.doubt


def exit_code(lines: Iterable[Line]) -> int:
    """4 without a usable engine, else 1 with any problem, else 0; a warning changes nothing (docs/doctor.md)."""
    topics = {line.topic for line in lines if line.mark == "problem"}
    if ENGINE in topics:
        return EngineUnavailableError.exit_code
    return PROBLEM if topics else HEALTHY
