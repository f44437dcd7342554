from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.doctor.checks.policy import judge_settings
from poetry_gpu_build.doctor.checks.policy import judge_verdict
from poetry_gpu_build.doctor.project_seen import Verdict
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint.finding import Finding
from poetry_gpu_build.lint.formats.interface import Report

from ..builders import write_project
from .world import around

if TYPE_CHECKING:
    from poetry_gpu_build.lint.finding import Severity

ROOT = Path("/home/me/app")


def finding(code: str, severity: Severity) -> Finding:
    place = Position(ROOT / "docker/Dockerfile", 1, 1)
    return Finding(code, "x", severity, "x", place, place, "x")


def verdict(*found: tuple[str, Severity]) -> Verdict:
    return Verdict(Report(tuple(finding(code, severity) for code, severity in found), ROOT, files=7))


def test_a_project_without_findings_is_well() -> None:
    line = judge_verdict(verdict(), ROOT)
    assert (line.mark, line.seen) == ("ok", "no findings in 7 files")


def test_what_is_for_information_changes_nothing() -> None:
    assert judge_verdict(verdict(("GPU508", "info")), ROOT).mark == "ok"


def test_warnings_are_counted_with_their_rules() -> None:
    line = judge_verdict(verdict(("GPU508", "warning"), ("GPU307", "warning"), ("GPU307", "warning")), ROOT)
    assert (line.mark, line.seen) == ("warning", "3 warnings (GPU508, GPU307)")
    assert any("poetry gpu-build lint" in remedy for remedy in line.remedies)


def test_errors_are_a_problem_because_they_stop_a_build() -> None:
    line = judge_verdict(verdict(("GPU101", "error"), ("GPU508", "warning")), ROOT)
    assert (line.mark, line.seen) == ("problem", "1 error (GPU101) and 1 warning (GPU508)")
    assert any(remedy.endswith("lint --fix") for remedy in line.remedies)


def test_a_project_of_a_hundred_rules_is_still_a_line() -> None:
    seen = judge_verdict(verdict(*((f"GPU{number}", "error") for number in range(100, 200))), ROOT).seen
    assert seen == "100 errors (GPU100, GPU101, GPU102, GPU103, GPU104, …)"


@pytest.mark.parametrize(("files", "more"), [(1, ""), (2, " (and 1 more file)"), (3, " (and 2 more files)")])
def test_a_file_that_the_linter_cannot_read_is_a_problem(files: int, more: str) -> None:
    problems = [
        ConfigurationError("it cannot be read", where=Position(ROOT / f"{number}.yml")) for number in range(files)
    ]
    line = judge_verdict(Verdict(Report((), ROOT), tuple(problems)), ROOT)
    assert (line.mark, line.seen) == ("problem", f"0.yml: it cannot be read{more}")
    assert line.remedies


def test_settings_that_cannot_be_used_are_a_problem_and_the_rest_is_about_the_shipped_policy() -> None:
    fault = ConfigurationError("unknown key", where=Position(ROOT / "pyproject.toml", 9, 1), ways_out=("did you mean",))
    line = judge_settings(fault, ROOT)
    assert line.mark == "problem"
    assert line.seen.startswith("pyproject.toml:9:1: unknown key; ")
    assert "shipped policy" in line.seen
    assert line.remedies == ("did you mean",)


def test_the_linter_is_the_one_of_the_build(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    with (root / "docker/Dockerfile").open("a") as dockerfile:
        dockerfile.write("RUN pip install torch\n")
    seen = around(root).seen
    assert seen.verdict is not None
    assert judge_verdict(seen.verdict, root).mark == "problem"
