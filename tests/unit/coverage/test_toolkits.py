from __future__ import annotations

import pytest

from poetry_gpu_build.coverage.toolkits import compiled_for
from poetry_gpu_build.coverage.toolkits import cudnn_serves
from poetry_gpu_build.coverage.toolkits import gcc_serves
from poetry_gpu_build.coverage.toolkits import toolkit_serves
from poetry_gpu_build.coverage.toolkits import toolkits_compiling

from ..builders import cc
from ..builders import facts
from .lookup import toolkit


@pytest.mark.parametrize(
    ("cuda", "target", "compiled"),
    [
        ("11.8", "3.5", "3.5"),
        ("11.8", "5.2", "5.2"),
        ("11.8", "8.9", "8.9"),
        ("11.8", "9.0", "9.0"),
        ("11.8", "10.0", None),
        ("11.8", "12.0", None),
        ("11.8", "3.0", None),
        ("12.6", "3.7", None),
        ("12.8", "12.0", "12.0"),
        ("12.8", "12.1", "12.0"),
        ("12.8", "10.3", "10.0"),
        ("11.1", "8.9", "8.6"),
        ("13.0", "7.0", None),
        ("13.0", "7.5", "7.5"),
    ],
)
def test_what_a_toolkit_compiles_for_a_target(cuda: str, target: str, compiled: str | None) -> None:
    expected = None if compiled is None else cc(compiled)
    assert compiled_for(cc(target), toolkit(cuda), facts().sass_rules) == expected


def test_only_12_8_and_12_9_compile_for_maxwell_and_blackwell() -> None:
    found = [str(fact.cuda) for fact in toolkits_compiling([cc("5.2"), cc("12.0")], facts())]
    assert found == ["12.8", "12.9"]


def test_a_toolkit_that_compiles_for_a_relative_says_whose_code_runs_there() -> None:
    answer = toolkit_serves(cc("12.1"), toolkit("12.8"), facts().sass_rules)
    assert answer.runs
    assert "sm_120" in answer.because


def test_a_toolkit_that_does_not_compile_says_what_it_knows() -> None:
    answer = toolkit_serves(cc("12.0"), toolkit("11.8"), facts().sass_rules)
    assert not answer.runs
    assert "3.5 to 9.0" in answer.because


@pytest.mark.parametrize(("cuda", "gcc", "serves"), [("11.8", 11, True), ("11.8", 12, False), ("11.0", 9, True)])
def test_a_toolkit_accepts_gcc_up_to_a_version(cuda: str, gcc: int, serves: bool) -> None:
    answer = gcc_serves(toolkit(cuda), gcc)
    assert answer is not None
    assert answer.runs is serves
    assert answer.rows


def test_where_nobody_looked_there_is_no_answer_about_gcc() -> None:
    assert gcc_serves(toolkit("12.8"), 13) is None


@pytest.mark.parametrize(
    ("version", "target", "serves"),
    [
        ("8.9.2.26", "5.0", True),
        ("8.9.2.26", "3.7", False),
        ("9.1.0.70", "5.2", True),
        ("9.10.2.21", "7.0", True),  # the last one with Maxwell to Volta
        ("9.11.0.98", "7.0", False),
        ("9.11.0.98", "7.5", True),
        ("9.24.0.43", "6.1", False),
    ],
)
def test_cudnn_9_11_dropped_everything_below_7_5(version: str, target: str, serves: bool) -> None:
    answer = cudnn_serves(version, cc(target), facts())
    assert answer is not None
    assert answer.runs is serves


@pytest.mark.parametrize("version", ["", "7.6.5", "unknown"])
def test_an_unknown_cudnn_has_no_answer(version: str) -> None:
    assert cudnn_serves(version, cc("8.6"), facts()) is None
