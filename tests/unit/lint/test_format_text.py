from __future__ import annotations

import io
from pathlib import Path

import pytest

from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.lint.formats.excerpt import marked_line
from poetry_gpu_build.lint.formats.interface import Style
from poetry_gpu_build.lint.formats.text import TextFormat

from ..patience import ends_soon
from .reports import ROOT
from .reports import found
from .reports import found_at
from .reports import on_file
from .reports import replacing
from .reports import report
from .reports import shown
from .reports import source


def under(line: str, marked: str, *, limit: int = 80) -> tuple[str, str]:
    start = line.index(marked)
    return marked_line(line, start, start + len(marked), limit)


def test_a_finding_is_shown_with_its_place_its_line_a_caret_run_and_its_help() -> None:
    of = source()
    finding = found(
        of, "pip install numpy", advice="put it into the first one", fix=replacing(of, "RUN pip", "", title="x")
    )
    assert shown("text", report(finding)) == (
        "docker/Dockerfile:3:5: error[GPU101] [*] a second pip command\n"
        "  |\n"
        "3 | RUN pip install numpy\n"
        "  |     ^^^^^^^^^^^^^^^^^\n"
        "  = help: put it into the first one\n"
        "  = fix: x\n"
        "\n"
        "Found 1 error; 1 fixable with --fix.\n"
    )


def test_without_findings_it_says_only_that_all_is_well() -> None:
    assert shown("text", report()) == "All checks passed!\n"
    assert shown("text", report(), statistics=True) == "All checks passed!\n"


def test_the_summary_counts_by_severity_and_by_what_fixes_them() -> None:
    of = source()
    findings = (
        found(of, "FROM", fix=replacing(of, "FROM", "")),
        found(of, "base", fix=replacing(of, "base", "", safe=False)),
        found(of, "torch", severity="warning"),
        found(of, "RUN", severity="info"),
        found(of, "pip", severity="info"),
    )
    last = shown("text", report(*findings, fixed=2)).splitlines()[-1]
    assert last == (
        "Fixed 2 findings. Found 2 errors, 1 warning, 2 info; 1 fixable with --fix, 1 more fixable with --unsafe-fixes."
    )
    assert shown("text", report(fixed=1)) == "Fixed 1 finding. All checks passed!\n"


def test_only_safe_fixes_are_marked() -> None:
    of = source()
    text = shown("text", report(found(of, "FROM", fix=replacing(of, "FROM", "", safe=False, title="drop it"))))
    assert "[*]" not in text
    assert "= unsafe fix: drop it\n" in text
    assert text.endswith("Found 1 error; 1 fixable with --unsafe-fixes.\n")


def test_a_finding_on_a_file_as_a_whole_has_no_excerpt() -> None:
    assert shown("text", report(on_file())).startswith("docker/Dockerfile: error[GPU305] the lock is not ignored\n\n")


def test_statistics_count_each_rule_the_most_frequent_first() -> None:
    of = source()
    fix = replacing(of, "FROM", "")
    many = [found_at(of, at, at + 1, code="GPU102", severity="warning") for at in range(10)]
    findings = [*many, found(of, "FROM", code="GPU401", fix=fix), found(of, "FROM", code="GPU101")]
    assert shown("text", report(*findings), statistics=True) == (
        "10 warning GPU102 [ ] pip-after-poetry\n"
        " 1 error   GPU101 [ ] single-pip-command\n"
        " 1 error   GPU401 [*] sidecar-publishes-port\n"
        "Found 2 errors, 10 warnings; 1 fixable with --fix.\n"
    )


