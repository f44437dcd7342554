"""Finds the cases in a text, each once, with the first place and how often; reads the text once, whatever its size."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.doctor.explain.case import GATHERED
from poetry_gpu_build.doctor.explain.told import CLUES
from poetry_gpu_build.doctor.explain.told import told

if TYPE_CHECKING:
    import re
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.doctor.explain.case import Case
    from poetry_gpu_build.doctor.explain.lines import Line
    from poetry_gpu_build.doctor.explain.told import Told

#: How far from the line that tells a case its details may stand. torch 2.13 lists an architecture a line.
AROUND = 15
#: Of one case so many are told apart; the others are counted with the last.
MOST_OF_ONE_CASE = 5
_MOST_GATHERED = 64
_LINES_AT_ONCE = 500
_LONGEST_VALUE = 200


class Sighting(NamedTuple):
    """One case in the text."""

    case: Case
    line: int
    """Where it was first seen, from 1."""
    quote: str
    """That line, without colours and prefixes; a long one cut around the place."""
    times: int
    values: Mapping[str, str]


class Found(NamedTuple):
    """All that one text tells."""

    sightings: tuple[Sighting, ...]
    """In the order of the text."""
    told: Told
    lines: int


def find(lines: Iterable[Line], cases: Sequence[Case]) -> Found:
    """Look for the cases."""
    search = _Search(cases)
    for batch in _batches(lines):
        search.look_at(batch)
    return search.found()


class _Open:
    """A case that was seen; its details may still come."""

    def __init__(self, case: Case, line: Line, match: re.Match[str], before: Iterable[str]) -> None:
        self.case = case
        self.identity = _identity(case, match)
        self.number = line.number
        self.quote = _around(line.text, match.start(), match.end())
        self.times = 1
        self.left = AROUND
        self.values: dict[str, str] = {}
        self._before = tuple(before)
        self._take(match)
        self.look_at(line.text)

    def look_at(self, text: str) -> None:
        """Take the details out of a line."""
        for pattern in self.case.details:
            for match in pattern.finditer(text):
                self._take(match)

    def closed(self) -> Sighting:
        """What was found after it counts more than what was found before."""
        for text in reversed(self._before):
            self.look_at(text)
        return Sighting(self.case, self.number, self.quote, self.times, self.values)

    def _take(self, match: re.Match[str]) -> None:
        for name, value in match.groupdict().items():
            if value is None:
                continue
            shown = value.strip()[:_LONGEST_VALUE]
            if not name.startswith(GATHERED):
                self.values.setdefault(name, shown)
                continue
            held = self.values.get(name, "").split()
            if shown not in held and len(held) < _MOST_GATHERED:
                self.values[name] = " ".join([*held, shown])


class _Search:
    """The state of one run over a text."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases
        self._seen: dict[str, list[_Open]] = {case.name: [] for case in cases}
        self._open: list[_Open] = []
        self._before: deque[str] = deque(maxlen=AROUND)
        self._clues: dict[str, list[str]] = {}
        self._lines = 0
        # What the last line meant, the same line means again.
        self._last: tuple[str, int] | None = None
        self._meant: list[_Open] = []

    def look_at(self, batch: Sequence[Line]) -> None:
        """Look for the cases whose hints stand anywhere in the batch, line by line."""
        text = "\n".join(dict.fromkeys([line.text for line in batch]))  # each once: logs repeat themselves
        wanted = [case for case in self._cases if any(hint in text for hint in case.hints)]
        self._lines = batch[-1].number
        for clue in CLUES:
            clue.take(text, self._clues)
        if not wanted and not self._open:
            self._before.extend(line.text for line in batch[-AROUND:])
            self._last = None
            return
        for line in batch:
            self._follow(line.text)
            if self._last == (line.text, line.known):
                for each in self._meant:
                    each.times += 1
            else:
                meant = (self._try(case, line) for case in wanted)
                self._last, self._meant = (line.text, line.known), [each for each in meant if each is not None]
            self._before.append(line.text)

    def _follow(self, text: str) -> None:
        for each in self._open:
            each.look_at(text)
            each.left -= 1
        if any(each.left <= 0 for each in self._open):
            self._open = [each for each in self._open if each.left > 0]

    def _try(self, case: Case, line: Line) -> _Open | None:
        """What the line was counted with, if it tells the case."""
        if not any(hint in line.text for hint in case.hints):
            return None
        match = next((found for found in map(_searching(line), case.patterns) if found is not None), None)
        if match is None:
            return None
        seen, identity = self._seen[case.name], _identity(case, match)
        same = next((each for each in seen if each.identity == identity), None)
        if same is None and len(seen) < MOST_OF_ONE_CASE:
            seen.append(_Open(case, line, match, self._before))
            self._open.append(seen[-1])
            return seen[-1]
        counted = same or seen[-1]
        counted.times += 1
        return counted

    def found(self) -> Found:
        """Everything, once the text is at its end."""
        closed = [each.closed() for seen in self._seen.values() for each in seen]
        whole = [each for each in closed if all(name in each.values for name in each.case.needs)]
        whole.sort(key=lambda each: each.line)
        return Found(tuple(whole), told(self._clues, whole), self._lines)


def _identity(case: Case, match: re.Match[str]) -> tuple[str | None, ...]:
    """What tells two places of one case apart: values that stand in the line itself."""
    return tuple(match.groupdict().get(name) for name in case.identity)


def _searching(line: Line) -> Callable[[re.Pattern[str]], re.Match[str] | None]:
    """Search a line with a pattern; what ends in the part that the piece before held too was found there."""

    def search(pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.search(line.text)
        return None if match is None or match.end() <= line.known else match

    return search


def _batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    length = 0
    for line in lines:
        batch.append(line)
        length += len(line.text)
        if len(batch) >= _LINES_AT_ONCE or length > 1 << 20:
            yield batch
            batch, length = [], 0
    if batch:
        yield batch


def _around(text: str, start: int, end: int, limit: int = 300) -> str:
    """The text if it is short, else what stands around a place in it."""
    stripped = text.strip()
    if len(stripped) <= limit:
        return stripped
    first = max(0, start - (limit - min(limit, end - start)) // 2)
    last = first + limit
    return f"{'…' if first else ''}{text[first:last].strip()}{'…' if last < len(text) else ''}"
