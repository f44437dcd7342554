from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.engine.compile_time import CORE_HOURS
from poetry_gpu_build.engine.compile_time import LONG_SECONDS
from poetry_gpu_build.engine.compile_time import CompileRecord
from poetry_gpu_build.engine.compile_time import estimate
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.plan import make_plan

from ..builders import inputs
from ..builders import request

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.plan import Plan

HOUR = 3600


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make_plan(inputs(tmp_path / "project"), request("5.2"))


def record(plan: Plan, tmp_path: Path, builder: str = "default") -> CompileRecord:
    return CompileRecord(plan, builder, {"XDG_STATE_HOME": str(tmp_path / "state")})


# --- what is said


@pytest.mark.parametrize(
    ("seconds", "said"), [(90, "2 min"), (20 * 60, "20 min"), (HOUR, "1 h"), (2.5 * HOUR, "2 h 30 min"), (0.0, "1 min")]
)
def test_the_last_build_says_it_best(seconds: float, said: str) -> None:
    told = estimate(seconds, jobs=4)
    assert told.text.startswith(f"{said} (the last build here")
    assert told.seconds == seconds


def test_without_one_the_reports_are_divided_by_the_jobs_and_said_to_be_reports() -> None:
    told = estimate(None, jobs=2)
    assert CORE_HOURS == (13, 26)  # what the two reports say, and nothing in between
    assert told.text.startswith("6 h 30 min to 13 h with 2 jobs at once")
    assert "not measured" in told.text
    assert told.seconds == 13 * HOUR


def test_of_a_builder_that_nobody_knows_only_the_work_is_said() -> None:
    assert estimate(None, jobs=None).text.startswith("13 to 26 hours of one core")


# --- what is remembered


def test_a_build_is_remembered(plan: Plan, tmp_path: Path) -> None:
    record(plan, tmp_path).keep(2 * HOUR + 0.4)
    assert record(plan, tmp_path).recall() == 2 * HOUR
    assert record(plan, tmp_path).path.parent.stat().st_mode & 0o077 == 0


def test_a_later_build_is_remembered_instead(plan: Plan, tmp_path: Path) -> None:
    record(plan, tmp_path).keep(2 * HOUR)
    record(plan, tmp_path).keep(HOUR)
    assert record(plan, tmp_path).recall() == HOUR


def test_a_build_that_was_too_short_to_compile_is_not_remembered(plan: Plan, tmp_path: Path) -> None:
    record(plan, tmp_path).keep(2 * HOUR)
    record(plan, tmp_path).keep(LONG_SECONDS - 1)
    assert record(plan, tmp_path).recall() == 2 * HOUR


def test_another_torch_or_another_builder_is_another_matter(plan: Plan, tmp_path: Path) -> None:
    record(plan, tmp_path).keep(2 * HOUR)
    assert record(plan, tmp_path, builder="far").recall() is None
    other = replace(plan, build_args={**plan.build_args, "TORCH_CUDA_ARCH_LIST": "5.2;6.1"})
    assert record(other, tmp_path).recall() is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "7200",
        '{"seconds": "7200"}',
        '{"seconds": true}',
        '{"seconds": -1}',
        '{"seconds": NaN}',
        '{"seconds": 1e999}',
        '{"seconds": 7200}' + " " * 5000,
        "[" * 4000,
        '{"sec',
    ],
)
def test_a_record_that_is_none_of_ours_is_no_record(plan: Plan, tmp_path: Path, text: str) -> None:
    path = record(plan, tmp_path).path
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    assert record(plan, tmp_path).recall() is None


def test_a_folder_that_cannot_be_made_is_an_error_that_says_so(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        record(plan, tmp_path).keep(2 * HOUR)


def test_the_record_is_whole_json(plan: Plan, tmp_path: Path) -> None:
    record(plan, tmp_path).keep(2 * HOUR)
    assert json.loads(record(plan, tmp_path).path.read_text(encoding="utf-8")) == {"seconds": 2 * HOUR}
