"""Gathers what BuildKit tells of a build's steps, while docker's terminal stays docker's own.

From 0.20 buildx keeps a history: the build is drawn as ever, and its steps are read afterwards. Before that the steps
are only told instead of the drawing (`--progress=rawjson`): then the lines are drawn here.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple
from typing import Protocol
from typing import cast

from poetry_gpu_build.engine.preflight import ask_docker
from poetry_gpu_build.engine.relay import relay
from poetry_gpu_build.report.plain import PlainProgress
from poetry_gpu_build.report.status import StatusReader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from poetry_gpu_build.engine.options import BuildOptions
    from poetry_gpu_build.engine.preflight import Ask
    from poetry_gpu_build.engine.preflight import Engine
    from poetry_gpu_build.plan import Plan
    from poetry_gpu_build.report.status import Vertex

_DEFINITION = "] load build definition from "


class Steps(NamedTuple):
    """What was told of a build's steps."""

    vertices: tuple[Vertex, ...]
    unseen: int
    """How many more steps there were."""
    notes: tuple[str, ...]


class Recording(Protocol):
    """What one build tells. ``options`` and ``out`` are for run_bake; ``steps`` is asked when it has ended."""

    @property
    def options(self) -> BuildOptions:
        """The user's options, as this recording needs them."""

    @property
    def out(self) -> BinaryIO:
        """Where docker's output goes."""

    def steps(self) -> Steps:
        """What was told; of a build that failed or was stopped, up to there."""


def record(
    plans: Sequence[Plan], options: BuildOptions, engine: Engine, out: BinaryIO, ask: Ask = ask_docker
) -> Recording:
    """The way in which this engine's builds can be recorded; to be asked before the build."""
    known = _records(options, ask)
    if known is None or options.progress == "rawjson":
        return _FromStream(options, engine, out)
    return _FromHistory(plans, options, out, known, ask)


class _FromStream:
    def __init__(self, options: BuildOptions, engine: Engine, out: BinaryIO) -> None:
        self.options = replace(options, progress="rawjson")
        self._tee = _Tee(out, options.progress)
        drawn_here = options.progress in ("auto", "tty") and out.isatty()
        note = f"buildx {engine.buildx} keeps no history of builds: its progress was drawn as plain lines"
        self._notes = (note,) if drawn_here else ()

    @property
    def out(self) -> BinaryIO:
        return cast("BinaryIO", self._tee)

    def steps(self) -> Steps:
        self._tee.finish()
        return Steps(self._tee.reader.vertices, self._tee.reader.unseen, self._notes)


class _Tee:
    """Takes the place of the terminal: reads the objects, and shows what the user asked to see; None: nothing."""

    def __init__(self, out: BinaryIO, progress: str | None, reader: StatusReader | None = None) -> None:
        self.reader = StatusReader() if reader is None else reader
        self._out = out
        self._progress = progress
        self._plain = PlainProgress()

    def isatty(self) -> bool:
        """It is none: buildx writes the objects whole."""
        return False

    def flush(self) -> None:
        """Each piece is passed on when it comes."""

    def write(self, chunk: bytes) -> None:
        """Take the next piece of what buildx prints."""
        if self._progress == "rawjson":
            self._show(chunk)
        for update in self.reader.feed(chunk):
            self._draw(update)

    def finish(self) -> None:
        """Take what has no line's end."""
        for update in self.reader.finish():
            self._draw(update)

    def _draw(self, update: Any) -> None:
        if self._progress in (None, "rawjson"):
            return
        if isinstance(update, str):
            self._show(f"{update}\n".encode("utf-8", "replace"))
        elif self._progress != "quiet":
            self._show(b"".join(self._plain.lines(update)))

    def _show(self, data: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):  # a reader that went away does not stop the build
            self._out.write(data)
            self._out.flush()


class _FromHistory:
    def __init__(
        self, plans: Sequence[Plan], options: BuildOptions, out: BinaryIO, known: frozenset[str], ask: Ask
    ) -> None:
        self.options = options
        self.out = out
        self._plans = plans
        self._known = known
        self._ask = ask

    def steps(self) -> Steps:
        """Replay the records that the build added: one for each target, of a build that failed too."""
        records = sorted((_records(self.options, self._ask) or frozenset()) - self._known)
        vertices: dict[str, Vertex] = {}
        unseen = 0
        notes: list[str] = []
        if len(records) > len(self._plans):
            notes.append("the builder ran other builds at the same time, and their steps are among these")
        for name in records:
            reader = StatusReader()
            # The full name is builder/node/reference, and history wants the last.
            command = [*_history(self.options, "logs"), "--progress=rawjson", name.rpartition("/")[2]]
            tee = _Tee(self.out, None, reader)
            ended = relay(["docker", *command], stdin=b"", folder=self._plans[0].root, out=cast("BinaryIO", tee))
            tee.finish()
            if ended.status != 0:
                notes.append("the engine's history could not be read to its end")
            for vertex in self._with_target(reader.vertices):
                vertices.setdefault(vertex.digest, vertex)
            unseen += reader.unseen
        return Steps(tuple(vertices.values()), unseen, tuple(dict.fromkeys(notes)))

    def _with_target(self, vertices: tuple[Vertex, ...]) -> tuple[Vertex, ...]:
        """The steps of one record, named as bake names them: its client puts the target in, the history has it not."""
        if len(self._plans) == 1:
            return vertices
        read = {vertex.name.partition(_DEFINITION)[2] for vertex in vertices if _DEFINITION in vertex.name}
        targets = [plan.mode for plan in self._plans if PurePosixPath(plan.dockerfile).name in read]
        if len(targets) != 1:
            return vertices
        return tuple(vertex._replace(name=_named(vertex.name, targets[0])) for vertex in vertices)


def _named(name: str, target: str) -> str:
    return f"[{target} {name[1:]}" if name.startswith("[") else f"[{target}] {name}"


def _history(options: BuildOptions, verb: str) -> list[str]:
    return ["buildx", "history", verb, *(["--builder", options.builder] if options.builder else [])]


def _records(options: BuildOptions, ask: Ask) -> frozenset[str] | None:
    """The full names of the builder's records; None where there is no history."""
    answer = ask([*_history(options, "ls"), "--format", "json", "--no-trunc"])
    if answer.status != 0:
        return None
    return frozenset(_names(answer.output.splitlines()))


def _names(lines: Sequence[str]) -> list[str]:
    names = []
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(line)
            if isinstance(value, dict) and isinstance(value.get("ref"), str) and value.get("status") != "Running":
                names.append(value["ref"])
    return names
