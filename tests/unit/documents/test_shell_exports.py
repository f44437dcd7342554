"""What the shell exports is in force for the commands behind it: in which shell, and until when."""

from __future__ import annotations

import pytest

from poetry_gpu_build.documents.shell.resolve import resolve
from poetry_gpu_build.documents.shell.results import ResolvedCommand
from poetry_gpu_build.documents.shell.results import Undecidable
from poetry_gpu_build.documents.shell.scan import scan

from ..patience import ends_soon


def environment(text: str, **variables: str) -> dict[str, str | None]:
    """Of the last command that is called poetry."""
    found = [each for each in resolve(scan(text), variables) if isinstance(each, ResolvedCommand)]
    return dict([each for each in found if each.program == "poetry"][-1].environment)


@pytest.mark.parametrize(
    "text",
    [
        "export A=b && poetry x",
        "export A; A=b; poetry x",
        "A=b; export A; poetry x",
        "A=b\nexport A\npoetry x",
        "set -a; A=b; set +a; poetry x",
        "set -o allexport; A=b; poetry x",
        "declare -x A=b; poetry x",
        "declare -rx A=b; poetry x",
        "typeset -x A=b; poetry x",
        "(export A=b; poetry x)",
        "{ export A=b; poetry x; } | tee log",
        "export A=b; sh -c 'poetry x'",
        "export A=b; bash <<E\npoetry x\nE",
        "export A=c; A=b poetry x",
        "export A=c; env A=b poetry x",
        "env -i A=b poetry x",
        "env - A=b poetry x",
        "eval 'export A=b'; poetry x",
        "source <(echo export A=b); poetry x",
        "echo export A=b > e.sh; . ./e.sh; poetry x",
        "f() { export A=b; }; f; poetry x",
        "export A=b; unset B; poetry x",
        "export A=b; (unset A; c); export A=b; poetry x",
    ],
)
def test_what_is_exported_is_in_force(text: str) -> None:
    assert environment(text) == {"A": "b"}


@pytest.mark.parametrize(
    "text",
    [
        "A=b; poetry x",
        "(export A=b); poetry x",
        "x=$(export A=b); poetry x",
        "export A=b | cat; poetry x",
        "sh -c 'export A=b'; poetry x",
        "f() { export A=b; }; (f); poetry x",
        "export A=b; unset A; poetry x",
        "export A=b; export -n A; poetry x",
        "export A=b; declare +x A; poetry x",
        "export A=b; env -i poetry x",
        "export A=b; env --ignore-environment poetry x",
        "A=b env -u A poetry x",
        "set -a; set +a; A=b; poetry x",
        "readonly A=b; poetry x",
        "export -f A; poetry x",
        "export -p; poetry x",
        "poetry x; export A=b",
        "export $(cat .env); poetry x",
    ],
)
def test_what_is_not_exported_is_not(text: str) -> None:
    assert not environment(text).get("A")


@pytest.mark.parametrize(
    "text",
    [
        "export A=$(x); poetry x",
        'export A="$B"; poetry x',
        "if x; then export A=b; fi; poetry x",
        "x || export A=b; poetry x",
        "for i in 1 2; do export A=$i; done; poetry x",
        "export A=c; if x; then A=b; fi; poetry x",
    ],
)
def test_a_value_that_nobody_knows_is_none(text: str) -> None:
    assert environment(text) == {"A": None}


def test_a_variable_of_the_image_is_exported_with_its_new_value() -> None:
    assert environment("A=2; poetry x", A="1") == {"A": "2"}
    assert environment("poetry x", A="1") == {}


@pytest.mark.parametrize("text", ["unset A; poetry x", "env -i poetry x", "env -u A poetry x", "export -n A; poetry x"])
def test_a_variable_of_the_image_that_is_taken_away_is_empty(text: str) -> None:
    assert environment(text, A="1") == {"A": ""}


def test_hundreds_of_exports_are_all_in_force() -> None:
    text = "".join(f"export A{number}=b\n" for number in range(200)) + "poetry x"
    assert len(environment(text)) == 200


def test_thousands_of_exports_end_in_time_and_are_said_to_be_too_many() -> None:
    with ends_soon():
        found = resolve(scan("".join(f"export A{number}=b\n" for number in range(5_000)) + "poetry x"), {})
    assert [each.kind for each in found if isinstance(each, Undecidable)] == ["limit"]
