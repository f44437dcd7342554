"""The forms in which explanations are shown: text for people, json for programs."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.commands.base import encodable
from poetry_gpu_build.commands.base import json_document
from poetry_gpu_build.lint.formats.characters import visible
from poetry_gpu_build.lint.formats.characters import well_formed

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Collection
    from collections.abc import Iterator

    from poetry_gpu_build.commands.doctor_formats import Stream
    from poetry_gpu_build.doctor.explain.explanation import Explained
    from poetry_gpu_build.doctor.explain.explanation import Explanation

_WIDTH = 110
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"


class _Said(NamedTuple):
    """What the blocks above said."""

    here: set[tuple[str, ...]]
    """All that one block said, together."""
    entries: set[str]


def as_text(explained: Explained, source: str, stream: Stream) -> str:
    """A block for each: what was seen and where, what it means, what it means here, what to do."""
    said = _Said(set(), set())
    blocks = ["\n".join(_block(each, source, stream, said)) for each in explained.explanations]
    text = "\n\n".join(blocks) if blocks else "\n".join(_nothing(explained, source))
    return encodable(text, stream.encoding)


def as_json(explained: Explained, source: str, stream: Stream) -> str:
    """One document; in escapes where the stream cannot take it as it is."""
    told = explained.told
    document = json_document(
        {
            "exit_code": explained.exit_code,
            "source": well_formed(source),
            "lines": explained.lines,
            "told": {
                "torch": None if told.torch is None else str(told.torch),
                "driver": None if told.driver is None else str(told.driver),
                "capabilities": [str(each) for each in told.capabilities],
                "source_image": told.is_source,
            },
            "explanations": [_data(each) for each in explained.explanations],
        }
    )
    return encodable(document, stream.encoding, is_json=True)


FORMATS: dict[str, Callable[[Explained, str, Stream], str]] = {"text": as_text, "json": as_json}


def _data(each: Explanation) -> dict[str, object]:
    return {
        "name": each.name,
        "title": each.title,
        "line": each.line,
        "times": each.times,
        "quote": well_formed(each.quote),
        "values": {name: well_formed(value) for name, value in each.values.items()},
        "meaning": each.meaning,
        "here": [well_formed(sentence) for sentence in each.here],
        "ways_out": [well_formed(way) for way in each.ways_out],
        "references": list(each.references),
    }


def _block(each: Explanation, source: str, stream: Stream, said: _Said) -> Iterator[str]:
    title = f"{_BOLD}{each.title}{_PLAIN}" if stream.color else each.title
    often = "" if each.times == 1 else f", {each.times} times"
    yield f"{title} [{each.name}]"
    yield f"  --> {visible(source)}:{each.line}{often}"
    yield f"   | {visible(each.quote)}"
    for paragraph in each.meaning.split("\n\n"):
        yield from wrap(" ".join(paragraph.split()), _WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield from _here(each.here, said)
    yield from _list("help", each.ways_out, said)
    yield from _list("see", each.references, said)


def _here(sentences: tuple[str, ...], said: _Said) -> Iterator[str]:
    """One line for each. They hang together: a block that lacks one because another had it means another thing."""
    if not sentences:
        return
    if sentences in said.here:
        yield "  here: as above"
        return
    said.here.add(sentences)
    for sentence in sentences:
        yield f"  here: {visible(sentence)}"


def _list(label: str, entries: Collection[str], said: _Said) -> Iterator[str]:
    """One line for each, unbroken: a command must be copied as it stands. What a block above said is not repeated."""
    known = [entry for entry in entries if entry in said.entries]
    for entry in (entry for entry in entries if entry not in said.entries):
        yield f"  {label}: {visible(entry)}"
        said.entries.add(entry)
    if known and label == "help":
        yield f"  {label}: as above"


def _nothing(explained: Explained, source: str) -> Iterator[str]:
    many = f"{explained.lines} line{'' if explained.lines == 1 else 's'}"
    yield f"{visible(source)}: nothing recognised in {many}"
    yield "  help: hand over the whole output, not its end alone: the cause stands above what follows from it"
    yield "  help: a build shows all of it with --progress=plain"
    yield "  help: what is recognised: docs/explain.md"
