from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.doctor.checks.coverage import judge_coverage
from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.selection.flags import Flags
from poetry_gpu_build.selection.select import select_mode

from ..builders import gpu
from ..builders import question

if TYPE_CHECKING:
    from poetry_gpu_build.doctor.line import Line
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.selection.question import Question

BINARY = Flags(binary=True)
SOURCE = Flags(from_source=True)
MAXWELL = "NVIDIA GeForce GTX 970"


def lines(asked: Question, mode: ModeName = "binary") -> list[Line]:
    return list(judge_coverage(mode, asked))


def test_a_wheel_that_runs_on_the_card_says_by_which_code_and_how_that_is_known() -> None:
    [line] = lines(question("8.9"))
    assert line.mark == "ok"
    assert line.seen == "torch 2.7.1+cu128: its sm_86 machine code runs on 8.9"
    assert line.known_by is not None


def test_each_card_has_its_answer() -> None:
    assert [line.mark for line in lines(question("7.5", "12.0"))] == ["ok", "ok"]


def test_a_wheel_that_holds_nothing_for_the_card_is_a_problem_with_the_ways_out_of_the_build() -> None:
    asked = question("5.2", flags=BINARY)
    [line] = lines(asked)
    assert line.mark == "problem"
    assert "torch 2.7.1+cu128 does not run on compute capability 5.2" in line.seen
    with pytest.raises(NoModeServesError) as refused:
        select_mode(asked)
    assert line.remedies == refused.value.ways_out != ()


def test_two_cards_that_are_not_served_are_two_lines_and_one_list_of_ways() -> None:
    first, second = lines(question("5.2", "6.1", flags=BINARY))
    assert (first.mark, second.mark) == ("problem", "problem")
    assert (first.remedies, bool(second.remedies)) == ((), True)


def test_a_driver_that_forbids_it_is_explained_in_its_own_line_and_the_ways_out_are_here() -> None:
    [line] = lines(question(gpu("8.9", driver="470.256.02")))
    assert line.mark == "problem"
    assert line.seen == "the binary mode does not serve 8.9 with this machine's driver"
    assert line.remedies


def test_a_wheel_that_nobody_knows_is_a_warning_that_says_how_to_look() -> None:
    [line] = lines(question("8.6", wheel="99.0.0+cu199"))
    assert line.mark == "warning"
    assert "not in the facts" in line.seen
    assert any("poetry gpu-build archs WHEEL" in remedy for remedy in line.remedies)


def test_a_constraint_that_names_no_build_too() -> None:
    [line] = lines(question("8.6", wheel=None))
    assert line.mark == "warning"
    assert "names no single build" in line.seen


def test_without_a_card_it_says_what_the_wheel_runs_on_at_all() -> None:
    [line] = lines(question())
    assert line.mark == "warning"
    assert "torch 2.7.1+cu128 does not run on GPUs below 7.5" in line.seen
    assert "--gpu" in line.seen


def test_a_card_that_only_ptx_serves_is_well_and_worth_knowing() -> None:
    # 2.7.1+cu128 holds PTX for 12.0, which a driver compiles for a card of the next generation.
    ok, warning = lines(question("13.0"))
    assert (ok.mark, warning.mark) == ("ok", "warning")
    assert "PTX only" in warning.seen


def test_the_source_mode_says_that_its_toolkit_compiles_for_the_card() -> None:
    line, *others = lines(question("5.2"), "source")
    assert (line.mark, line.seen) == ("ok", "CUDA 11.8 compiles for 5.2")
    assert [other.mark for other in others] == ["warning"]
    assert "no compile is needed" in others[0].seen


def test_without_a_card_the_source_mode_says_what_it_compiles_for() -> None:
    assert [(line.mark, line.seen) for line in lines(question(flags=SOURCE), "source")] == [
        ("ok", "CUDA 11.8 compiles for 5.2")
    ]


def test_a_card_that_the_toolkit_does_not_compile_for_is_a_problem() -> None:
    [line] = lines(question("12.0", flags=SOURCE), "source")
    assert line.mark == "problem"
    assert "CUDA 11.8 cannot compile for 12.0" in line.seen
    assert line.remedies


def test_a_toolkit_that_nobody_knows_is_a_warning() -> None:
    settings = 'modes.source.base-image = "nvidia/cuda:99.0.0-devel-ubuntu22.04"'
    line, *_ = lines(question("5.2", flags=SOURCE, settings=settings), "source")
    assert line.mark == "warning"
    assert "nothing is known about CUDA 99.0" in line.seen


def test_what_only_describes_the_image_is_left_to_the_plan() -> None:
    # The plan says which driver the other machine needs, and that torch.compile needs more than Maxwell.
    assert len(select_mode(question("8.9")).reasons) > len(lines(question("8.9")))
    assert not any("torch.compile" in line.seen for line in lines(question("5.2"), "source"))
