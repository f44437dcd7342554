"""The families of rules: which kinds of files each finds something in, so that the others need not be imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from poetry_gpu_build.lint.documents import KINDS
from poetry_gpu_build.lint.documents import Kind
from poetry_gpu_build.lint.documents import kind_of
from poetry_gpu_build.lint.registry import FAMILIES
from poetry_gpu_build.lint.registry import Selection
from poetry_gpu_build.lint.registry import known_codes
from poetry_gpu_build.lint.registry import load_rule
from poetry_gpu_build.lint.registry import select_rules


@pytest.mark.parametrize("code", known_codes())
def test_a_rule_finds_something_only_in_the_kind_of_files_of_its_family(code: str) -> None:
    family = next((kind for name, kind in FAMILIES.items() if code.startswith(name)), None)
    places = [place for example in load_rule(code).invalid for place in example.findings]
    found = {kind_of(Path(place.partition(":")[0])) for place in places}
    assert found <= ({family} if family is not None else KINDS)


@pytest.mark.parametrize(
    ("kind", "families"),
    [("image", {"1", "2", "3", "9"}), ("compose", {"4", "9"}), ("manifest", {"5", "9"})],
)
def test_only_the_rules_for_the_files_at_hand_are_chosen(kind: Kind, families: set[str]) -> None:
    policy_free = select_rules(Selection(), None, {kind})
    assert {rule.code[3] for rule in policy_free} == families
