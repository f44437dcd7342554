"""The report as one HTML file: no script, no network, readable by keyboard, by a screen reader and in the dark."""

from __future__ import annotations

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from poetry_gpu_build.lint.formats.characters import well_formed
from poetry_gpu_build.report.html_style import style
from poetry_gpu_build.report.words import OUTCOMES
from poetry_gpu_build.report.words import STATES
from poetry_gpu_build.report.words import cache_in_words
from poetry_gpu_build.report.words import moment_in_words
from poetry_gpu_build.report.words import place
from poetry_gpu_build.report.words import shortened
from poetry_gpu_build.report.words import size_in_words
from poetry_gpu_build.report.words import stage_title
from poetry_gpu_build.report.words import time_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from poetry_gpu_build.report.model import ImageSize
    from poetry_gpu_build.report.model import Report
    from poetry_gpu_build.report.model import Step

# Whatever a step's name holds, the browser runs no script and fetches nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_GLYPHS = {"run": "●", "cached": "○", "failed": "✗", "cancelled": "■", "unstarted": "·"}
_OUTCOME_GLYPHS = {"built": "✓", "failed": "✗", "interrupted": "■"}
# In seconds: tenths and seconds, then what a clock has.
_NICE_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_MOST_TICKS = 8
# A step of the path that took less than this part of it decided nothing.
_TOO_SHORT = 0.005
# In characters: what is read aloud or drawn of an instruction, and what a pointer shows. The table has all of it.
_SPOKEN = 200
_HOVERED = 1000


def as_html(report: Report) -> str:
    """The whole page."""
    page = "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n',
            f"<title>{escape(report.title)}: {OUTCOMES[report.outcome]}</title>\n",
            f"<style>{style()}</style>\n</head>\n<body>\n",
            *_body(report),
            "</body>\n</html>\n",
        )
    )
    return well_formed(page)


def _body(report: Report) -> Iterator[str]:
    yield '<a class="skip" href="#steps">Skip the timeline</a>\n<main>\n'
    yield f"<h1>{escape(report.title)}</h1>\n"
    glyph = f'<span aria-hidden="true">{_OUTCOME_GLYPHS[report.outcome]}</span>'
    yield f'<span class="outcome {report.outcome}">{glyph} {OUTCOMES[report.outcome]}</span>\n'
    yield from _facts(report)
    yield from _failure(report)
    yield from _causes(report)
    yield from _critical_path(report)
    yield from _timeline(report)
    yield from _table(report)
    for image in report.images:
        yield from _layers(image)
    if report.notes:
        yield "<h2>Notes</h2>\n<ul>"
        yield from (f"<li>{escape(note)}</li>" for note in report.notes)
        yield "</ul>\n"
    yield "</main>\n"


