from __future__ import annotations

import os
import random
import subprocess
from shutil import which
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.fixes import apply_fixes
from poetry_gpu_build.lint.fixes import unified_diff

from .reports import DOCKERFILE
from .reports import ROOT
from .reports import edit
from .reports import found
from .reports import found_at
from .reports import replacing
from .reports import source

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.fixes import FixResult

ALPHABET = "abcdefghij"


def mending(of: Source, *edits: tuple[int, int, str], safe: bool = True) -> Finding:
    """A finding at the first edit, with a fix of all of them."""
    made = tuple(Edit(of.path, start, end, text) for start, end, text in edits)
    return found_at(of, edits[0][0], edits[0][1], fix=Fix("mend", made, is_safe=safe))


def mended(of: Source, *findings: Finding, unsafe: bool = False) -> str:
    return apply_fixes({of.path: of}, findings, unsafe=unsafe).texts.get(of.path, of.text)


# --- applying


def test_a_fix_changes_its_characters_and_no_other() -> None:
    of = source("\ufeffFROM a\r\nRUN \udcff\udcfe b\r\n\x00\tend")
    assert mended(of, found(of, "b", fix=replacing(of, "b", "c"))) == "\ufeffFROM a\r\nRUN \udcff\udcfe c\r\n\x00\tend"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0, 2, "X"), (4, 6, "Y"), "XcdYghij"),
        ((0, 2, "X"), (2, 4, "Y"), "XYefghij"),
        ((0, 3, "X"), (2, 4, "Y"), "Xdefghij"),
        ((0, 9, "X"), (2, 4, "Y"), "Xj"),
        ((0, 4, "X"), (0, 4, "Y"), "Xefghij"),
        ((3, 3, "X"), (3, 3, "Y"), "abcXdefghij"),
        ((1, 3, "X"), (3, 3, "Y"), "aXdefghij"),
        ((3, 3, "X"), (3, 5, "Y"), "abcXdefghij"),
        ((0, 5, "X"), (2, 2, "Y"), "Xfghij"),
        ((3, 3, "X"), (4, 4, "Y"), "abcXdYefghij"),
        ((0, 0, "X"), (10, 10, "Y"), "XabcdefghijY"),
    ],
)
def test_of_two_fixes_that_meet_the_first_is_made(
    first: tuple[int, int, str], second: tuple[int, int, str], expected: str
) -> None:
    of = source(ALPHABET)
    one, other = mending(of, first), mending(of, second)
    result = apply_fixes({of.path: of}, [one, other], unsafe=False)
    assert result.texts[of.path] == expected
    both = "X" in expected and "Y" in expected
    assert (result.applied, result.left) == (((one, other), ()) if both else ((one,), (other,)))


def test_the_order_in_which_the_findings_come_does_not_matter() -> None:
    of = source(ALPHABET)
    findings = [mending(of, (at, at + 3, str(at))) for at in range(0, 8, 2)]
    assert mended(of, *findings) == mended(of, *findings[::-1]) == "0d4hij"


def test_a_fix_is_made_as_a_whole_or_not_at_all() -> None:
    one, other = source(ALPHABET), source(ALPHABET, ROOT / "compose.yml")
    first = mending(one, (2, 4, "X"))
    across = found_at(one, 5, 6, fix=Fix("both", (edit(other, "a", "Y"), edit(one, "c", "Y")), is_safe=True))
    result = apply_fixes({one.path: one, other.path: other}, [across, first], unsafe=False)
    assert (result.applied, result.left) == ((first,), (across,))
    assert result.texts == {one.path: "abXefghij"}


def test_a_fix_over_two_files_changes_both() -> None:
    one, other = source("a\n"), source("b\n", ROOT / "compose.yml")
    fix = Fix("both", (edit(one, "a", "c"), edit(other, "b", "d")), is_safe=True)
    result = apply_fixes({one.path: one, other.path: other}, [found(one, "a", fix=fix)], unsafe=False)
    assert result.texts == {one.path: "c\n", other.path: "d\n"}


def test_the_same_fix_of_two_findings_is_made_once_and_mends_both() -> None:
    of = source(ALPHABET)
    one, other = mending(of, (2, 4, "")), mending(of, (2, 4, ""))
    result = apply_fixes({of.path: of}, [one, other], unsafe=False)
    assert (result.texts[of.path], len(result.applied)) == ("abefghij", 2)


def test_an_unsafe_fix_is_made_only_when_it_is_asked_for() -> None:
    of = source(ALPHABET)
    finding = mending(of, (0, 1, "X"), safe=False)
    assert mended(of, finding) == ALPHABET
    assert mended(of, finding, unsafe=True) == "Xbcdefghij"


def test_edits_of_a_fix_may_come_in_any_order_and_touch() -> None:
    of = source(ALPHABET)
    assert mended(of, mending(of, (5, 7, "Y"), (0, 5, "X"), (7, 7, "Z"))) == "XYZhij"


def test_a_fix_may_make_a_file() -> None:
    of = source()
    fix = Fix("make it", (Edit(ROOT / ".dockerignore", 0, 0, "poetry.lock\n"),), is_safe=True)
    assert apply_fixes({of.path: of}, [found(of, "FROM", fix=fix)], unsafe=False).texts == {
        ROOT / ".dockerignore": "poetry.lock\n"
    }


