"""How a plan shows its advice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Poetry

DRY = "gpu-build --dry-run"


def test_the_text_has_advice_below_the_reasons_a_line_each_with_how_it_is_known(poetry: Poetry) -> None:
    ran = poetry(f"{DRY} --gpu 5.2")
    _, _, below = ran.out.partition("\nadvice\n")
    lines = below.splitlines()
    assert len(lines) > 1
    assert all(line.startswith("  - ") for line in lines)
    assert "torch.compile" in below
    assert lines[-1].endswith("(known by: documented)")


def test_the_json_has_advice_among_the_reasons_with_its_status(poetry: Poetry) -> None:
    reasons = json.loads(poetry(f"{DRY} --gpu 5.2 --format json").out)["reasons"]
    steps = [reason["step"] for reason in reasons]
    first = steps.index("advice")
    assert set(steps[first:]) == {"advice"}
    assert any(reason["status"] == "documented" for reason in reasons[first:])


def test_advice_changes_no_exit_code(poetry: Poetry) -> None:
    assert poetry(f"{DRY} --gpu 5.2").status == 0


def test_ptx_may_be_added_by_the_setting_that_the_advice_names(poetry: Poetry) -> None:
    ran = poetry(f"{DRY} --gpu 5.2 --build-arg TORCH_CUDA_ARCH_LIST=5.2+PTX --format json")
    assert ran.status == 0
    assert json.loads(ran.out)["build_args"]["TORCH_CUDA_ARCH_LIST"] == "5.2+PTX"
