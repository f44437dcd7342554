"""The report's page in a real browser: what is drawn, what is fetched, how far a keyboard gets."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.report.html import as_html
from poetry_gpu_build.report.invalidation import Compared
from poetry_gpu_build.report.make import Told
from poetry_gpu_build.report.make import make_report
from poetry_gpu_build.report.status import Interval
from poetry_gpu_build.report.status import StatusReader
from poetry_gpu_build.report.status import Vertex

from .harness.chromium import Chromium
from .harness.machine import why_not
from .harness.plugin import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECORDED = CHECKOUT / "tests/unit/report/recorded"
HOSTILE = "<script>document.title='taken'</script><img src=https://example.org/x onerror=alert(1)>\"'"
TAB, ENTER = ("Tab", 9), ("Enter", 13)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    reason = why_not()
    if reason is not None:
        if os.environ.get("GPU_BUILD_E2E") == "require":
            pytest.fail(f"the end-to-end tests cannot run here: {reason}", pytrace=False)
        pytest.skip(reason)
    with Chromium() as running:
        yield running


def recorded(name: str) -> tuple[Vertex, ...]:
    reader = StatusReader()
    list(reader.feed((RECORDED / f"{name}-0.13.1.txt").read_bytes()))
    list(reader.finish())
    return reader.vertices


def many_steps() -> tuple[Vertex, ...]:
    """Twelve stages of 25 steps, each named with what would hurt if it were not escaped."""
    made = []
    for number in range(300):
        stage, step = divmod(number, 25)
        before = (f"d{number - 1}",) if step else ()
        start = 1000.0 + stage * 40 + step * 10
        name = f"[stage{stage} {step + 1}/25] RUN {HOSTILE} --number {number}"
        made.append(Vertex(f"d{number}", name, before, (Interval(start, start + 10, is_cached=False),), "", (), ()))
    return tuple(made)


PAGES = {
    "cold": (recorded("cold"), ("binary",), "built"),
    "failure": (recorded("failure"), ("binary", "source"), "failed"),
    "interrupted": (recorded("interrupted"), ("x", "y"), "interrupted"),
    "many": (many_steps(), ("binary",), "built"),
    "empty": ((), ("binary",), "failed"),
}


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return written(request.param, tmp_path)


def written(name: str, folder: Path) -> Path:
    vertices, targets, outcome = PAGES[name]
    told = Told(
        title=f"hello-gpu:{name}",
        outcome=outcome,  # type: ignore[arg-type]
        error="" if outcome == "built" else f"the build failed: {HOSTILE}",
        engine="buildx 0.13.1",
        vertices=vertices,
        unseen=0,
        compared={target: Compared(None, None) for target in targets},
        images={},
    )
    path = folder / f"{name}.html"
    path.write_text(as_html(make_report(told, lambda text: text)), encoding="utf-8")
    return path


def rows(browser: Chromium) -> int:
    found: int = browser.value("document.querySelectorAll('tbody tr[id]').length")
    return found


def events(browser: Chromium, *methods: str) -> list[dict[str, Any]]:
    return [event for event in browser.events if event["method"] in methods]


def test_nothing_is_fetched_and_nothing_is_complained_of(browser: Chromium, page: Path) -> None:
    browser.open(page)
    asked = [event["params"]["request"]["url"] for event in events(browser, "Network.requestWillBeSent")]
    assert asked == [page.as_uri()]
    assert events(browser, "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown") == []
    assert browser.value("document.title").startswith("hello-gpu:")
    assert browser.value("document.scripts.length + document.images.length") == 0


def test_each_step_has_a_bar_that_can_be_seen(browser: Chromium, page: Path) -> None:
    browser.open(page)
    boxes = browser.value(
        """[...document.querySelectorAll('.plot')].map(plot => {
            const bar = plot.firstElementChild.getBoundingClientRect(), whole = plot.getBoundingClientRect();
            return [bar.width, bar.height, bar.left - whole.left, whole.right - bar.right];
        })"""
    )
    assert len(boxes) == rows(browser)
    for width, height, left, right in boxes:
        assert width >= 2.9
        assert height >= 8
        assert left >= -0.5
        assert right >= -0.5


@pytest.mark.parametrize("width", [320, 768, 1600])
def test_no_window_is_too_narrow(browser: Chromium, page: Path, width: int) -> None:
    browser.open(page, width=width)
    # What is wide scrolls by itself; the page does not.
    assert browser.value("document.documentElement.scrollWidth <= window.innerWidth")


def style_of(browser: Chromium, element: str, *properties: str) -> list[str]:
    values = ", ".join(f"style.{name}" for name in properties)
    found: list[str] = browser.value(
        f"(() => {{ const style = getComputedStyle(document.querySelector('{element}')); return [{values}]; }})()"
    )
    return found


def test_in_the_dark_the_page_is_dark(browser: Chromium, tmp_path: Path) -> None:
    page = written("failure", tmp_path)
    browser.open(page)
    light = style_of(browser, "body", "backgroundColor", "color")
    browser.open(page, dark=True)
    dark = style_of(browser, "body", "backgroundColor", "color")
    assert light == ["rgb(255, 255, 255)", "rgb(28, 33, 38)"]
    assert dark == ["rgb(20, 24, 29)", "rgb(232, 235, 238)"]


def focused(browser: Chromium) -> tuple[str, str]:
    """The class and the address of what has the focus."""
    kind, address = browser.value(
        "[document.activeElement.className || document.activeElement.tagName, "
        "document.activeElement.getAttribute('href') || '']"
    )
    return kind, address


def test_a_keyboard_reaches_every_row_in_its_order_and_the_focus_is_seen(browser: Chromium, tmp_path: Path) -> None:
    browser.open(written("failure", tmp_path))
    browser.press(*TAB)
    assert focused(browser) == ("skip", "#steps")
    assert browser.value("document.activeElement.getBoundingClientRect().left") > 0
    reached = []
    for _ in range(200):
        browser.press(*TAB)
        kind, address = focused(browser)
        if kind == "scroll":
            break
        if kind == "row":
            outline = browser.value(
                "(() => { const style = getComputedStyle(document.activeElement);"
                " return [style.outlineStyle, parseFloat(style.outlineWidth)]; })()"
            )
            assert outline[0] == "solid"
            assert outline[1] >= 2
            reached.append(address)
    assert reached == [f"#s{number}" for number in range(1, rows(browser) + 1)]


def test_a_row_leads_to_its_line_of_the_table(browser: Chromium, tmp_path: Path) -> None:
    browser.open(written("cold", tmp_path))
    browser.value("document.querySelectorAll('.row')[7].focus()")
    browser.press(*ENTER, text="\r")
    assert browser.value("location.hash") == "#s8"
    assert browser.value("document.querySelector('tr:target').id") == "s8"
    top = browser.value("document.querySelector('tr:target').getBoundingClientRect().top")
    assert 0 <= top < browser.value("window.innerHeight")


def test_a_stage_is_folded_by_a_key(browser: Chromium, tmp_path: Path) -> None:
    browser.open(written("cold", tmp_path))
    browser.value("document.querySelector('summary').focus()")
    browser.press(*ENTER, text="\r")
    assert browser.value("document.querySelector('details').open") is False


def test_the_skip_link_skips(browser: Chromium, tmp_path: Path) -> None:
    browser.open(written("many", tmp_path))
    browser.press(*TAB)
    browser.press(*ENTER, text="\r")
    browser.press(*TAB)
    assert focused(browser) == ("scroll", "")


def test_a_screen_reader_hears_what_the_picture_shows(browser: Chromium, tmp_path: Path) -> None:
    browser.open(written("failure", tmp_path))
    nodes = browser.ask("Accessibility.getFullAXTree")["nodes"]
    told = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node.get("ignored")]
    names = [name for role, name in told if role == "link"]
    assert any(name.startswith("source app 4, RUN echo source;") and ", failed, " in name for name in names)
    assert [name for role, name in told if role == "heading"][:3] == [
        "hello-gpu:failure",
        "What failed",
        "Why steps ran",
    ]
    assert {"table", "columnheader", "region", "main"} <= {role for role, _ in told}
