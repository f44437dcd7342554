"""Every case's own examples: each is recognised with its values, each look-alike is not, and all of it reads well."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.doctor.explain.case import Case
from poetry_gpu_build.doctor.explain.case import link
from poetry_gpu_build.doctor.explain.registry import ORDER
from poetry_gpu_build.doctor.explain.registry import register
from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.plugin import COMMANDS
from poetry_gpu_build.plugin import command_factory

from ...builders import ROOT
from ...builders import gpu
from .texts import cases
from .texts import explained
from .texts import found
from .texts import names
from .texts import outside
from .texts import project
from .texts import the

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.explain.case import Example
    from poetry_gpu_build.doctor.explain.situation import Situation

PARSER: Any = import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
BY_NAME = {case.name: case for case in cases()}
EXAMPLES = [
    pytest.param(case.name, example, id=f"{case.name}-{i}")
    for case in cases()
    for i, example in enumerate(case.examples)
]
LOOKALIKES = [
    pytest.param(case.name, text, id=f"{case.name}-{i}") for case in cases() for i, text in enumerate(case.lookalikes)
]
SITUATIONS = [outside(), project("6.1"), project(gpu("5.2", name="GeForce GTX 970", driver="535.54.03"), wheel=None)]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_recognised_with_its_values(name: str, example: Example) -> None:
    [sighting] = [each for each in found(example.text).sightings if each.case.name == name]
    assert dict(sighting.values) == dict(example.values)


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_explained_as_this_case_first(name: str, example: Example) -> None:
    assert names(example.text)[0] == name


@pytest.mark.parametrize(("name", "text"), LOOKALIKES)
def test_a_look_alike_is_another_thing(name: str, text: str) -> None:
    assert name not in names(text)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_an_explanation_says_something_in_every_situation(name: str) -> None:
    for example in BY_NAME[name].examples:
        for situation in SITUATIONS:
            explanation = the(name, example.text, situation)
            assert explanation.ways_out
            for sentence in (*explanation.here, *explanation.ways_out):
                assert sentence == sentence.strip()
                assert "\n" not in sentence
                assert "None" not in sentence


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_a_case_has_a_title_a_meaning_and_references_that_lead_somewhere(name: str) -> None:
    case = BY_NAME[name]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
    assert 20 <= len(case.title) <= 110
    assert len(case.meaning) > 40
    assert all(link(reference).startswith("https://") for reference in case.references)


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_no_repetition_in_a_pattern_is_without_an_upper_bound(name: str) -> None:
    for pattern in (*BY_NAME[name].patterns, *BY_NAME[name].details):
        assert all(most < PARSER.MAXREPEAT for most in repetitions(PARSER.parse(pattern.pattern))), pattern.pattern


def repetitions(tree: Any) -> Iterator[int]:
    """The upper bounds of everything that is repeated in a pattern."""
    for _, argument in tree:
        for part in argument if isinstance(argument, tuple | list) else ():
            for branch in part if isinstance(part, list) else (part,):
                if isinstance(branch, PARSER.SubPattern):
                    yield from repetitions(branch)
        if isinstance(argument, tuple) and len(argument) == 3 and isinstance(argument[2], PARSER.SubPattern):
            yield argument[1]


def sentences() -> Iterator[str]:
    """All that the cases say, in every situation."""
    for case in cases():
        for example in case.examples:
            for situation in SITUATIONS:
                explanation = the(case.name, example.text, situation)
                yield from (explanation.meaning, *explanation.here, *explanation.ways_out)


def test_every_setting_that_is_named_exists() -> None:
    named = {match for text in sentences() for match in re.findall(r"([a-z][\w.-]+) in \[tool\.gpu-build\]", text)}
    assert "modes.binary.base-image" in named
    settings = ROOT.joinpath("docs", "configuration.md").read_text(encoding="utf-8")
    assert [key for key in named if f"| `{key}` |" not in settings] == []


def test_every_command_that_is_named_exists_with_its_options() -> None:
    named = {match for text in sentences() for match in re.findall(r"poetry (gpu-build[^:;,]*)", text)}
    assert "gpu-build swap --check" in named
    for line in named:
        words = line.split()
        name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
        assert name == "gpu-build" or len(words) > 1
        assert words[1:2] in ([], [name.partition(" ")[2]]) or words[1].startswith("--"), line
        options = {option.name for option in command_factory(COMMANDS[name])().options}
        assert {word[2:].partition("=")[0] for word in words if word.startswith("--")} <= options, line


def test_the_order_names_every_case_once() -> None:
    assert len(set(ORDER)) == len(ORDER)
    assert [case.name for case in cases()] == list(ORDER)


def test_a_case_without_an_example_cannot_be_registered() -> None:
    class Silent(Case):
        """It shows nothing."""

        name = "silent"
        hints = ("x",)
        patterns = (lazy_pattern("x"),)
        examples = ()
        lookalikes = ("y",)

        def ways(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
            yield "nothing"

    with pytest.raises(ValueError, match="silent has no example"):
        register(Silent(), {})


def test_the_same_text_in_a_ci_log_is_recognised() -> None:
    for case in cases():
        text = "\n".join(f"2026-11-20T10:00:00.1234567Z #12 345.6 {line}" for line in case.examples[0].text.split("\n"))
        assert case.name in names(text), case.name


def test_the_check_of_repetitions_sees_one_without_a_bound() -> None:
    assert max(repetitions(PARSER.parse(r"(?:a|(b{2}c+)){3}"))) == PARSER.MAXREPEAT


def test_an_explanation_of_an_empty_text_is_none() -> None:
    assert explained(b"").explanations == ()
    assert explained(b"").exit_code == 1