def test_a_text_that_a_fix_leaves_as_it_is_is_not_among_the_changed() -> None:
    of = source(ALPHABET)
    assert apply_fixes({of.path: of}, [mending(of, (0, 1, "a"))], unsafe=False).texts == {}


@pytest.mark.parametrize("finding", [None, Fix("nothing", (), is_safe=True)])
def test_a_finding_without_an_edit_changes_nothing(finding: Fix | None) -> None:
    of = source(ALPHABET)
    result = apply_fixes({of.path: of}, [found(of, "a", fix=finding)], unsafe=True)
    assert (result.texts, result.applied, result.left) == ({}, (), ())


@pytest.mark.parametrize("edits", [((0, 3, ""), (2, 4, "")), ((0, 99, ""),), ((4, 2, ""),), ((-1, 2, ""),)])
def test_a_fix_that_cannot_be_meant_is_a_mistake_of_its_rule(edits: tuple[tuple[int, int, str], ...]) -> None:
    of = source(ALPHABET)
    fix = Fix("x", tuple(Edit(of.path, *one) for one in edits), is_safe=True)
    with pytest.raises(ValueError, match="the fix of GPU101 edits Dockerfile"):
        apply_fixes({of.path: of}, [found(of, "a", fix=fix)], unsafe=False)


def test_what_is_left_is_made_in_the_next_round_and_then_nothing_changes() -> None:
    text = "RUN pip a; pip b; pip c\n"
    rounds = []

    def lint(of: Source) -> FixResult:
        """A rule that finds `pip x; ` and removes it up to and with the next `pip`."""
        findings = [
            mending(of, (at, at + 10, "pip"))
            for at in range(len(of.text))
            if of.text[at:].startswith("pip ") and "; pip" in of.text[at : at + 10]
        ]
        return apply_fixes({of.path: of}, findings, unsafe=False)

    while texts := lint(source(text)).texts:
        text = texts[DOCKERFILE]
        rounds.append(text)
    assert rounds == ["RUN pip b; pip c\n", "RUN pip c\n"]


def test_the_fixes_that_are_made_are_those_that_meet_none_before_them() -> None:
    of = source("x" * 40)
    for seed in range(300):
        draw = random.Random(seed)
        spans = [(start, start + draw.choice((0, 0, 1, 3, 8))) for start in (draw.randrange(32) for _ in range(12))]
        findings = [mending(of, (*span, str(number))) for number, span in enumerate(spans)]
        made: list[tuple[int, int]] = []
        for span in sorted(spans, key=lambda span: span[0]):
            if not any(meet(span, other) for other in made):
                made.append(span)
        applied = apply_fixes({of.path: of}, findings, unsafe=False).applied
        assert sorted((finding.where.column - 1, finding.end.column - 1) for finding in applied) == sorted(made)


def meet(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """As the docstring of `apply_fixes` says it: they share a character, or touch where one of them inserts."""
    shared = set(range(*one)) & set(range(*other))
    touching = {one[0], one[1]} & {other[0], other[1]}
    inserts = one[0] == one[1] or other[0] == other[1]
    inside = one[0] <= other[0] <= one[1] or other[0] <= one[0] <= other[1]
    return bool(shared or (inserts and (touching or inside)))


def test_ten_thousand_fixes_of_one_file_are_quick() -> None:
    of = source("ab\n" * 10_000)
    findings = [mending(of, (at * 3, at * 3 + 1, "X")) for at in range(10_000)]
    assert mended(of, *findings) == "Xb\n" * 10_000


# --- the diff


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a\nb\nc\n", "a\nB\nc\n"),
        ("a\r\nb\r\n", "a\r\n"),
        ("a\nb", "a\nc"),
        ("a\nb", "a\nb\n"),
        ("a\nb\n", "a\nb"),
        ("a\x0cb\x85c\u2028d\re\n", "a\x0cb\x85c\u2028d\rf\n"),
        ("caf\udcc3\na\n", "caf\udcc3\nb\n"),
        ("\ufeffa\n", "\ufeffb\n"),
        ("", "a\n"),
        ("a\n", ""),
        (None, "new\n"),
        (None, "new"),
    ],
)
@pytest.mark.parametrize("name", ["Dockerfile", 'é \t"\\x'])
@pytest.mark.parametrize(
    "program",
    [
        ["git", "apply", "--whitespace=nowarn"],
        pytest.param(
            ["patch", "-p1", "--binary", "-s"],
            marks=pytest.mark.skipif(which("patch") is None, reason="there is no patch(1)"),
        ),
    ],
)
def test_git_and_patch_take_the_diff(tmp_path: Path, old: str | None, new: str, name: str, program: list[str]) -> None:
    path = tmp_path / "docker" / name
    path.parent.mkdir()
    if old is not None:
        path.write_bytes(old.encode("utf-8", "surrogateescape"))
    diff = unified_diff(f"docker/{name}", old, new).encode("utf-8", "surrogateescape")
    environment = {"PATH": os.environ["PATH"], "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
    subprocess.run(program, cwd=tmp_path, input=diff, check=True, env=environment)
    result = path.read_bytes() if path.exists() else b""  # patch removes a file that becomes empty
    assert result == new.encode("utf-8", "surrogateescape")


def test_the_diff_says_where_a_line_end_is_missing() -> None:
    assert unified_diff("a", "x", "y") == (
        "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+y\n\\ No newline at end of file\n"
    )


def test_without_a_change_there_is_no_diff() -> None:
    assert unified_diff("a", "x\n", "x\n") == ""