def _facts(report: Report) -> Iterator[str]:
    facts = [
        ("Took", time_in_words(report.seconds)),
        ("Steps", cache_in_words(report)),
        ("Critical path", time_in_words(report.critical_path.seconds)),
        *((f"Size of {image.name}", size_in_words(image.size)) for image in report.images),
        ("Began", moment_in_words(report.began)),
        ("Engine", report.engine),
    ]
    yield '<dl class="facts">'
    yield from (f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    yield "</dl>\n"


def _failure(report: Report) -> Iterator[str]:
    stopped = [step for step in report.steps if step.state in ("failed", "cancelled") and step.log]
    # Where one failed, the others were stopped because of it.
    shown = [step for step in stopped if step.state == "failed"] or stopped
    if not report.error and not shown:
        return
    yield f"<h2>{'What failed' if report.outcome == 'failed' else 'Where it stopped'}</h2>\n"
    if report.error:
        yield f"<p><code>{escape(report.error)}</code></p>\n"
    for step in shown:
        lines = escape("\n".join(step.log))
        yield f"<p>The last lines of {_link(step)}:</p>\n"
        yield f'<pre tabindex="0" role="region" aria-label="The last lines of {escape(place(step))}">{lines}</pre>\n'


def _causes(report: Report) -> Iterator[str]:
    if not report.steps:
        return
    yield "<h2>Why steps ran</h2>\n"
    if not report.causes:
        yield "<p>None had to: the cache had the answer to each.</p>\n"
        return
    yield '<ul class="reasons">'
    for cause in report.causes:
        step = report.step(cause.step)
        reasons = "; ".join(escape(reason) for reason in cause.reasons)
        yield f"<li>{_link(step)} <code>{escape(shortened(step, _SPOKEN))}</code><br>ran because {reasons}</li>"
    yield '</ul>\n<p class="quiet">What comes behind a step that ran had to run, too.</p>\n'


def _critical_path(report: Report) -> Iterator[str]:
    path = [report.step(name) for name in report.critical_path.steps]
    if not path:
        return
    shown = [step for step in path if step.seconds >= report.critical_path.seconds * _TOO_SHORT]
    yield "<h2>Critical path</h2>\n"
    yield f"<p>These steps waited for each other and took {time_in_words(report.critical_path.seconds)} together; "
    yield 'a faster build has to make one of them shorter.</p>\n<ol class="chain">'
    for step in shown:
        yield f"<li>{time_in_words(step.seconds)} · {_link(step)} <code>{escape(shortened(step, _SPOKEN))}</code></li>"
    yield "</ol>\n"
    if len(shown) < len(path):
        yield f'<p class="quiet">and {len(path) - len(shown)} that took next to no time</p>\n'


def _timeline(report: Report) -> Iterator[str]:
    if not report.steps:
        return
    on_path = set(report.critical_path.steps)
    span = report.seconds or 1.0
    tick = next((tick for tick in _NICE_TICKS if span / tick <= _MOST_TICKS), span)
    yield "<h2>Timeline</h2>\n"
    yield from _legend()
    yield f'<div class="timeline" style="--tick:{_percent(tick / span)}">\n'
    yield '<div class="axis" aria-hidden="true"><span></span><span>'
    marks = int(span / tick + 1e-9)
    # The last mark would stand over the column of the times where it is at the very end.
    yield from (
        f'<b style="left:{_percent(mark * tick / span)}">{_mark(mark * tick)}</b>'
        for mark in range(marks + 1)
        if mark * tick / span < 0.97
    )
    yield "</span><span></span></div>\n"
    for title, group in groupby(report.steps, key=stage_title):
        steps = list(group)
        took = sum(step.seconds for step in steps)
        sums = f"{len(steps)} step{'' if len(steps) == 1 else 's'}, {time_in_words(took)}"
        yield f'<details open><summary>{escape(title)} <span class="quiet">{sums}</span></summary>\n'
        yield from (_row(step, span, is_on_path=step.id in on_path) for step in steps)
        yield "</details>\n"
    yield "</div>\n"


def _legend() -> Iterator[str]:
    kinds = (
        ("run", "● run"),
        ("path run", "◆ on the critical path"),
        ("cached", "○ cached"),
        ("failed", "✗ failed, ■ cancelled"),
    )
    yield '<ul class="legend" aria-label="What the marks mean">'
    yield from (f'<li><i><span class="bar {kind}"></span></i>{text}</li>' for kind, text in kinds)
    yield "</ul>\n"


def _row(step: Step, span: float, *, is_on_path: bool) -> str:
    does = shortened(step, _SPOKEN)
    label = f"{step.number or ''} {does}"
    said = [place(step), does, STATES[step.state], time_in_words(step.seconds)]
    if is_on_path:
        said.append("on the critical path")
    start = min(step.start or 0.0, span)
    end = min(step.end if step.end is not None else span, span)
    # What was never started has no place in time: a mark at the end.
    left, width = (start / span, max(end - start, 0.0) / span) if step.start is not None else (1.0, 0.0)
    # Hollow ones need some width to be seen as such.
    least = "3px" if step.state == "run" else "7px"
    classes = f"bar {step.state}{' path' if is_on_path else ''}"
    mark = "◆" if is_on_path and step.state == "run" else _GLYPHS[step.state]
    return (
        f'<a class="row" href="#{step.id}" aria-label="{escape(", ".join(said))}"'
        f' title="{escape(step.name[:_HOVERED])}">'
        f'<span class="label"><span class="glyph">{mark}</span> {escape(label.lstrip())}</span>'
        f'<span class="plot"><span class="{classes}" '
        f'style="left:min({_percent(left)},100% - {least});width:max({least},{_percent(width)})"></span></span>'
        f'<span class="num">{_took(step)}</span></a>\n'
    )


def _table(report: Report) -> Iterator[str]:
    yield '<h2 id="steps">Steps</h2>\n'
    if not report.steps:
        yield "<p>No step is known.</p>\n"
        return
    on_path = set(report.critical_path.steps)
    yield '<div class="scroll" tabindex="0" role="region" aria-label="Steps"><table>\n<thead><tr>'
    yield from _heads(("Where", ""), ("Step", ""), ("State", ""), ("Start", "num"), ("Time", "num"))
    yield from _heads(("Size", "num"), ("Moved", "num"), ("Critical", ""))
    yield "</tr></thead>\n<tbody>\n"
    for step in report.steps:
        start = "" if step.start is None else time_in_words(step.start)
        yield (
            f'<tr id="{step.id}"><td class="where">{escape(place(step))}</td>'
            f'<td class="name"><code>{escape(step.instruction)}</code></td>'
            f'<td class="state">{_GLYPHS[step.state]} {STATES[step.state]}</td>'
            f'<td class="num">{start}</td><td class="num">{_took(step)}</td>'
            f'<td class="num">{_size(step.layer)}</td><td class="num">{_size(step.transferred)}</td>'
            f"<td>{'◆ yes' if step.id in on_path else ''}</td></tr>\n"
        )
    yield "</tbody></table></div>\n"
    yield '<p class="quiet">Size: what the step added to the image. Moved: what it sent, pulled or pushed.</p>\n'


def _layers(image: ImageSize) -> Iterator[str]:
    name = escape(image.name)
    yield f'<h2>Layers of {name}</h2>\n<div class="scroll" tabindex="0" role="region" aria-label="Layers of {name}">'
    yield "<table>\n<thead><tr>"
    yield from _heads(("Size", "num"), ("Part", "num"), ("Made by", ""))
    yield "</tr></thead>\n<tbody>\n"
    for layer in image.layers:
        part = _part(layer.size / image.size) if image.size else ""
        yield f'<tr><td class="num">{_size(layer.size)}</td><td class="num">{escape(part)}</td>'
        yield f'<td class="name"><code>{escape(layer.made_by)}</code></td></tr>\n'
    yield "</tbody></table></div>\n"


def _heads(*heads: tuple[str, str]) -> Iterable[str]:
    return (f'<th scope="col"{f" class={kind}" if kind else ""}>{text}</th>' for text, kind in heads)


def _link(step: Step) -> str:
    return f'<a href="#{step.id}">{escape(place(step))}</a>'


def _took(step: Step) -> str:
    return "" if step.state == "unstarted" else time_in_words(step.seconds)


def _size(size: int | None) -> str:
    return "" if size is None else size_in_words(size)


def _part(part: float) -> str:
    return f"{part:.0%}" if part >= 0.01 else "< 1%"


def _percent(part: float) -> str:
    return f"{part * 100:.3f}%"


def _mark(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:g} min" if seconds < 3600 else f"{seconds / 3600:.3g} h"
