from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.lint.fixes import apply_fixes
from poetry_gpu_build.lint.suppression import Comment
from poetry_gpu_build.lint.suppression import Directive
from poetry_gpu_build.lint.suppression import Mistake
from poetry_gpu_build.lint.suppression import Suppressions
from poetry_gpu_build.lint.suppression import Verdict
from poetry_gpu_build.lint.suppression import parse_suppressions
from poetry_gpu_build.lint.suppression import suppress
from poetry_gpu_build.lint.suppression import unused_fix

from ..patience import ends_soon
from .reports import found_at
from .reports import on_file
from .reports import source

if TYPE_CHECKING:
    from poetry_gpu_build.documents.source import Source

KNOWN = ("GPU101", "GPU102", "GPU401")


def comments(of: Source, *, reach: int = 1) -> list[Comment]:
    """Every comment of a text, each speaking for its own line and for ``reach`` more."""
    found = []
    for match in re.finditer(r"#[^\r\n]*", of.text):
        line = of.position(match.start()).line
        found.append(Comment(match[0], match.start(), line, line + reach))
    return found


def parsed(text: str) -> Suppressions:
    return parse_suppressions(comments(source(text)), KNOWN)


def one(text: str) -> Directive:
    (directive,) = parsed(text).directives
    return directive


def mistake(text: str) -> Mistake:
    (found,) = parsed(text).mistakes
    return found


def judged(text: str, *findings: tuple[str, int], reach: int = 1, active: tuple[str, ...] = KNOWN) -> Verdict:
    """The verdict over findings, each a code and the line on which it begins."""
    of = source(text)
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    made = [
        on_file(code=code) if not line else found_at(of, starts[line - 1], starts[line - 1], code=code)
        for code, line in findings
    ]
    return suppress(made, parse_suppressions(comments(of, reach=reach), KNOWN).directives, active)


def kept(*args: tuple[str, int], text: str, reach: int = 1) -> list[tuple[str, int]]:
    return [(finding.code, finding.where.line) for finding in judged(text, *args, reach=reach).kept]


def unused(text: str, *findings: tuple[str, int], active: tuple[str, ...] = KNOWN) -> list[str]:
    return [named.code for some in judged(text, *findings, active=active).unused for named in some.codes]


def cleaned(text: str, *findings: tuple[str, int]) -> str:
    """The text after the fixes of all unused suppressions, round by round."""
    while True:
        of = source(text)
        fixes = [unused_fix(of, some) for some in judged(text, *findings).unused]
        found = [found_at(of, fix.edits[0].start, fix.edits[0].start, code="GPU902", fix=fix) for fix in fixes]
        texts = apply_fixes({of.path: of}, found, unsafe=True).texts
        if not texts:
            return text
        text = texts[of.path]


# --- reading


@pytest.mark.parametrize(
    ("text", "codes", "whole_file", "reason"),
    [
        ("# gpu-build: ignore[GPU101] the vendor needs it", ["GPU101"], False, "the vendor needs it"),
        ("# gpu-build: ignore[GPU101, GPU102]", ["GPU101", "GPU102"], False, ""),
        ("# gpu-build: ignore-file[GPU401]", ["GPU401"], True, ""),
        ("#gpu-build:ignore[GPU101]", ["GPU101"], False, ""),
        ("#\tgpu-build : ignore [ GPU101 ,GPU102,] x", ["GPU101", "GPU102"], False, "x"),
        ("ports: # why # gpu-build: ignore[GPU101] é語\r\n", ["GPU101"], False, "é語"),
        ("# gpu-build: ignore[GPU101] [see](x)", ["GPU101"], False, "[see](x)"),
    ],
)
def test_a_suppression_names_rules_and_a_reason(text: str, codes: list[str], whole_file: bool, reason: str) -> None:
    directive = one(text)
    assert [named.code for named in directive.codes] == codes
    assert [text[named.start : named.end] for named in directive.codes] == codes
    assert (directive.whole_file, directive.reason) == (whole_file, reason)
    assert text[directive.start] == "#"
    assert text[: directive.end].endswith(reason or "]")
    assert parsed(text).mistakes == ()


def test_one_comment_may_hold_two() -> None:
    first, second = parsed("# gpu-build: ignore[GPU101] a # gpu-build: ignore-file[GPU102] b").directives
    assert (first.reason, second.reason) == ("a", "b")


