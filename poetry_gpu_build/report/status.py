"""Reads the stream of BuildKit's status objects (`--progress=rawjson`), from buildx 0.13 to current.

0.13 indents each object over many lines, newer ones write one a line; buildx's own text (warnings, the error block)
stands between them. Whatever comes, memory stays bounded: the limits below are far above any real build.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import deque
from datetime import datetime
from datetime import timezone
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

MAXIMUM_VERTICES = 5000
MAXIMUM_OBJECT = 4 * 1024 * 1024
"""In characters, of one object; a step's log comes in pieces of a few kB."""

_MAXIMUM_NAME = 8000
_MAXIMUM_INPUTS = 500
_MAXIMUM_PARTS = 500
_MAXIMUM_INTERVALS = 200
_LOG_LINES = 40
_LOG_LINE = 2000
_MAXIMUM_BYTES = 2**60

_TIME = lazy_pattern(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\Z")


class Part(NamedTuple):
    """One of the things that a step does side by side: a transfer, a layer that is pulled, an export."""

    name: str
    bytes: int
    seconds: float


class Interval(NamedTuple):
    """A time in which a step was worked on, in seconds since 1970."""

    start: float
    end: float | None
    """None: no end was told."""
    is_cached: bool
    """Whether it was only found in the cache."""


class Vertex(NamedTuple):
    """One step as BuildKit told it."""

    digest: str
    name: str
    inputs: tuple[str, ...]
    """Digests of what it needs."""
    intervals: tuple[Interval, ...]
    """When it was worked on, by start; of a step that targets share they overlap."""
    error: str
    parts: tuple[Part, ...]
    log: tuple[str, ...]
    """The last lines that it printed; none of a step that ended well."""


class _Draft:
    """A vertex while its updates come."""

    __slots__ = ("digest", "error", "inputs", "intervals", "log", "name", "parts", "rest")

    def __init__(self, digest: str) -> None:
        self.digest = digest
        self.name = ""
        self.inputs: tuple[str, ...] = ()
        self.intervals: dict[float, Interval] = {}
        self.error = ""
        self.parts: dict[str, tuple[int, float | None, float | None]] = {}
        self.log: deque[str] = deque(maxlen=_LOG_LINES)
        self.rest = ""

    @property
    def has_ended_well(self) -> bool:
        return bool(self.intervals) and not self.error and all(one.end is not None for one in self.intervals.values())

    def finished(self) -> Vertex:
        lines = [*self.log, *([self.rest] if self.rest else [])]
        return Vertex(
            self.digest,
            self.name or self.digest,
            self.inputs,
            tuple(sorted(self.intervals.values(), key=lambda interval: interval.start)),
            self.error,
            tuple(Part(name, size, _length(start, end)) for name, (size, start, end) in self.parts.items()),
            () if self.has_ended_well else tuple(lines),
        )


class Update(NamedTuple):
    """What one object said, checked."""

    vertices: tuple[dict[str, Any], ...]
    statuses: tuple[dict[str, Any], ...]
    logs: tuple[tuple[str, bytes, float | None], ...]
    """The step's digest, what it printed, when."""


class StatusReader:
    """Takes the stream in pieces; ``vertices`` are the steps so far."""

    def __init__(self) -> None:
        self._line = b""
        self._open: list[str] = []
        self._open_size = 0
        self._skipping = False
        self._drafts: dict[str, _Draft] = {}
        self._unseen: set[str] = set()

    def feed(self, chunk: bytes) -> Iterator[Update | str]:
        """What became complete with this piece: updates, and lines that are no JSON, in their order."""
        *lines, self._line = (self._line + chunk).split(b"\n")
        for raw in lines:
            if self._skipping:  # the end of a line that was too long
                self._skipping = False
                continue
            yield from self._take(raw.decode("utf-8", "replace").rstrip("\r"))
        if len(self._line) > MAXIMUM_OBJECT:
            self._line, self._skipping = b"", True
            yield from self._give_up()

    def finish(self) -> Iterator[Update | str]:
        """What an end without a line's end leaves."""
        line, self._line = self._line.decode("utf-8", "replace"), b""
        if line and not self._skipping:
            yield from self._take(line)
        yield from self._give_up()

    @property
    def vertices(self) -> tuple[Vertex, ...]:
        """The steps, in the order in which they were first told."""
        return tuple(draft.finished() for draft in self._drafts.values())

    @property
    def unseen(self) -> int:
        """How many steps there were beyond MAXIMUM_VERTICES, at least."""
        return len(self._unseen)

    def _take(self, line: str) -> Iterator[Update | str]:
        if self._open:
            if line.startswith((" ", "\t", "}")):
                self._open.append(line)
                self._open_size += len(line)
                if line.startswith("}"):
                    yield from self._parse("\n".join(self._close()))
                elif self._open_size > MAXIMUM_OBJECT:
                    yield from self._give_up()
                return
            yield from self._give_up()  # half an object, and something else behind it
        if line == "{":
            self._open, self._open_size = [line], 1
        elif line.startswith("{"):
            yield from self._parse(line)
        else:
            yield line

    def _close(self) -> list[str]:
        lines, self._open, self._open_size = self._open, [], 0
        return lines

    def _give_up(self) -> Iterator[str]:
        """An object that has no end is a text like any other, but nobody wants to read megabytes of it."""
        yield from self._close()[:_LOG_LINES]

    def _parse(self, text: str) -> Iterator[Update | str]:
        decoder = json.JSONDecoder()
        at = 0
        while text.startswith("{", at):
            try:
                value, at = decoder.raw_decode(text, at)
            except (ValueError, RecursionError):  # no JSON, or a number of more digits than Python converts
                break
            if isinstance(value, dict):
                yield self._follow(value)
        if rest := text[at:].strip():
            yield rest

    def _follow(self, value: dict[str, Any]) -> Update:
        vertices = tuple(_dicts(value.get("vertexes")))
        statuses = tuple(_dicts(value.get("statuses")))
        for vertex in vertices:
            draft = self._draft(vertex.get("digest"))
            if draft is not None:
                _follow_vertex(draft, vertex)
        for status in statuses:
            draft = self._draft(status.get("vertex"))
            if draft is not None:
                _follow_status(draft, status)
        logs = []
        for log in _dicts(value.get("logs")):
            printed = (_text(log.get("vertex")), _decoded(log.get("data")), parse_time(log.get("timestamp")))
            logs.append(printed)
            draft = self._draft(printed[0])
            if draft is not None:
                _follow_log(draft, printed[1])
        return Update(vertices, statuses, tuple(logs))

    def _draft(self, digest: Any) -> _Draft | None:
        key = _text(digest)
        if not key:
            return None
        draft = self._drafts.get(key)
        if draft is None and len(self._drafts) >= MAXIMUM_VERTICES:
            if len(self._unseen) < MAXIMUM_VERTICES:
                self._unseen.add(key)
            return None
        if draft is None:
            draft = self._drafts[key] = _Draft(key)
        return draft


def parse_time(value: Any) -> float | None:
    """A moment in seconds since 1970; None for none, which Go writes as the year 1.

    >>> parse_time("1970-01-01T00:01:00.5Z"), parse_time("1970-01-01T01:00:00+01:00")
    (60.5, 0.0)
    >>> parse_time("0001-01-01T00:00:00Z"), parse_time("soon"), parse_time(7)
    (None, None, None)
    """
    match = _TIME.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        whole = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
        seconds = (whole - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return seconds + float(match[2] or 0) if seconds >= 0 else None


def _follow_vertex(draft: _Draft, vertex: dict[str, Any]) -> None:
    # A step that two targets share is told by a name of each: the first stays.
    draft.name = draft.name or _text(vertex.get("name"))
    inputs = vertex.get("inputs")
    if isinstance(inputs, list):
        draft.inputs = tuple(_text(entry) for entry in inputs[:_MAXIMUM_INPUTS] if isinstance(entry, str))
    started, completed = parse_time(vertex.get("started")), parse_time(vertex.get("completed"))
    if started is not None and (started in draft.intervals or len(draft.intervals) < _MAXIMUM_INTERVALS):
        # Two clocks may disagree; no work takes less than no time.
        end = None if completed is None else max(started, completed)
        draft.intervals[started] = Interval(started, end, vertex.get("cached") is True)
    if vertex.get("error"):
        draft.error = _text(vertex["error"])
    if completed is not None and draft.has_ended_well:
        draft.log.clear()
        draft.rest = ""


def _follow_status(draft: _Draft, status: dict[str, Any]) -> None:
    name = _text(status.get("id"))
    known = draft.parts.get(name)
    if known is None and len(draft.parts) >= _MAXIMUM_PARTS:
        return
    size, start, end = known or (0, None, None)
    current = status.get("current")
    if isinstance(current, int) and not isinstance(current, bool):
        size = min(max(size, current), _MAXIMUM_BYTES)
    started, completed = parse_time(status.get("started")), parse_time(status.get("completed"))
    draft.parts[name] = (size, start if started is None else started, end if completed is None else completed)


def _follow_log(draft: _Draft, data: bytes) -> None:
    *lines, rest = (draft.rest + data.decode("utf-8", "replace")).replace("\r\n", "\n").split("\n")
    draft.log.extend(line[:_LOG_LINE] for line in lines)
    draft.rest = rest[-_LOG_LINE:]


def _length(start: float | None, end: float | None) -> float:
    return 0.0 if start is None or end is None else max(end - start, 0.0)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value[:_MAXIMUM_NAME] if isinstance(value, str) else ""


def _decoded(data: Any) -> bytes:
    try:
        return base64.b64decode(_whole(data), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _whole(data: Any) -> str:
    return data if isinstance(data, str) else ""
