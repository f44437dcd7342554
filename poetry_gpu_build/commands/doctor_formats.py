"""The forms in which an examination is shown: text for people, json for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import NamedTuple

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
    lines = [*_rows(examination.lines, stream), _sum(examination.lines)]
    return "\n".join(lines).encode(stream.encoding, "backslashreplace").decode(stream.encoding)


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
    try:
        document.encode(stream.encoding)
    except UnicodeEncodeError:
        return json.dumps(json.loads(document), indent=2)
    return document


FORMATS: dict[str, Callable[[Examination, Stream], str]] = {"text": as_text, "json": as_json}


def _rows(lines: Sequence[Line], stream: Stream) -> Iterator[str]:
    """What could not be looked at for one reason is one row."""
    topics: dict[str, list[str]] = {}
    for line in lines:
        if line.reason_not_looked_at is not None:
            topics.setdefault(line.reason_not_looked_at, []).append(line.topic)
    width = max((len(_NOT_LOOKED_AT), *(len(line.topic) for line in lines)))
    for line in lines:
        topic, seen = line.topic, line.seen
        if (reason := line.reason_not_looked_at) is not None:
            if reason not in topics:
                continue
            topic, seen = _NOT_LOOKED_AT, f"{', '.join(dict.fromkeys(topics.pop(reason)))}: {reason}"
        known = "" if line.known_by is None else f" (known by: {line.known_by})"
        yield f"{_mark(line.mark, stream)} {topic:<{width}}  {visible(seen)}{known}"
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


def _sum(lines: Sequence[Line]) -> str:
    numbers = [(sum(line.mark == mark for line in lines), mark) for mark in ("problem", "warning")]
    told = ", ".join(counted(number, noun) for number, noun in numbers if number)
    return told or "nothing stands in the way"
