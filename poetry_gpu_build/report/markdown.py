"""The report as Markdown: for a job's summary page and for a pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.report.words import OUTCOMES
from poetry_gpu_build.report.words import STATES
from poetry_gpu_build.report.words import bytes_of
from poetry_gpu_build.report.words import cache_in_words
from poetry_gpu_build.report.words import moment_in_words
from poetry_gpu_build.report.words import place
from poetry_gpu_build.report.words import shortened
from poetry_gpu_build.report.words import size_in_words
from poetry_gpu_build.report.words import time_in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.report.model import Report
    from poetry_gpu_build.report.model import Step

# All that Markdown or HTML may take for its own; a colon makes an address a link, an at sign a person.
_SPECIAL = lazy_pattern(r"[&<>|`*_\[\]~@#:\\$]")
_LONGEST_INSTRUCTION = 100


def as_markdown(report: Report) -> str:
    """Tables, without a picture: that is in the HTML."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"## {_text(report.title)}: {OUTCOMES[report.outcome]} in {time_in_words(report.seconds)}"
    yield ""
    yield f"{cache_in_words(report)} · began {moment_in_words(report.began)} · {_text(report.engine)}"
    if report.error:
        yield from ("", f"**{_text(report.error)}**")
    for step in report.steps:
        if step.state == "failed" and step.log:
            yield from ("", f"The last lines of {_text(place(step))}:", "", "<pre>")
            yield from (_text(line) or "&#32;" for line in step.log)
            yield "</pre>"
    if report.causes:
        yield from ("", "### Why steps ran", "")
        for cause in report.causes:
            step = report.step(cause.step)
            yield f"- {_code(step)} in {_text(place(step))} ran because {_text('; '.join(cause.reasons))}"
    if report.critical_path.steps:
        yield from ("", f"### Critical path: {time_in_words(report.critical_path.seconds)}", "")
        yield from ("| step | time |", "|---|---:|")
        for name in report.critical_path.steps:
            step = report.step(name)
            yield f"| {_text(place(step))} {_code(step)} | {time_in_words(step.seconds)} |"
    if report.steps:
        on_path = set(report.critical_path.steps)
        yield from (
            "",
            "### Steps",
            "",
            "| where | step | state | time | size | critical |",
            "|---|---|---|---:|---:|---|",
        )
        for step in report.steps:
            size = bytes_of(step)
            cells = [_text(place(step)), _code(step), STATES[step.state], time_in_words(step.seconds)]
            cells += ["" if size is None else size_in_words(size), "yes" if step.id in on_path else ""]
            yield f"| {' | '.join(cells)} |"
    for image in report.images:
        yield from ("", f"### Layers of {_text(image.name)}: {size_in_words(image.size)}", "")
        yield from ("| size | made by |", "|---:|---|")
        for layer in image.layers:
            yield f"| {size_in_words(layer.size)} | <code>{_text(_short(layer.made_by))}</code> |"
    if report.notes:
        yield from ("", *(f"- note: {_text(note)}" for note in report.notes))


def _code(step: Step) -> str:
    return f"<code>{_text(shortened(step, _LONGEST_INSTRUCTION))}</code>"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_INSTRUCTION else f"{text[: _LONGEST_INSTRUCTION - 1]}…"


def _text(text: str) -> str:
    """A text that is shown as it is, whatever it holds: a step's name is anybody's."""
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", text)
