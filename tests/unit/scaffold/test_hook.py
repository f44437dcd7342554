from __future__ import annotations

import pytest
import yaml

from poetry_gpu_build.scaffold.hook import pre_commit

RUFF = """\
repos:
  # the linters
  - repo: https://github.com/astral-sh/ruff-pre-commit
    rev: v0.14.0
    hooks:
      - id: ruff  # fast
"""


def hooks(text: str) -> list[str]:
    return [hook["id"] for repository in yaml.safe_load(text)["repos"] for hook in repository["hooks"]]


def test_a_project_without_a_configuration_gets_one_with_a_local_hook() -> None:
    (repository,) = yaml.safe_load(pre_commit(None).text)["repos"]
    (hook,) = repository["hooks"]
    assert repository["repo"] == "local"
    assert (hook["id"], hook["language"], hook["entry"]) == ("gpu-build-lint", "system", "poetry gpu-build lint")


@pytest.mark.parametrize(
    "text",
    [
        RUFF,
        RUFF.replace("\n  ", "\n"),
        RUFF.replace("\n", "\r\n"),
        "\ufeff" + RUFF,
        RUFF.rstrip("\n"),
        "# ours\n",
        "",
        "fail_fast: true\n",
        "repos:\n- repo: local\n  hooks:\n  - id: a\n    args:\n      - |\n        one\n\n        two\n",
        "repos:\n- repo: local\n  hooks: [{id: a}]  # flow\n",
    ],
)
def test_the_hook_is_appended_and_every_byte_stays(text: str) -> None:
    edited = pre_commit(text)
    assert edited.text.startswith(text)
    assert hooks(edited.text)[-1] == "gpu-build-lint"
    assert not edited.notes
    assert pre_commit(edited.text).text == edited.text


def test_lines_end_as_the_others_do() -> None:
    assert "\n" not in pre_commit(RUFF.replace("\n", "\r\n")).text.replace("\r\n", "")


def test_what_stands_behind_the_repositories_stays_behind_them() -> None:
    rest = "\n# who runs it\nci:\n  skip: [ruff]\n"
    edited = pre_commit(RUFF + rest)
    assert hooks(edited.text) == ["ruff", "gpu-build-lint"]
    assert edited.text == pre_commit(RUFF).text + rest


def test_a_hook_of_the_name_is_enough() -> None:
    text = "repos:\n- repo: elsewhere\n  hooks: [{id: gpu-build-lint}]\n"
    assert pre_commit(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "repos: [\n",
        "repos: []\n",
        "repos: [{repo: local, hooks: [{id: a}]}]\n",
        "- a\n",
        "repos: 3\n",
        "a: 1\n---\nb: 2\n",
    ],
)
def test_what_is_not_understood_stays_and_is_told(text: str) -> None:
    edited = pre_commit(text)
    assert edited.text == text
    (note,) = edited.notes
    assert "by hand" in note
    assert "poetry gpu-build lint" in note
