"""No file makes a rule raise: every example again, with pieces lost, and with what is no text put in."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint.documents import Documents
from poetry_gpu_build.lint.registry import Selection
from poetry_gpu_build.lint.registry import load_rule
from poetry_gpu_build.lint.registry import select_rules
from poetry_gpu_build.lint.rules.gpu902 import UnusedSuppression
from poetry_gpu_build.lint.run import run_rules
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.resources import policies_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.lint.rule import Rule
    from poetry_gpu_build.policy import Policy

ROOT = Path("/project")
POLICY = load_policy(policies_dir())
PIECES = (
    "",
    "\0",
    "$",
    "${",
    "}",
    "{",
    "[",
    ":",
    "\n",
    "'",
    '"',
    "&a *a ",
    "<<: ",
    "null",
    "\t",
    "\r\n",
    "\udcff",
    "é",
)


RULES = [type(rule) for rule in select_rules(Selection())]


def documents(files: Mapping[str, str], policy: Policy = POLICY) -> Documents:
    def read(path: Path) -> Source | None:
        text = files.get(path.relative_to(ROOT).as_posix()) if path.is_relative_to(ROOT) else None
        return None if text is None else Source(path, text)

    return Documents(ROOT, policy, read)


def broken(files: Mapping[str, str], chance: random.Random) -> dict[str, str]:
    texts = dict(files)
    for name, text in files.items():
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice((0, 0, 1, 4, 20)))
        texts[name] = text[:start] + chance.choice(PIECES) + text[end:]
    return texts


@pytest.mark.parametrize("rule", RULES, ids=[rule.code for rule in RULES])
def test_a_broken_file_gives_hits_inside_the_file_or_none(rule: type[Rule]) -> None:
    chance = random.Random(rule.code)  # the same files in every run
    for example in (*rule.valid, *rule.invalid):
        for _ in range(20):
            for hit in rule().check(documents(broken(example.files, chance))):
                assert 0 <= hit.start <= hit.end <= len(hit.source.text)


@pytest.mark.parametrize("code", ["GPU304", "GPU305"])
def test_the_rules_about_the_lock_stand_it_under_either_policy(code: str) -> None:
    chance = random.Random(code)
    rule = load_rule(code)
    for example in (*rule.valid, *rule.invalid):
        for policy in (POLICY._replace(lock="require"), POLICY._replace(lock="require", context="docker")):
            for _ in range(20):
                for hit in rule.check(documents(broken(example.files, chance), policy)):
                    assert 0 <= hit.start <= hit.end <= len(hit.source.text)


def test_the_engine_makes_findings_inside_the_file_of_whatever_comment_there_is() -> None:
    chance = random.Random("suppressions")
    every_rule = select_rules(Selection())
    for example in (*UnusedSuppression.valid, *UnusedSuppression.invalid):
        for _ in range(20):
            files = broken(example.files, chance)
            for finding in run_rules(documents(files), every_rule):
                lines = files[finding.where.path.relative_to(ROOT).as_posix()].count("\n") + 1
                assert 0 <= finding.where.line <= finding.end.line <= lines


@pytest.mark.parametrize("rule", RULES, ids=[rule.code for rule in RULES])
def test_tables_of_another_type_are_passed_over(rule: type[Rule]) -> None:
    for text in ("tool = 1\nproject = 2\n", "[tool]\npoetry = []\n", "[[tool]]\n[[package]]\nname = 1\n", "a = \n"):
        names = ("pyproject.toml", "poetry.toml", "poetry.lock", "docker/docker-compose.yml", "docker/Dockerfile")
        list(rule().check(documents(dict.fromkeys(names, text))))


def test_a_compose_file_that_cannot_be_read_is_a_problem_of_the_project() -> None:
    def read(path: Path) -> Source | None:
        if path.suffix == ".yml":
            raise ConfigurationError(f"{path.name} cannot be read")
        return None

    project = Documents(ROOT, POLICY, read).compose
    assert project is not None
    assert project.services == {}
    assert [problem.kind for problem in project.problems if "docker-compose.yml" in problem.message] != []
