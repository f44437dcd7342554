"""Small builders: vertices, steps and reports from as little as a test has to say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.report.inputs import Inputs
from poetry_gpu_build.report.inputs import StepInputs
from poetry_gpu_build.report.invalidation import Compared
from poetry_gpu_build.report.make import Told
from poetry_gpu_build.report.make import make_report
from poetry_gpu_build.report.model import Step
from poetry_gpu_build.report.status import Interval
from poetry_gpu_build.report.status import StatusReader
from poetry_gpu_build.report.status import Vertex
from poetry_gpu_build.report.steps import timed_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.report.model import Report

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> bytes:
    return (RECORDED / f"{name}-0.13.1.txt").read_bytes()


def read(data: bytes, *, at_once: int = 1 << 20) -> tuple[StatusReader, list[str]]:
    """The reader after this stream, and the lines that were no JSON."""
    reader = StatusReader()
    told: list[Any] = []
    for start in range(0, len(data), at_once):
        told += reader.feed(data[start : start + at_once])
    told += reader.finish()
    return reader, [entry for entry in told if isinstance(entry, str)]


def recorded_steps(name: str, *targets: str) -> tuple[Step, ...]:
    return timed_steps(read(recorded(name))[0].vertices, targets).steps


def vertex(
    digest: str,
    name: str,
    *inputs: str,
    start: float | None = 0.0,
    end: float | None = 1.0,
    cached: bool = False,
    error: str = "",
    log: tuple[str, ...] = (),
) -> Vertex:
    intervals = () if start is None else (Interval(1000.0 + start, None if end is None else 1000.0 + end, cached),)
    return Vertex(digest, name, inputs, intervals, error, (), log)


def step(
    number: int, *inputs: str, name: str = "RUN x", state: Any = "run", seconds: float = 1.0, **changes: Any
) -> Step:
    """The step ``s<number>`` of the stage app."""
    made = Step(
        id=f"s{number}",
        name=f"[app {number}/9] {name}",
        instruction=name,
        kind="stage",
        target="",
        stage="app",
        number=number,
        state=state,
        start=0.0,
        end=seconds,
        seconds=seconds,
        transferred=None,
        layer=None,
        inputs=inputs,
        parts=(),
        error="",
        log=(),
    )
    return made._replace(**changes)


def inputs(
    steps: dict[str, StepInputs] | None = None,
    *,
    files: dict[str, str] | None = None,
    shown: dict[str, str] | None = None,
    bases: dict[str, str] | None = None,
) -> Inputs:
    return Inputs(steps or {}, bases or {}, files or {}, shown or {}, is_complete=True)


def report(vertices: Sequence[Vertex], *targets: str, **told: Any) -> Report:
    """A report of these vertices; ``told`` is what else is known."""
    facts: dict[str, Any] = {
        "title": "app:binary",
        "outcome": "built",
        "error": "",
        "engine": "buildx 0.13.1",
        "vertices": tuple(vertices),
        "unseen": 0,
        "compared": {target: Compared(None, None) for target in targets or ("binary",)},
        "images": {},
    }
    return make_report(Told(**{**facts, **told}), lambda text: text)