@pytest.mark.parametrize(
    "text",
    [
        "# an ordinary comment",
        "# poetry gpu-build: ignore[GPU101]",
        "# gpu-build lint ignores this",
        "# gpu-build ignores the lock",
        "# gpu-build: see the docs",
        "# gpu-builder: ignore[GPU101]",
        "# see docs/gpu-build",
        "#",
    ],
)
def test_prose_is_no_suppression(text: str) -> None:
    assert parsed(text) == Suppressions((), ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# gpu-build: ignore", "a suppression must name its rules in brackets"),
        ("# gpu-build: ignore GPU101", "a suppression must name its rules in brackets"),
        ("# gpu-build: ignore-file", "a suppression must name its rules in brackets"),
        ("# gpu-build: ignore[]", "this suppression names no rule"),
        ("# gpu-build: ignore[ , ]", "this suppression names no rule"),
        ("# gpu-build: ignore[GPU101", "the bracket of this suppression is not closed"),
        ("# gpu-build: ignore[GPU101 # gpu-build", "the bracket of this suppression is not closed"),
        ("# gpu-build ignore[GPU101]", "a suppression needs a colon after `gpu-build`"),
        ("# gpu-build: ingore[GPU101]", "there is no suppression `ingore`"),
        ("# gpu-build: ignore-next-line[GPU101]", "there is no suppression `ignore-next-line`"),
        ("# gpu-build: Ignore[GPU101]", "there is no suppression `Ignore`"),
        ("# gpu-build: [GPU101]", "there is no suppression ``"),
    ],
)
def test_what_was_meant_as_a_suppression_and_is_none_is_said(text: str, message: str) -> None:
    found = mistake(text)
    assert found.message == message
    assert found.help.startswith("write `# gpu-build: ignore[")
    assert text[found.start : found.end].startswith("# gpu-build")
    assert parsed(text).directives == ()


@pytest.mark.parametrize(
    ("code", "help_"),
    [
        ("GPU999", "`poetry gpu-build rule` lists the rules"),
        ("gpu101", "write GPU101"),
        ("GPU101 GPU102", "`poetry gpu-build rule` lists the rules"),
    ],
)
def test_an_unknown_rule_is_said_and_the_known_one_beside_it_still_counts(code: str, help_: str) -> None:
    text = f"# gpu-build: ignore[{code}, GPU401] x\nRUN\n"
    found = mistake(text)
    assert (found.message, found.help) == (f"there is no rule `{code}`", help_)
    assert text[found.start : found.end] == code
    assert kept(("GPU401", 2), text=text) == []


# --- silencing


def test_a_suppression_silences_its_rules_on_its_lines_only() -> None:
    text = "# gpu-build: ignore[GPU101]\nRUN a\nRUN b\n"
    assert kept(("GPU101", 1), ("GPU101", 2), ("GPU102", 2), ("GPU101", 3), text=text) == [("GPU102", 2), ("GPU101", 3)]


def test_a_comment_inside_an_instruction_silences_the_instruction_that_the_caller_says() -> None:
    text = "RUN a \\\n  # gpu-build: ignore[GPU101]\n  && b\n"
    directive = Comment("# gpu-build: ignore[GPU101]", text.index("#"), 1, 3)
    finding = found_at(source(text), 0, 3)
    assert suppress([finding], parse_suppressions([directive], KNOWN).directives, KNOWN).suppressed == (finding,)


def test_a_file_wide_suppression_silences_the_file_as_a_whole_too() -> None:
    text = "# gpu-build: ignore-file[GPU101]\nRUN a\n"
    assert kept(("GPU101", 0), ("GPU101", 2), text=text) == []


def test_a_suppression_of_lines_does_not_silence_the_file_as_a_whole() -> None:
    assert kept(("GPU101", 0), text="# gpu-build: ignore[GPU101]\n") == [("GPU101", 0)]


def test_the_kept_and_the_suppressed_are_all_in_their_order() -> None:
    verdict = judged("# gpu-build: ignore[GPU101]\na\nb\n", ("GPU101", 3), ("GPU101", 2), ("GPU102", 1))
    assert [finding.where.line for finding in (*verdict.kept, *verdict.suppressed)] == [3, 1, 2]


# --- the unused


def test_a_suppression_that_silences_nothing_is_unused() -> None:
    assert unused("# gpu-build: ignore[GPU101, GPU102] x\nRUN\n", ("GPU102", 2)) == ["GPU101"]


def test_what_a_rule_that_did_not_run_would_find_is_not_known() -> None:
    assert unused("# gpu-build: ignore[GPU101, GPU999]\n", active=("GPU102",)) == []


def test_a_code_that_is_named_twice_is_unused_the_second_time() -> None:
    (some,) = judged("# gpu-build: ignore[GPU101, GPU101]\nRUN\n", ("GPU101", 2)).unused
    assert some.codes == some.directive.codes[1:]


