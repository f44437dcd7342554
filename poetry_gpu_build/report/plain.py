"""Draws the progress of a build as lines, where buildx hands out its status objects instead of drawing.

Up to 0.19 buildx can do one or the other, and keeps no history to read the objects from afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.report.status import MAXIMUM_VERTICES
from poetry_gpu_build.report.status import parse_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.report.status import Update


# A step may print without ever ending a line.
_LONGEST_REST = 64 * 1024


class PlainProgress:
    """Turns updates into the lines that `--progress=plain` would show."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._started: dict[str, float] = {}
        self._ended: set[str] = set()
        self._parts: set[tuple[str, str]] = set()
        self._unfinished: dict[str, bytes] = {}
        self._current = ""

    def lines(self, update: Update) -> Iterator[bytes]:
        """The lines that an update adds, each with its end. What a step prints is passed on byte for byte."""
        for vertex in update.vertices:
            yield from self._vertex(vertex)
        for status in update.statuses:
            yield from self._status(status)
        for digest, data, when in update.logs:
            yield from self._log(digest, data, when)

    def _vertex(self, vertex: dict[str, Any]) -> Iterator[bytes]:
        digest, name = vertex.get("digest"), vertex.get("name")
        if not isinstance(digest, str) or not isinstance(name, str) or len(self._names) > MAXIMUM_VERTICES:
            return
        self._names.setdefault(digest, name)
        started, completed = parse_time(vertex.get("started")), parse_time(vertex.get("completed"))
        if started is None:
            return
        first = self._started.setdefault(digest, started)
        if digest not in self._numbers:
            yield from self._turn_to(digest)
        if completed is None or digest in self._ended:
            return
        if vertex.get("error"):
            end = f"ERROR: {vertex['error']}"
        elif vertex.get("cached") is True:
            end = "CACHED"
        elif completed == started or completed - first < 0.0001:
            return  # the look at a source before the work on it
        else:
            end = f"DONE {max(completed - first, 0):.1f}s"
        self._ended.add(digest)
        yield from self._turn_to(digest)
        yield from self._rest(digest)
        yield self._line(digest, end.encode("utf-8", "replace"))

    def _status(self, status: dict[str, Any]) -> Iterator[bytes]:
        digest, name = status.get("vertex"), status.get("id")
        completed = parse_time(status.get("completed"))
        if not isinstance(digest, str) or not isinstance(name, str) or completed is None or digest not in self._names:
            return
        if (digest, name) in self._parts or len(self._parts) > MAXIMUM_VERTICES:
            return
        self._parts.add((digest, name))
        started = parse_time(status.get("started"))
        took = max(completed - (completed if started is None else started), 0)
        yield from self._turn_to(digest)
        yield self._line(digest, f"{name} {took:.1f}s done".encode("utf-8", "replace"))

    def _log(self, digest: str, data: bytes, when: float | None) -> Iterator[bytes]:
        if digest not in self._names:
            return
        *lines, rest = (self._unfinished.pop(digest, b"") + data).split(b"\n")
        if len(rest) > _LONGEST_REST:
            lines, rest = [*lines, rest], b""
        if rest:
            self._unfinished[digest] = rest
        if lines:
            yield from self._turn_to(digest)
        for line in lines:
            yield self._line(digest, self._stamp(digest, when) + line)

    def _rest(self, digest: str) -> Iterator[bytes]:
        rest = self._unfinished.pop(digest, b"")
        if rest:
            yield self._line(digest, rest)

    def _stamp(self, digest: str, when: float | None) -> bytes:
        return b"%.3f " % max((when or 0) - self._started.get(digest, when or 0), 0)

    def _turn_to(self, digest: str) -> Iterator[bytes]:
        """A blank line and the name, whenever the lines begin to be another step's."""
        if digest == self._current:
            return
        self._current = digest
        self._numbers.setdefault(digest, len(self._numbers) + 1)
        yield b"\n" + self._line(digest, self._names[digest].encode("utf-8", "replace"))

    def _line(self, digest: str, text: bytes) -> bytes:
        return b"#%d %s\n" % (self._numbers[digest], text)
