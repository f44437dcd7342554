"""From a text to what it means here: the cases that it holds, the likeliest cause first."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.doctor.explain.case import link
from poetry_gpu_build.doctor.explain.find import find
from poetry_gpu_build.doctor.explain.lines import read_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence
    from typing import BinaryIO

    from poetry_gpu_build.doctor.explain.case import Case
    from poetry_gpu_build.doctor.explain.find import Sighting
    from poetry_gpu_build.doctor.explain.situation import Situation
    from poetry_gpu_build.doctor.explain.told import Told

EXPLAINED, NOTHING_RECOGNISED = 0, 1


class Explanation(NamedTuple):
    """What one error means. Quote, values and sentences may hold foreign text: whoever shows it makes it harmless."""

    name: str
    title: str
    line: int
    """Where it is first in the text, from 1."""
    times: int
    quote: str
    values: Mapping[str, str]
    meaning: str
    here: tuple[str, ...]
    """What it means for this project and machine."""
    ways_out: tuple[str, ...]
    references: tuple[str, ...]
    """Addresses."""


class Explained(NamedTuple):
    """What a whole text means."""

    explanations: tuple[Explanation, ...]
    told: Told
    lines: int

    @property
    def exit_code(self) -> int:
        """0 if anything was recognised, else 1 (docs/explain.md)."""
        return EXPLAINED if self.explanations else NOTHING_RECOGNISED


def explain_text(
    stream: BinaryIO, cases: Sequence[Case], situation: Callable[[], Situation], name: str | None = None
) -> Explained:
    """Read a text, and explain what is in it; ``situation`` is asked for only where something was found.

    ``name`` is the file's; None is standard input.

    Raises ConfigurationError for a compressed text, and OSError as the stream does.
    """
    found = find(read_lines(stream, name), cases)
    if not found.sightings:
        return Explained((), found.told, found.lines)
    known = situation()._replace(told=found.told)
    order = {case.name: place for place, case in enumerate(cases)}
    applying = [each for each in found.sightings if each.case.applies(each.values, known)]
    telling = [each for each in applying if not each.case.is_weak(known)] or applying
    telling.sort(key=lambda each: (order[each.case.name], each.line))
    return Explained(tuple(_explained(each, known) for each in telling), found.told, found.lines)


def _explained(sighting: Sighting, situation: Situation) -> Explanation:
    case = sighting.case
    return Explanation(
        name=case.name,
        title=case.title,
        line=sighting.line,
        times=sighting.times,
        quote=sighting.quote,
        values=sighting.values,
        meaning=case.meaning,
        here=_each_once(case.here(sighting.values, situation)),
        ways_out=_each_once(case.ways(sighting.values, situation)),
        references=tuple(map(link, case.references)),
    )


def _each_once(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentences))