def test_colors_come_only_when_they_are_asked_for_and_change_no_character() -> None:
    of = source()
    one = report(found(of, "torch", advice="no"))
    plain, colored = shown("text", one), shown("text", one, color=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31merror[GPU101]\x1b[0m" in colored
    for code in ("1", "0", "1;31", "1;34", "1;36"):
        colored = colored.replace(f"\x1b[{code}m", "")
    assert colored == plain


def test_a_file_outside_the_project_is_named_by_its_whole_path() -> None:
    text = shown("text", report(found(source("FROM a\n", Path("/elsewhere/Dockerfile")), "a")))
    assert text.startswith("/elsewhere/Dockerfile:1:6: ")


@pytest.mark.parametrize(
    ("line", "marked", "expected"),
    [
        ("\tRUN pip", "pip", ("    RUN pip", "        ^^^")),
        ("ab\tcd", "cd", ("ab  cd", "    ^^")),
        ("a\tb", "\t", ("a   b", " ^^^")),
        ("語語 pip", "pip", ("語語 pip", "     ^^^")),
        ("RUN 語語 x", "語語", ("RUN 語語 x", "    ^^^^")),
        ("e\u0301e\u0301 pip", "pip", ("e\u0301e\u0301 pip", "   ^^^")),
        ("\x1b[31mred\x1b[0m", "red", (r"\x1b[31mred\x1b[0m", "        ^^^")),
        ("a\x00b", "b", (r"a\x00b", "     ^")),
        ("caf\udcc3 pip", "pip", (r"caf\xc3 pip", "        ^^^")),
        ("a\u202ecod\u202c b", "b", ("a\\u202ecod\\u202c b", " " * 17 + "^")),
        ("RUN\xa0pip", "pip", (r"RUN\xa0pip", "       ^^^")),
        ("\ufeffFROM a", "FROM", ("FROM a", "^^^^")),
        ("Ａ pip", "pip", ("Ａ pip", "   ^^^")),  # noqa: RUF001
        ("🚀 pip", "pip", ("🚀 pip", "   ^^^")),
        ("RUN pip", "", ("RUN pip", "^")),
    ],
)
def test_the_carets_stand_under_the_characters(line: str, marked: str, expected: tuple[str, str]) -> None:
    assert under(line, marked) == expected


@pytest.mark.parametrize(("start", "end"), [(3, 3), (3, 4), (9, 12)])
def test_behind_the_line_stands_one_caret(start: int, end: int) -> None:
    assert marked_line("RUN", start, end, 80) == ("RUN", "   ^")


def test_a_mark_on_an_empty_line_is_one_caret() -> None:
    assert marked_line("", 0, 0, 80) == ("", "^")


@pytest.mark.parametrize("at", [0, 1, 39, 40, 41, 500, 958, 959, 995])
def test_a_long_line_is_cut_around_the_caret(at: int) -> None:
    line = "".join(chr(ord("a") + number % 26) for number in range(1000))
    text, carets = marked_line(line, at, at + 5, 80)
    indent = len(carets) - len(carets.lstrip())
    assert text[indent : indent + 5] == line[at : at + 5]
    assert carets.strip() == "^^^^^"
    assert len(text) <= 80
    assert text.startswith("...") == (not line.startswith(text[:10]))
    assert text.endswith("...") == (not line.endswith(text[-10:]))


@pytest.mark.parametrize("letters", ["e\u0301", "ae\u0301"])
@pytest.mark.parametrize("limit", range(60, 66))
def test_a_line_is_not_cut_between_a_letter_and_its_accent(letters: str, limit: int) -> None:
    text, carets = under(letters * 200 + "X", "X", limit=limit)
    assert text.startswith(("...e", "...a"))
    assert len(carets) == len(text.replace("\u0301", ""))


def test_a_mark_longer_than_the_width_is_cut_with_the_line() -> None:
    text, carets = marked_line("x" * 1000, 0, 1000, 80)
    assert len(carets) < len(text) <= 80


def test_a_line_of_a_megabyte_costs_nothing() -> None:
    line = "\t語\u0301\x1b" * 250_000
    with ends_soon():
        text, _ = marked_line(line, 500_000, 900_000, 80)
    assert len(text) < 200


def test_a_finding_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    of = source("RUN a \\\n  && b\n")
    assert "1 | RUN a \\\n  |     ^^^\n" in shown("text", report(found(of, "a \\\n  && b")))


def test_a_finding_at_the_end_of_the_file_is_shown_on_the_line_that_would_follow() -> None:
    assert "\n2 |\n  | ^\n" in shown("text", report(found(source("FROM a\n"), "")))
    assert "\n1 |\n  | ^\n" in shown("text", report(found(source(""), "")))


def test_nothing_that_a_file_or_a_name_holds_reaches_the_terminal_as_a_command() -> None:
    of = source("RUN \x1b]0;owned\x07 \r\x9b2J\n", ROOT / "a\x1b[2Jb\nc")
    hostile = "\x1b[2J\nAll checks passed!\r\x9b"
    finding = found(of, "RUN", message=hostile, advice=hostile, fix=replacing(of, "RUN", "", title=hostile))
    text = shown("text", report(finding))
    assert all(character.isprintable() or character == "\n" for character in text)
    assert text.startswith(r"a\x1b[2Jb\nc:1:1: error[GPU101] [*] \x1b[2J\nAll checks passed!\r\x9b")
    assert "\nAll checks" not in text


def test_a_help_may_have_several_lines() -> None:
    text = shown("text", report(found(source(), "FROM", advice="write:\n  RUN a")))
    assert "  = help: write:\n            RUN a\n" in text


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_stream_that_cannot_show_a_character_shows_its_escape(encoding: str) -> None:
    of = source("RUN é語 \ud800\n")
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    TextFormat(Style()).write(report(found(of, "é語", message="é語 \udcff \ud800")), stream)
    stream.flush()
    assert b"error[GPU101]" in raw.getvalue()


def test_the_line_number_sets_the_width_of_the_gutter() -> None:
    of = source("\n" * 99 + "RUN a\n")
    assert "    |\n100 | RUN a\n    | ^^^\n    = help: b\n" in shown("text", report(found(of, "RUN", advice="b")))


def test_a_place_that_is_not_in_its_line_spoils_nothing() -> None:
    finding = found(source(), "FROM")
    astray = finding._replace(where=Position(finding.where.path, 1, 999), end=Position(finding.where.path, 1, 2))
    assert "  |          ^\n" in shown("text", report(astray))
