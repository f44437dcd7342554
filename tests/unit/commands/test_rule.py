from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.lint.registry import known_codes
from poetry_gpu_build.lint.registry import load_rule

if TYPE_CHECKING:
    from .conftest import Poetry

RULE = "gpu-build rule"


@pytest.mark.parametrize("name", ["GPU401", "gpu401", "sidecar-publishes-port", "Sidecar-Publishes-Port"])
def test_a_rule_is_explained_by_its_code_or_its_name(poetry: Poetry, name: str) -> None:
    ran = poetry(f"{RULE} {name}")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("GPU401: sidecar-publishes-port\n\nA sidecar must not publish a port to the host.\n")


def test_the_page_says_why_and_shows_what_is_found_and_what_is_right(poetry: Poetry) -> None:
    said = poetry(f"{RULE} GPU401").out
    assert "two developers on one host collide on it" in " ".join(said.split())
    assert "    ports: ['6006:6006']" in said
    assert "docker/docker-compose.yml:6:13: error[GPU401]" in said
    assert "    expose: ['6006']" in said
    assert "# gpu-build: ignore[GPU401]" in said
    assert "```" not in said


def test_a_fix_is_shown_as_a_patch(poetry: Poetry) -> None:
    said = poetry(f"{RULE} GPU307").out
    assert "`--fix` can mend it" in said
    assert "    +RUN --mount=type=cache,target=/root/.cache/pypoetry" in said


def test_a_fix_that_is_not_safe_is_called_so(poetry: Poetry) -> None:
    assert "`--fix --unsafe-fixes` can mend it" in poetry(f"{RULE} GPU504").out


def test_all_rules_are_listed_each_on_a_line(poetry: Poetry) -> None:
    ran = poetry(RULE)
    assert [line.split()[0] for line in ran.out.splitlines()] == list(known_codes())
    lines = {line.split()[0]: line for line in ran.out.splitlines()}
    assert "error     sidecar-publishes-port" in lines["GPU401"]
    assert "warning * cache-in-layer" in lines["GPU307"]
    assert lines["GPU401"].endswith("A sidecar must not publish a port to the host.")


@pytest.mark.parametrize("code", known_codes())
def test_every_rule_has_a_page_that_shows_one_of_its_findings(poetry: Poetry, code: str) -> None:
    document = json.loads(poetry(f"{RULE} {code} --format json").out)
    rule = load_rule(code)
    assert (document["code"], document["name"]) == (code, rule.name)
    assert document["fixable"] is any(example.fixed for example in rule.invalid)
    assert f"[{code}]" in document["description"].partition("The linter says:")[2].partition("## ")[0]
    assert document["description"].count("```") % 2 == 0


def test_the_list_is_a_document_too(poetry: Poetry) -> None:
    document = json.loads(poetry(f"{RULE} --format json").out)
    assert document["schema_version"] == 1
    [rule] = [rule for rule in document["rules"] if rule["code"] == "GPU307"]
    assert rule == {
        "code": "GPU307",
        "name": "cache-in-layer",
        "severity": "warning",
        "fixable": True,
        "summary": "`poetry install` runs with a cache mount for Poetry's cache.",
    }


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("GPU411", "GPU401"),
        ("sidecar-publishes-prt", "sidecar-publishes-port"),
        ("nonsense", "poetry gpu-build rule"),
        ("<error>", "poetry gpu-build rule"),
        ("x" * 10_000, "poetry gpu-build rule"),
    ],
)
def test_of_an_unknown_rule_the_nearest_is_named(poetry: Poetry, name: str, way: str) -> None:
    ran = poetry(f"{RULE} '{name}'")
    assert (ran.status, ran.out) == (2, "")
    first, second = ran.err.splitlines()
    assert first.startswith("error: there is no rule ")
    assert way in second
    assert len(first) < 100


def test_of_an_unknown_rule_json_is_a_document_too(poetry: Poetry) -> None:
    ran = poetry(f"{RULE} GPU999 --format json")
    assert (ran.status, json.loads(ran.out)["error"]["exit_code"]) == (2, 2)


def test_an_unknown_format_is_exit_2(poetry: Poetry) -> None:
    ran = poetry(f"{RULE} --format xml")
    assert ran.status == 2
    assert "text, json" in ran.err


def test_outside_a_project_the_rules_are_there_too(
    poetry: Poetry, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert poetry.process("gpu-build", "rule", "GPU401").status == 0
