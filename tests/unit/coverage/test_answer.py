from __future__ import annotations

import pytest

from poetry_gpu_build.coverage.answer import Answer
from poetry_gpu_build.coverage.answer import all_of
from poetry_gpu_build.facts.evidence import STATUSES
from poetry_gpu_build.facts.evidence import Evidence
from poetry_gpu_build.facts.evidence import Row


def row(status: str) -> Row:
    return Row("wheel", f"something {status}", Evidence(status, "somewhere"))


@pytest.mark.parametrize(
    ("statuses", "doubt"),
    [
        ([], None),
        (["measured"], None),
        (["definition"], None),
        (["measured", "documented"], "documented"),
        (["documented", "script", "measured"], "script"),
        (["conflict", "user reports", "secondary"], "conflict"),
        (["secondary+user reports", "script"], "secondary+user reports"),
        (["measured+documented"], None),
        (["a word that nobody defined"], "a word that nobody defined"),
    ],
)
def test_an_answer_is_no_better_than_its_weakest_row(statuses: list[str], doubt: str | None) -> None:
    assert Answer(True, "", tuple(map(row, statuses))).doubt == doubt


def test_the_statuses_are_ranked_as_the_findings_rank_them() -> None:
    assert STATUSES == ("measured", "documented", "script", "secondary", "user reports", "conflict")


def test_a_joined_yes_rests_on_everything() -> None:
    joined = all_of([Answer(True, "a", (row("measured"),)), Answer(True, "b", (row("script"),))])
    assert joined.runs
    assert joined.because == "a; b"
    assert joined.doubt == "script"


def test_a_joined_no_rests_on_the_noes_alone() -> None:
    joined = all_of([Answer(True, "a", (row("conflict"),)), Answer(False, "b", (row("script"),))])
    assert not joined.runs
    assert joined.because == "b"
    assert joined.doubt == "script"


def test_nothing_asked_is_nothing_answered() -> None:
    with pytest.raises(ValueError, match="no answer"):
        all_of([])
