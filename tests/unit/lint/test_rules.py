"""Every rule's own examples: the invalid ones are found at the exact place, the valid ones are not, and fixes mend."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.lint.documents import PYPROJECT
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.registry import Selection
from poetry_gpu_build.lint.registry import select_rules
from poetry_gpu_build.lint.rule import EngineRule
from poetry_gpu_build.lint.run import run_rules
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.lint.rule import Example
    from poetry_gpu_build.lint.rule import Rule
    from poetry_gpu_build.policy import Policy

ROOT = Path("/project")
POLICY = load_policy(policies_dir())


RULES = [type(rule) for rule in select_rules(Selection())]


def documents(files: Mapping[str, str]) -> Documents:
    def read(path: Path) -> Source | None:
        text = files.get(path.relative_to(ROOT).as_posix())
        return None if text is None else Source(path, text)

    return Documents(ROOT, policy_of(files), read)


def policy_of(files: Mapping[str, str]) -> Policy:
    """The shipped policy, under the settings of an example that has some."""
    pyproject = files.get(PYPROJECT, "")
    if "[tool.gpu-build" not in pyproject:
        return POLICY
    return load_policy(policies_dir(), parse_toml(pyproject, ROOT / PYPROJECT))


def hits(rule: type[Rule], files: Mapping[str, str]) -> list[Hit]:
    project = documents(files)
    found = engine_hits(rule, project) if issubclass(rule, EngineRule) else list(rule().check(project))
    return sorted(found, key=lambda hit: (hit.source.path.as_posix(), hit.start))


def engine_hits(rule: type[Rule], project: Documents) -> list[Hit]:
    """What the engine finds for a rule that is about the others."""
    found = [each for each in run_rules(project, [one() for one in RULES]) if each.code == rule.code]
    made = []
    for finding in found:
        of = project.source_at(finding.where.path)
        assert of is not None
        start, end = (of.offset(where.line, where.column) for where in (finding.where, finding.end))
        made.append(Hit(of, start, end, finding.message, finding.help, finding.fix))
    return made


def place(hit: Hit) -> str:
    where = hit.source.position(hit.start)
    return f"{where.path.relative_to(ROOT).as_posix()}:{where.line}:{where.column}"


def fixed(files: Mapping[str, str], found: list[Hit]) -> dict[str, str]:
    texts = dict(files)
    edits = [edit for hit in found if hit.fix is not None for edit in hit.fix.edits]
    for edit in sorted(set(edits), key=lambda edit: edit.start, reverse=True):
        name = edit.path.relative_to(ROOT).as_posix()
        texts[name] = texts[name][: edit.start] + edit.text + texts[name][edit.end :]
    return texts


def examples(kind: str) -> list[object]:
    return [
        pytest.param(rule, example, id=f"{rule.code}-{number}")
        for rule in RULES
        for number, example in enumerate(getattr(rule, kind), start=1)
    ]


@pytest.mark.parametrize(("rule", "example"), examples("invalid"))
def test_an_invalid_example_is_found_where_it_says(rule: type[Rule], example: Example) -> None:
    found = hits(rule, example.files)
    assert [place(hit) for hit in found] == list(example.findings)
    assert all(0 <= hit.start <= hit.end <= len(hit.source.text) for hit in found)


@pytest.mark.parametrize(("rule", "example"), examples("valid"))
def test_a_valid_example_is_not_found(rule: type[Rule], example: Example) -> None:
    assert [place(hit) for hit in hits(rule, example.files)] == []


@pytest.mark.parametrize(("rule", "example"), examples("invalid"))
def test_a_fix_makes_the_fixed_text_and_that_is_clean(rule: type[Rule], example: Example) -> None:
    found = hits(rule, example.files)
    if example.fixed is None:
        assert not any(hit.fix for hit in found), "a fix without an expected text"
        return
    after = fixed(example.files, found)
    assert {name: text for name, text in after.items() if text != example.files.get(name)} == dict(example.fixed)
    assert hits(rule, after) == []


@pytest.mark.parametrize("rule", RULES, ids=[rule.code for rule in RULES])
def test_a_rule_says_what_it_is(rule: type[Rule]) -> None:
    assert rule.__doc__
    assert "\n\n" in rule.__doc__, "a summary, and why"
    assert rule.invalid
    assert rule.valid
    assert all(example.findings for example in rule.invalid)
    assert not any(example.findings for example in rule.valid)
