"""The floor that follows the wheel, as the rules and the swap ask for it."""

from __future__ import annotations

from typing import NoReturn

import pytest

from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.lint.arch_list import policy_targets
from poetry_gpu_build.lint.pinned import floor_of
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

from ..builders import PYPROJECT
from ..builders import PYPROJECT_PATH
from ..builders import cc
from ..builders import facts
from ..builders import policy
from ..builders import settings

NAMED = "targets = ['3.5', '5.2', '6.1', '12.0']"


def compiled_for(text: str) -> list[str]:
    document = parse_toml(text, PYPROJECT_PATH)
    return [str(target) for target in policy_targets(load_policy(policies_dir(), document), document, facts)]


@pytest.mark.parametrize(
    ("variant", "floor", "targets"),
    [
        ("cu128", "", ["3.5", "5.2"]),
        ("cu128", "floor = 'wheel'", ["3.5", "5.2", "6.1"]),
        ("cu126", "floor = 'wheel'", ["3.5", "12.0"]),
        ("cu999", "floor = 'wheel'", ["3.5", "5.2"]),  # nothing is known of that wheel: the number
    ],
)
def test_the_source_mode_compiles_for_what_the_floor_leaves_to_it(variant: str, floor: str, targets: list[str]) -> None:
    assert compiled_for(settings(f"{NAMED}\n{floor}").replace("cu128", variant)) == targets


def test_without_targets_the_mode_s_own_are_compiled_for() -> None:
    assert compiled_for(settings("floor = 'wheel'")) == ["5.2"]


def test_the_facts_are_not_read_where_the_number_decides() -> None:
    def never() -> NoReturn:
        raise AssertionError("the facts were loaded")

    assert policy_targets(policy(NAMED), None, never) == (cc("3.5"), cc("5.2"))


@pytest.mark.parametrize(
    "text",
    ["", "[project]\nname = 'a'\n", PYPROJECT.replace('"2.7.1+cu128"', '"no version"'), "dependency-groups = 1\n"],
)
def test_a_manifest_that_pins_nothing_leaves_the_number(text: str) -> None:
    floor = floor_of(parse_toml(text, PYPROJECT_PATH), facts(), policy("floor = 'wheel'"))
    assert floor.excludes(cc("5.2"))
    assert not floor.excludes(cc("6.1"))
    assert floor_of(None, facts(), policy("floor = 'wheel'")).is_unknown
