"""What a report holds: steps, the path that decided, why steps ran, layers. Values only."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Literal
from typing import NamedTuple

if TYPE_CHECKING:
    from poetry_gpu_build.report.status import Part

State = Literal["run", "cached", "failed", "cancelled", "unstarted"]
Kind = Literal["prepare", "stage", "export"]
Outcome = Literal["built", "failed", "interrupted"]


class Step(NamedTuple):
    """One step of the build. Times are seconds from the build's first moment."""

    id: str
    """``s1``, ``s2`` …, in the order of the report."""
    name: str
    """As docker prints it: ``[app 3/9] RUN poetry install``."""
    instruction: str
    """The name without what stands in brackets."""
    kind: Kind
    target: str
    """The target of the definition, where there is more than one; else empty."""
    stage: str
    number: int
    """The step's number in its stage, from 1; 0 for one that has none."""
    state: State
    start: float | None
    """None: it was never started."""
    end: float | None
    seconds: float
    """For how long it was worked on: less than from start to end where it waited in between."""
    transferred: int | None
    """In bytes: what was sent, pulled or pushed; None where nothing is told."""
    layer: int | None
    """In bytes, unpacked: what the step added to the image; None where that is not known."""
    inputs: tuple[str, ...]
    """Ids of the steps that it needs."""
    parts: tuple[Part, ...]
    error: str
    log: tuple[str, ...]
    """The last lines of one that did not end well."""

    @property
    def is_numbered(self) -> bool:
        """Whether it is an instruction of a Dockerfile, other than FROM: what a cache can answer."""
        return self.kind == "stage" and self.number > 0 and self.keyword != "FROM"

    @property
    def keyword(self) -> str:
        """RUN, COPY …"""
        return self.instruction.partition(" ")[0].upper()

    @property
    def has_run(self) -> bool:
        """Whether it was worked on, and the cache did not answer."""
        return self.state in ("run", "failed") or (self.state == "cancelled" and self.start is not None)


class CriticalPath(NamedTuple):
    """The chain of steps that decided how long the build took."""

    steps: tuple[str, ...]
    """Ids, the first step first."""
    seconds: float
    """What they took together."""


class Cause(NamedTuple):
    """Why a step ran that the cache might have answered."""

    step: str
    """Its id."""
    reasons: tuple[str, ...]
    """Each the end of a sentence that begins with "It ran because"."""


class LayerSize(NamedTuple):
    """A layer of a built image."""

    size: int
    made_by: str


class ImageSize(NamedTuple):
    """A built image, as the engine has it."""

    name: str
    size: int
    layers: tuple[LayerSize, ...]
    """The oldest first."""


class Report(NamedTuple):
    """Everything that a report shows."""

    title: str
    outcome: Outcome
    error: str
    """Why it failed; empty where it did not."""
    began: float | None
    """In seconds since 1970; None where no step was started."""
    seconds: float
    """From the first moment of the first step to the last of the last."""
    engine: str
    steps: tuple[Step, ...]
    critical_path: CriticalPath
    causes: tuple[Cause, ...]
    """Of the first steps that ran; what came behind them had to run, too."""
    images: tuple[ImageSize, ...]
    notes: tuple[str, ...]
    """What the report does not know, and why."""

    def step(self, name: str) -> Step:
        """The step of an id."""
        return self.steps[int(name[1:]) - 1]

    def count(self, *states: State) -> int:
        """How many steps of Dockerfiles ended so; a FROM takes no work of its own and is not counted."""
        return sum(step.is_numbered and step.state in states for step in self.steps)
