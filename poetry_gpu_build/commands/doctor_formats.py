"""The forms in which an examination is shown: text for people, json for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.commands.base import encodable
from poetry_gpu_build.commands.base import json_document
from poetry_gpu_build.doctor.line import counted
from poetry_gpu_build.lint.formats.characters import visible
from poetry_gpu_build.lint.formats.characters import well_formed

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.doctor.examine import Examination
    from poetry_gpu_build.doctor.line import Line
    from poetry_gpu_build.doctor.line import Mark

_MARKS: Mapping[Mark, str] = {"ok": "✓", "warning": "!", "problem": "✗"}
_ASCII_MARKS: Mapping[Mark, str] = {"ok": "+", "warning": "!", "problem": "x"}
# Parameters of ANSI's "select graphic rendition" (ECMA-48, 8.3.117).
_COLORS: Mapping[Mark, str] = {"ok": "32", "warning": "1;33", "problem": "1;31"}
_NOT_LOOKED_AT = "not looked at"


class Stream(NamedTuple):
    """What the text is written to."""

    color: bool = False
    """A terminal, and without NO_COLOR."""
    encoding: str = "utf-8"


def as_text(examination: Examination, stream: Stream) -> str:
    """A line for each, its remedies below it, and the sum."""
    rows = _rows(examination.lines)
    width = max((len(_NOT_LOOKED_AT), *(len(line.topic) for line in examination.lines)))
    lines = [*_shown(rows, width, stream), _sum(rows)]
    return encodable("\n".join(lines), stream.encoding)


def as_json(examination: Examination, stream: Stream) -> str:
    """One document; in escapes where the stream cannot take it as it is."""
    document = json_document(
        {
            "exit_code": examination.exit_code,
            "mode": examination.mode,
            "lines": [
                {
                    "topic": line.topic,
                    "mark": line.mark,
                    "seen": well_formed(line.seen),
                    "remedies": [well_formed(remedy) for remedy in line.remedies],
                    "known_by": line.known_by,
                }
                for line in examination.lines
            ],
        }
    )
    return encodable(document, stream.encoding, is_json=True)


FORMATS: dict[str, Callable[[Examination, Stream], str]] = {"text": as_text, "json": as_json}


def _rows(lines: Sequence[Line]) -> tuple[Line, ...]:
    """What could not be looked at for one reason is one row."""
    topics: dict[str, list[str]] = {}
    for line in lines:
        if line.reason_not_looked_at is not None:
            topics.setdefault(line.reason_not_looked_at, []).append(line.topic)
    rows: list[Line] = []
    for line in lines:
        reason = line.reason_not_looked_at
        if reason is None:
            rows.append(line)
        elif reason in topics:
            together = ", ".join(dict.fromkeys(topics.pop(reason)))
            rows.append(line._replace(topic=_NOT_LOOKED_AT, seen=f"{together}: {reason}"))
    return tuple(rows)


def _shown(rows: Sequence[Line], width: int, stream: Stream) -> Iterator[str]:
    for line in rows:
        known = "" if line.known_by is None else f" (known by: {line.known_by})"
        yield f"{_mark(line.mark, stream)} {line.topic:<{width}}  {visible(line.seen)}{known}"
        for remedy in line.remedies:
            yield f"  {'':<{width}}  help: {visible(remedy)}"


def _mark(mark: Mark, stream: Stream) -> str:
    try:
        _MARKS[mark].encode(stream.encoding)
    except UnicodeEncodeError:
        shown = _ASCII_MARKS[mark]
    else:
        shown = _MARKS[mark]
    return f"\x1b[{_COLORS[mark]}m{shown}\x1b[0m" if stream.color else shown


def _sum(rows: Sequence[Line]) -> str:
    numbers = [(sum(row.mark == mark for row in rows), mark) for mark in ("problem", "warning")]
    told = ", ".join(counted(number, noun) for number, noun in numbers if number)
    return told or "nothing stands in the way"
