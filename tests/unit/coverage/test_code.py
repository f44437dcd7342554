from __future__ import annotations

import pytest

from poetry_gpu_build.coverage.code import Architecture
from poetry_gpu_build.coverage.code import code_covers
from poetry_gpu_build.coverage.code import sass_runs_on
from poetry_gpu_build.values import CudaVersion

from ..builders import cc
from ..builders import facts


@pytest.mark.parametrize(
    ("code", "target", "runs"),
    [
        ("5.0", "5.0", True),
        ("5.0", "5.2", True),
        ("5.0", "5.3", False),  # Tegra X1
        ("5.2", "5.0", False),
        ("5.2", "5.3", False),
        ("5.3", "5.3", True),
        ("5.3", "5.2", False),
        ("6.0", "6.1", True),
        ("6.0", "6.2", False),
        ("6.1", "6.0", False),
        ("7.0", "7.5", True),
        ("7.0", "7.2", False),
        ("7.5", "8.0", False),
        ("8.0", "8.6", True),
        ("8.0", "8.7", False),
        ("8.6", "8.9", True),  # RTX 40: never listed, and need not be
        ("8.6", "8.7", False),  # Orin
        ("8.7", "8.7", True),
        ("8.7", "8.9", False),
        ("8.9", "8.6", False),
        ("9.0", "9.0", True),
        ("9.0", "10.0", False),
        ("10.0", "10.3", True),
        ("10.0", "10.1", False),
        ("10.1", "11.0", True),  # one chip under two numbers
        ("11.0", "10.1", True),
        ("10.0", "12.0", False),
        ("12.0", "12.1", True),
        ("12.1", "12.0", False),
        ("3.5", "3.7", True),  # no row: the general rule
        ("3.7", "3.5", False),
        ("3.5", "5.0", False),
    ],
)
def test_where_machine_code_runs(code: str, target: str, runs: bool) -> None:
    assert sass_runs_on(cc(code), cc(target), facts().sass_rules) is runs


@pytest.mark.parametrize(
    ("code", "target", "cuda", "runs"),
    [
        ("8.0", "8.7", "13.1", False),
        ("8.0", "8.7", "13.2", True),  # torch 2.15's own table: from CUDA 13.2 on without the exception
        ("8.6", "8.7", "13.4", True),
        ("7.0", "7.2", "13.2", True),
        ("5.0", "5.3", "13.2", False),
        ("10.0", "10.1", "13.2", False),
    ],
)
def test_cuda_13_2_lifts_three_exceptions(code: str, target: str, cuda: str, runs: bool) -> None:
    assert sass_runs_on(cc(code), cc(target), facts().sass_rules, CudaVersion.parse(cuda)) is runs


def test_code_for_the_very_chip_needs_no_evidence() -> None:
    answer = code_covers([Architecture(cc("8.6"))], [], cc("8.6"), facts().sass_rules)
    assert answer.rule is not None
    assert answer.doubt is None


def test_code_for_a_relative_rests_on_what_is_documented() -> None:
    answer = code_covers([Architecture(cc("8.6"))], [], cc("8.9"), facts().sass_rules)
    assert answer.runs
    assert answer.doubt == "documented"
