"""The report as HTML, Markdown and JSON: complete, escaped, self-contained."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from poetry_gpu_build.report.document import as_document
from poetry_gpu_build.report.html import as_html
from poetry_gpu_build.report.html_style import DARK
from poetry_gpu_build.report.html_style import LIGHT
from poetry_gpu_build.report.invalidation import Compared
from poetry_gpu_build.report.markdown import as_markdown
from poetry_gpu_build.report.model import ImageSize
from poetry_gpu_build.report.model import LayerSize
from poetry_gpu_build.report.model import Report

from .builders import read
from .builders import recorded
from .builders import report
from .builders import vertex

HOSTILE = "<script>alert(1)</script>\"'`|]*_\n\x1b[31m\u202e&lt;![x](javascript:x)\udcff@all"
IMAGE = ImageSize("app:binary", 4_000_000, (LayerSize(3_000_000, "RUN /bin/sh -c make # buildkit"),))


def from_record(name: str, *targets: str, **told: Any) -> Report:
    return report(read(recorded(name))[0].vertices, *targets, **told)


def failure() -> Report:
    return from_record("failure", "binary", "source", outcome="failed", error="the build failed in x")


EVERY = [
    from_record("cold", images={"binary": IMAGE}),
    from_record("changed"),
    failure(),
    from_record("interrupted", "x", "y", outcome="interrupted", error="the build was interrupted"),
    report([], outcome="failed", error="no daemon"),
    report(
        [vertex("a", f"[app 1/1] RUN {HOSTILE}", end=None, error=HOSTILE, log=(HOSTILE,))],
        title=HOSTILE,
        outcome="failed",
        error=HOSTILE,
        engine=HOSTILE,
        notes=(HOSTILE,),
        images={"binary": ImageSize(HOSTILE, 0, (LayerSize(0, HOSTILE),))},
    ),
]
NAMES = ["cold", "changed", "failure", "interrupted", "empty", "hostile"]
each = pytest.mark.parametrize("made", EVERY, ids=NAMES)


class Page(HTMLParser):
    """What a browser would make of it: tags with their attributes, and the text."""

    VOID = frozenset(("meta", "br"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def classes(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for _, attributes in self.tags if name in (attributes.get("class") or "").split()]


# HTML


@each
def test_the_page_is_well_formed_and_has_a_bar_and_a_row_for_each_step(made: Report) -> None:
    page = Page(as_html(made))
    assert page.open == []
    rows = page.classes("row")
    assert [row["href"] for row in rows] == [f"#{step.id}" for step in made.steps]
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {step.id for step in made.steps} <= ids
    legend = 4 if made.steps else 0
    assert len(page.classes("bar")) == len(made.steps) + legend


@each
def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(made: Report) -> None:
    page = Page(as_html(made))
    assert {tag for tag, _ in page.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "main", "a", "h1", "h2", "span", "dl", "div", "dt", "dd"),
        *("ul", "ol", "li", "code", "br", "p", "pre", "i", "b", "details", "summary", "table", "thead", "tbody"),
        *("tr", "th", "td"),
    }
    for _, attributes in page.tags:
        assert not any(name.startswith("on") or name == "src" for name in attributes)
        assert (attributes.get("href") or "#").startswith("#")
        assert "url(" not in (attributes.get("style") or "")
    [policy] = [found for _, found in page.tags if found.get("http-equiv") == "Content-Security-Policy"]
    assert (policy["content"] or "").startswith("default-src 'none';")


@each
def test_every_text_is_one_that_utf_8_has_and_a_terminal_takes(made: Report) -> None:
    for text in (as_html(made), as_markdown(made), as_document(made)):
        text.encode("utf-8")
        assert set(text) & {"\x1b", "\u202e", "\x00"} == set()


def test_the_page_says_what_the_build_took_and_why() -> None:
    text = " ".join(Page(as_html(from_record("cold", images={"binary": IMAGE}))).text.split())
    for said in ("built", "3.4 s", "8 run, 0 cached", "Size of app:binary4 MB", "RUN make", "75%"):
        assert said in text
    assert "ran because no earlier build with a report is known here" in text


def test_a_build_that_was_cached_from_end_to_end_says_so() -> None:
    cached = report([vertex("a", "[app 1/1] RUN x", cached=True)])
    assert "None had to" in as_html(cached)


def test_a_row_says_to_a_screen_reader_all_that_it_shows() -> None:
    labels = [row["aria-label"] or "" for row in Page(as_html(failure())).classes("row")]
    [failed] = [label for label in labels if ", failed, " in label]
    assert failed.startswith("source app 4, RUN echo source; ")
    assert any(label.endswith(", on the critical path") for label in labels)


def test_the_critical_path_is_marked_by_a_sign_too() -> None:
    made = from_record("cold")
    assert as_html(made).count('<span class="glyph">◆</span>') == len(made.critical_path.steps)


def test_every_bar_lies_inside_the_plot() -> None:
    for made in EVERY:
        for bar in Page(as_html(made)).classes("bar")[4:]:
            left, width = (float(part) for part in re.findall(r"([\d.]+)%", (bar["style"] or "").replace("100%", "")))
            assert 0 <= left <= 100
            assert left + width <= 100.01


@pytest.mark.parametrize("seconds", [0.0, 0.003, 0.9, 59, 61, 600, 7200, 90_000])
def test_the_axis_has_a_few_marks_whatever_the_build_took(seconds: float) -> None:
    page = as_html(report([vertex("a", "[app 1/1] RUN x", end=seconds)]))
    axis = page.partition('<div class="axis"')[2].partition("</div>")[0]
    assert 1 <= axis.count("<b ") <= 9


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_and_bars_have_the_contrast_that_wcag_asks_for(colours: dict[str, str]) -> None:
    for background in ("page", "panel", "target"):
        assert contrast(colours["ink"], colours[background]) >= 4.5
    for text in ("quiet", "failed", "built"):
        assert contrast(colours[text], colours["page"]) >= 4.5
    assert contrast(colours["quiet"], colours["panel"]) >= 4.5
    for mark in ("run", "path", "cached", "focus"):
        assert contrast(colours[mark], colours["page"]) >= 3
    assert LIGHT.keys() == DARK.keys()


# Markdown


@each
def test_a_table_has_as_many_cells_in_each_row(made: Report) -> None:
    widths: list[int] = []
    for line in as_markdown(made).splitlines():
        if not line.startswith("|"):
            widths = []
            continue
        widths.append(line.count("|"))
        assert len(set(widths)) == 1, line


def test_nothing_of_a_step_is_markdown() -> None:
    text = as_markdown(EVERY[-1])
    shown = re.sub(r"</?(?:code|pre)>", "", text)
    assert "<" not in shown
    assert "](" not in shown
    assert "`" not in shown
    assert "javascript:" not in shown
    assert "@all" not in shown


def test_the_markdown_begins_with_the_result() -> None:
    first, _, second = as_markdown(failure()).splitlines()[:3]
    assert first == "## app&#58;binary: failed in 0.7 s"
    assert second.startswith("4 run, 9 cached")


# JSON


@each
def test_the_document_is_json_with_a_version(made: Report) -> None:
    data = json.loads(as_document(made))
    assert data["schema_version"] == 1
    assert [step["id"] for step in data["steps"]] == [step.id for step in made.steps]
    assert set(data["critical_path"]["steps"]) <= {step.id for step in made.steps}


def test_the_document_says_when_and_how_long() -> None:
    data = json.loads(as_document(report([vertex("a", "[app 1/1] RUN x", start=0.5, end=2.0)])))
    assert data["began"] == "1970-01-01T00:16:40.500000+00:00"
    assert data["seconds"] == 1.5
    [step] = data["steps"]
    assert (step["start"], step["end"], step["seconds"], step["layer"]) == (0.0, 1.5, 1.5, None)


# Putting it together


def test_what_is_missing_is_noted() -> None:
    assert "the engine told nothing of its steps" in report([]).notes
    assert "7 more steps" in report([vertex("a", "x")], unseen=7).notes[0]


def test_steps_of_several_targets_are_explained_each_by_its_own() -> None:
    no_cache, nothing = Compared(None, None, no_cache=True), Compared(None, None)
    made = from_record("failure", compared={"binary": no_cache, "source": nothing})
    told = {made.step(cause.step).target: cause.reasons[0] for cause in made.causes}
    assert "--docker-no-cache" in told["binary"]
    assert "no earlier build" in told["source"]


def test_a_run_is_shown_by_its_command_and_a_copy_with_where_it_comes_from() -> None:
    run = vertex("a", "[app 1/2] RUN --mount=type=cache,target=/x     poetry install")
    page = as_html(report([run, vertex("b", "[app 2/2] COPY --from=deps /a /b", "a")]))
    labels = [row["aria-label"] or "" for row in Page(page).classes("row")]
    assert labels[0].startswith("app 1, RUN poetry install, run")
    assert labels[1].startswith("app 2, COPY --from=deps /a /b, run")
    # The table has all of it.
    assert "--mount=type=cache,target=/x" in page.partition('<h2 id="steps">')[2]
