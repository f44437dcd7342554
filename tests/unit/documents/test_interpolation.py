"""The rules of Compose's interpolation as tables; compose-go's own vectors are among them, in our words."""

from __future__ import annotations

import pytest

from poetry_gpu_build.documents.interpolation import MAXIMUM_NESTING
from poetry_gpu_build.documents.interpolation import interpolate
from poetry_gpu_build.documents.interpolation import mentioned

from ..patience import ends_soon

GIVEN = {"SET": "one", "EMPTY": "", "BRACES": '{"n":2}', "DOLLAR": "$SET"}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        # No variable at all.
        ("", ""),
        ("plain", "plain"),
        ("{SET}", "{SET}"),
        # A dollar that begins no variable stands for itself.
        ("$", "$"),
        ("5 $ a piece", "5 $ a piece"),
        ("^end$", "^end$"),
        ("$}", "$}"),
        ("$1", "$1"),
        ("$-", "$-"),
        # Two are one, and what follows is text.
        ("$$", "$"),
        ("$$SET", "$SET"),
        ("$${SET}", "${SET}"),
        ("$$$SET", "$one"),
        ("$$$$", "$$"),
        # Names.
        ("$SET", "one"),
        ("${SET}", "one"),
        ("<${SET}>", "<one>"),
        ("$SET-tail", "one-tail"),
        ("$SET.$SET", "one.one"),
        ("$SETx", ""),
        ("${SET}x", "onex"),
        ("$set", ""),
        ("$_", ""),
        ("<$UNSET>", "<>"),
        ("<${UNSET}>", "<>"),
        ("<${EMPTY}>", "<>"),
        # A value is not interpolated again.
        ("${DOLLAR}", "$SET"),
        # Defaults: with a colon for an empty value too.
        ("${UNSET:-d}", "d"),
        ("${UNSET-d}", "d"),
        ("${EMPTY:-d}", "d"),
        ("${EMPTY-d}", ""),
        ("${SET:-d}", "one"),
        ("${SET-d}", "one"),
        ("${UNSET:-}", ""),
        ("${UNSET-}", ""),
        ("${EMPTY:-/a:-b}", "/a:-b"),
        # Replacements.
        ("<${UNSET:+r}>", "<>"),
        ("<${UNSET+r}>", "<>"),
        ("<${EMPTY:+r}>", "<>"),
        ("<${EMPTY+r}>", "<r>"),
        ("<${SET:+r}>", "<r>"),
        ("<${SET+r}>", "<r>"),
        # Requirements that are met.
        ("${SET:?why}", "one"),
        ("${SET?why}", "one"),
        ("<${EMPTY?why}>", "<>"),
        # Operators outside the braces are text, whatever stands first.
        ("-<${EMPTY:-d}>", "-<d>"),
        ("+<${UNSET:-${EMPTY-d}}>", "+<>"),
        (":-<${UNSET-d}>", ":-<d>"),
        (":-<${EMPTY-d}>", ":-<>"),
        (":?<${EMPTY-d}>", ":?<>"),
        (":?<${EMPTY:-d}>", ":?<d>"),
        (":+<${EMPTY:-d}>", ":+<d>"),
        ("?<${SET:-d}>", "?<one>"),
        # The first operator counts; the others are text.
        ("${UNSET-a?b}", "a?b"),
        ("${UNSET:-a:?b+c}", "a:?b+c"),
        ("${SET?a-b}", "one"),
        ("${SET+a:-b}", "a:-b"),
        ("${EMPTY+a?b-c}", "a?b-c"),
        # One within another.
        ("${UNSET-$SET}", "one"),
        ("${UNSET-${SET}}", "one"),
        ("${UNSET-${SET} ${SET}}", "one one"),
        ("${EMPTY:-$SET}", "one"),
        ("${EMPTY:-${SET}}", "one"),
        ("${EMPTY:-${SET} ${SET}}", "one one"),
        ("${EMPTY+$SET}", "one"),
        ("${EMPTY+$SET ${SET:+two}}", "one two"),
        ("${UNSET:-${EMPTY:-${NONE-three}}}", "three"),
        ("${UNSET:-$$SET}", "$SET"),
        # Several, and what stands between them.
        ("${UNSET:-redis}.${SET:?}", "redis.one"),
        ("${UNSET:-a}-${UNSET:-b}\n${UNSET:-c}", "a-b\nc"),
        ("${SET}}${SET}", "one}one"),
        # Braces in a default that balance.
        ('${UNSET:-{"n":1}}', '{"n":1}'),
        ('${UNSET-{"n":1}}', '{"n":1}'),
        ('${BRACES:-{"n":1}}', '{"n":2}'),
        ('${BRACES-{"n":1}}', '{"n":2}'),
        ('${UNSET:-{"n":1}} ${SET}', '{"n":1} one'),
        # A brace right behind an opening one is not counted: {} opens, and the line's last brace closes.
        ("${UNSET:-{}}", "{}"),
        ("${UNSET:-{}} }", "{}} "),
        # Branches that are not taken are not looked at.
        ("<${UNSET:+${UNSET?needed}}>", "<>"),
        ("${SET:-${UNSET?needed}}", "one"),
        ("${SET?${}}", "one"),
    ],
)
def test_a_template_becomes_a_text(template: str, text: str) -> None:
    result = interpolate(template, GIVEN)
    assert (result.text, result.mistakes) == (text, ())


