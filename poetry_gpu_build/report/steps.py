"""BuildKit's vertices → the steps of a report: names taken apart, times made relative, states named. Pure."""

from __future__ import annotations

import re
from math import inf
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.lint.formats.characters import visible
from poetry_gpu_build.report.critical_path import weigh
from poetry_gpu_build.report.model import Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Sequence

    from poetry_gpu_build.report.model import Kind
    from poetry_gpu_build.report.model import State
    from poetry_gpu_build.report.status import Interval
    from poetry_gpu_build.report.status import Vertex

# buildx's reading of the definition that we hand it, timed by the client's clock and not the builder's: no step.
_NO_STEP = "[internal] load local bake definitions"
# [binary linux/amd64 app 5/9] RUN …
_NAME = re.compile(r"\[(?P<inside>[^\[\]]{0,500})\] (?P<rest>.*)\Z", re.DOTALL)
_NUMBER = re.compile(r"(\d{1,6})/\d{1,6}\Z")
_PREPARING = frozenset(("internal", "auth", "context"))
_EXPORTING = ("exporting ", "pushing ", "naming ", "writing ", "importing to ", "sending tarball", "preparing build ")
# What is told of a part that moves no byte over a wire, but counts some.
_NO_TRANSFER = ("extracting ", "unpacking ")
_ORDER = {"prepare": 0, "stage": 1, "export": 2}
_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CANCELLED = re.compile(r"context cancell?ed")


class Name(NamedTuple):
    """A step's name, taken apart."""

    kind: Kind
    target: str
    stage: str
    number: int
    instruction: str


class Timed(NamedTuple):
    """The steps, and when they began: seconds since 1970, None where none was started."""

    steps: tuple[Step, ...]
    began: float | None
    seconds: float


def parse_name(name: str, targets: Sequence[str] = ()) -> Name:
    """Take a name apart; ``targets`` are those of the definition, whose names stand first where there are several.

    >>> parse_name("[app 3/9] RUN make")
    Name(kind='stage', target='', stage='app', number=3, instruction='RUN make')
    >>> parse_name("[binary internal] load .dockerignore", ["binary"])
    Name(kind='prepare', target='binary', stage='', number=0, instruction='load .dockerignore')
    >>> parse_name("exporting to image").kind
    'export'
    """
    match = _NAME.match(name)
    words = match["inside"].split() if match else []
    rest = match["rest"] if match else name
    target = words.pop(0) if words and words[0] in targets else ""
    numbered = _NUMBER.match(words[-1]) if words else None
    if numbered:
        words.pop()
        # What is left is a platform, a stage, or both.
        stage = " ".join(words)
        return Name("stage", target, stage, int(numbered[1]), rest)
    if rest.startswith(_EXPORTING) and not (words and words[0] in _PREPARING):
        return Name("export", target, "", 0, rest)
    text = rest if not words or words[0] in ("internal", target) else f"{' '.join(words)}: {rest}"
    return Name("prepare", target, "", 0, text)


def timed_steps(
    vertices: Sequence[Vertex], targets: Sequence[str] = (), redact: Callable[[str], str] = lambda text: text
) -> Timed:
    """The steps in the order of the report: what was prepared, the stages as they began, the exports."""
    told = [vertex for vertex in vertices if vertex.name != _NO_STEP]
    starts = [interval.start for vertex in told for interval in vertex.intervals]
    ends = [interval.end or interval.start for vertex in told for interval in vertex.intervals]
    began = min(starts, default=None)
    named = [(vertex, parse_name(vertex.name, targets)) for vertex in told]
    depths, _ = weigh({vertex.digest: 1 for vertex in told}, {vertex.digest: vertex.inputs for vertex in told})
    first: dict[tuple[str, str], tuple[float, float]] = {}
    for vertex, name in named:
        place = (name.target, name.stage)
        # By what a stage needs, not by when it began: cached steps all begin at once.
        first[place] = min(first.get(place, (inf, inf)), (depths[vertex.digest], _start(vertex)))

    def rank(entry: tuple[Vertex, Name]) -> tuple[object, ...]:
        vertex, name = entry
        target = targets.index(name.target) if name.target in targets else 0
        if name.kind != "stage":
            return _ORDER[name.kind], target, _start(vertex)
        return _ORDER[name.kind], target, first[name.target, name.stage], name.stage, name.number, _start(vertex)

    named.sort(key=rank)
    ids = {vertex.digest: f"s{number}" for number, (vertex, _) in enumerate(named, 1)}
    steps = tuple(_step(vertex, name, ids, began or 0.0, redact) for vertex, name in named)
    return Timed(steps, began, max(ends, default=0.0) - (began or 0.0) if starts else 0.0)


def _step(vertex: Vertex, name: Name, ids: dict[str, str], began: float, redact: Callable[[str], str]) -> Step:
    moved = [part.bytes for part in vertex.parts if part.bytes and not part.name.startswith(_NO_TRANSFER)]
    ends = [interval.end for interval in vertex.intervals if interval.end is not None]
    return Step(
        id=ids[vertex.digest],
        name=visible(redact(vertex.name)),
        instruction=visible(redact(name.instruction)),
        kind=name.kind,
        target=visible(name.target),
        stage=visible(name.stage),
        number=name.number,
        state=_state(vertex),
        start=_start(vertex) - began if vertex.intervals else None,
        end=max(ends) - began if ends else None,
        seconds=_worked(vertex.intervals),
        transferred=sum(moved) if moved else None,
        layer=None,
        inputs=tuple(ids[digest] for digest in dict.fromkeys(vertex.inputs) if digest in ids),
        parts=tuple(part._replace(name=visible(redact(part.name))) for part in vertex.parts),
        error=visible(redact(vertex.error)),
        log=tuple(visible(_without_terminal(redact(line))) for line in vertex.log),
    )


def _without_terminal(line: str) -> str:
    """A line as it stood at last: without colours, and without what was written over."""
    return _TERMINAL_CODE.sub("", line).rstrip("\r").rpartition("\r")[2].expandtabs()


def _start(vertex: Vertex) -> float:
    return vertex.intervals[0].start if vertex.intervals else inf


def _state(vertex: Vertex) -> State:
    if not vertex.intervals:
        return "unstarted"
    if vertex.error:
        return "cancelled" if _CANCELLED.search(vertex.error) else "failed"
    if any(interval.end is None for interval in vertex.intervals):
        return "cancelled"
    found = [interval.is_cached for interval in vertex.intervals]
    # What has inputs is worked on only where the cache has no answer; of a base image the look at it is told, too.
    if any(found) and (all(found) or not vertex.inputs):
        return "cached"
    return "run"


def _worked(intervals: Sequence[Interval]) -> float:
    """The time that the intervals cover together."""
    total, covered = 0.0, 0.0
    for interval in intervals:
        end = interval.end if interval.end is not None else interval.start
        total += max(end - max(interval.start, covered), 0.0)
        covered = max(covered, end)
    return total