def test_of_two_suppressions_the_nearer_one_is_used() -> None:
    text = "# gpu-build: ignore-file[GPU101]\n# gpu-build: ignore[GPU101]\nRUN\n"
    (some,) = judged(text, ("GPU101", 3)).unused
    assert some.directive.whole_file
    assert judged(text, ("GPU101", 3), ("GPU101", 0)).unused == ()


@pytest.mark.parametrize(
    ("text", "used", "expected"),
    [
        ("FROM a\n# gpu-build: ignore[GPU101] x\nRUN b\n", [], "FROM a\nRUN b\n"),
        ("FROM a\r\n  # gpu-build: ignore[GPU101]  \r\nRUN b\r\n", [], "FROM a\r\nRUN b\r\n"),
        ("FROM a\n# gpu-build: ignore[GPU101]", [], "FROM a\n"),
        ("\ufeff# gpu-build: ignore[GPU101]\nFROM a\n", [], "\ufeffFROM a\n"),
        ("ports: [1]  # gpu-build: ignore[GPU101] x\nb: 1\n", [], "ports: [1]\nb: 1\n"),
        ("ports: [1]  # gpu-build: ignore[GPU101] x\r\nb: 1\r\n", [], "ports: [1]\r\nb: 1\r\n"),
        ("ports: [1]\t # gpu-build: ignore[GPU101] x\n", [], "ports: [1]\n"),
        ("a: 1 # why # gpu-build: ignore[GPU101] x\n", [], "a: 1 # why\n"),
        ("# gpu-build: ignore[GPU101] x # gpu-build: ignore[GPU102] y\nRUN\n", [], "RUN\n"),
        (
            "# gpu-build: ignore[GPU101] x # gpu-build: ignore[GPU102] y\nRUN\n",
            [("GPU102", 2)],
            "# gpu-build: ignore[GPU102] y\nRUN\n",
        ),
        ("# gpu-build: ignore[GPU101, GPU102] x\nRUN\n", [("GPU102", 2)], "# gpu-build: ignore[GPU102] x\nRUN\n"),
        ("# gpu-build: ignore[ GPU101,GPU102 ] x\nRUN\n", [("GPU101", 2)], "# gpu-build: ignore[ GPU101 ] x\nRUN\n"),
        ("# gpu-build: ignore[GPU101, GPU999]\nRUN\n", [], "# gpu-build: ignore[GPU999]\nRUN\n"),
        ("# gpu-build: ignore-file[GPU401]\nservices: {}\n", [], "services: {}\n"),
        ("*\n# gpu-build: ignore[GPU101]\n!a\udcff\n", [], "*\n!a\udcff\n"),
    ],
)
def test_the_fix_of_an_unused_suppression_leaves_nothing_of_it(
    text: str, used: list[tuple[str, int]], expected: str
) -> None:
    assert cleaned(text, *used) == expected


def test_the_fix_is_not_safe_where_it_would_make_a_parser_directive_of_the_next_line() -> None:
    of = source("# gpu-build: ignore-file[GPU101]\n# syntax=docker/dockerfile:1\nFROM a\n")
    (some,) = judged(of.text).unused
    assert not unused_fix(of, some).is_safe


def test_the_fix_says_what_it_removes() -> None:
    of = source("# gpu-build: ignore[GPU101, GPU102] x\nRUN\n")
    (all_of_it,) = judged(of.text).unused
    (one_code,) = judged(of.text, ("GPU102", 2)).unused
    assert unused_fix(of, all_of_it).title == "remove the unused suppression of GPU101, GPU102"
    assert unused_fix(of, one_code).title == "remove GPU101 from the suppression"
    assert unused_fix(of, one_code).is_safe


# --- hostile comments


@pytest.mark.parametrize(
    "text",
    [
        "#" * 1_000_000 + "gpu-build",
        "#" + " " * 1_000_000 + "gpu-build",
        "# gpu-build" + " " * 1_000_000,
        "# gpu-build:" + " " * 1_000_000 + "ignore" + " " * 1_000_000,
        "# gpu-build: ignore[" * 50_000,
        "# gpu-build: ignore[" + " " * 1_000_000,
        "# gpu-build: ignore[" + "GPU101," * 100_000 + "]",
        "# gpu-build: ignore[" + "a " * 500_000 + "]",
        "# gpu-build: ignore[\x1b\udcff\x00]",
    ],
    ids=["hashes", "spaces", "no-colon", "spaced-word", "open", "open-spaces", "codes", "one-code", "bytes"],
)
def test_no_comment_takes_long_to_read(text: str) -> None:
    with ends_soon():
        parsed(text)
