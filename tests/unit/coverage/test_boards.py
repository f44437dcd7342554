from __future__ import annotations

import pytest

from poetry_gpu_build.coverage.boards import board_answer
from poetry_gpu_build.coverage.boards import boards_among

from ..builders import cc
from ..builders import facts

BOARDS = ["5.3", "6.2", "7.2", "8.7", "10.1", "11.0"]


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_is_refused_with_the_rule_that_makes_it_one(board: str) -> None:
    answer = board_answer(cc(board), facts())
    assert answer is not None
    assert not answer.runs
    assert "aarch64" in answer.because
    assert "x86_64" in answer.because
    assert [row.kind for row in answer.rows][:1] == ["rule"]


@pytest.mark.parametrize("card", ["3.7", "5.0", "5.2", "6.0", "6.1", "7.0", "7.5", "8.0", "8.6", "8.9", "9.0", "10.0"])
def test_what_has_cards_is_no_board(card: str) -> None:
    assert board_answer(cc(card), facts()) is None


def test_boards_are_found_among_cards() -> None:
    assert boards_among((cc("5.2"), cc("5.3"), cc("8.7")), facts()) == (cc("5.3"), cc("8.7"))
    assert boards_among((), facts()) == ()