@pytest.mark.parametrize(
    ("template", "offset"),
    [
        ("${", 0),
        ("${}", 0),
        ("${ }", 0),
        ("${ SET}", 0),
        ("${SET }", 0),
        ("${SET!}", 0),
        ("${SET/a/b}", 0),
        ("${1}", 0),
        ("${SET", 0),
        ("${UNSET:-never closed", 0),
        ("${UNSET:-over\nlines}", 0),
        ("docker/${SET:Dockerfile}", 7),
        ("$SET ${SET} ${SET!}", 12),
        ("${UNSET:-in ${here!}}", 12),
        ("$(date) ${", 8),
        # The {} is not closed on its line, and takes the second variable's opening with it.
        ("${UNSET:-{}} ${UNSET:-b}", 13),
    ],
)
def test_an_expression_that_is_no_variable_is_a_mistake_with_a_place(template: str, offset: int) -> None:
    (mistake,) = interpolate(template, GIVEN).mistakes
    assert (mistake.kind, mistake.offset) == ("invalid", offset)
    assert mistake.message.startswith("invalid template")


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("${UNSET:?set it}", "required variable UNSET is missing a value: set it"),
        ("${EMPTY:?set it}", "required variable EMPTY is missing a value: set it"),
        ("${UNSET?set it}", "required variable UNSET is missing a value: set it"),
        ("${UNSET:?}", "required variable UNSET is missing a value"),
        ("${UNSET?}", "required variable UNSET is missing a value"),
        ("${UNSET?a-b}", "required variable UNSET is missing a value: a-b"),
        ("${UNSET:?like ${SET}}", "required variable UNSET is missing a value: like one"),
        ("${UNSET?like ${SET}}", "required variable UNSET is missing a value: like one"),
    ],
)
def test_a_required_variable_without_a_value_is_a_mistake_of_the_values(template: str, message: str) -> None:
    (mistake,) = interpolate(f"<{template}>", GIVEN).mistakes
    assert (mistake.kind, mistake.offset, str(mistake)) == ("required", 1, message)


def test_a_mistake_does_not_hide_the_next_one() -> None:
    result = interpolate("${A!} $SET ${B?} ${", GIVEN)
    assert [(mistake.offset, mistake.kind) for mistake in result.mistakes] == [
        (0, "invalid"),
        (11, "required"),
        (17, "invalid"),
    ]
    assert "one" in result.text


@pytest.mark.parametrize(
    ("template", "used", "unset"),
    [
        ("$A ${B} $$C", ["A", "B"], ["A", "B"]),
        ("${SET:-${A}}", ["SET"], []),
        ("${A:-${B}}", ["A", "B"], ["B"]),
        ("${A:+${A},}$SET", ["A", "SET"], []),
        ("${SET?${A}}", ["SET"], []),
        ("$A$A", ["A"], ["A"]),
    ],
)
def test_the_variables_that_were_asked_for_are_told(template: str, used: list[str], unset: list[str]) -> None:
    result = interpolate(template, GIVEN)
    assert (list(result.used), list(result.unset)) == (used, unset)


def test_every_variable_of_every_branch_is_mentioned() -> None:
    assert mentioned("$A ${B:-${C:?see $D}} $$E ${A}") == ("A", "B", "C", "D")


@pytest.mark.parametrize("value", [None, "", "true", "false", "1", "0"])
def test_the_documented_selection_goes_wrong_for_every_value_but_none(value: str | None) -> None:
    given = {} if value is None else {"BUILD_FROM_SOURCE": value}
    documented = "docker/${BUILD_FROM_SOURCE:+Dockerfile.source}${BUILD_FROM_SOURCE:-Dockerfile}"
    repaired = "docker/Dockerfile${BUILD_FROM_SOURCE:+.source}"
    source = "docker/Dockerfile.source"
    assert interpolate(documented, given).text == (f"{source}{value}" if value else "docker/Dockerfile")
    assert interpolate(repaired, given).text == (source if value else "docker/Dockerfile")


@pytest.mark.parametrize(
    "template",
    [
        "${A:-" * 100_000 + "}" * 100_000,
        "${A:-" * 300_000,
        "${A:-{}" * 100_000 + "}",
        "${A:-x}" * 100_000,
        "${" * 400_000,
        "$" * 1_000_001,
        "${A:?" * 50_000 + "}" * 50_000,
        "$LONG" * 100_000,
    ],
    ids=["nested", "never closed", "unbalanced", "many", "invalid", "dollars", "required", "growing"],
)
def test_a_hostile_template_costs_a_moment(template: str) -> None:
    with ends_soon():
        result = interpolate(template, {"LONG": "x" * 100_000})
    assert len(result.text) < 2_000_000


def test_nesting_beyond_all_measure_is_a_mistake() -> None:
    deep = "${A:-" * (MAXIMUM_NESTING + 1) + "}" * (MAXIMUM_NESTING + 1)
    assert [mistake.kind for mistake in interpolate(deep, {}).mistakes] == ["too much"]
