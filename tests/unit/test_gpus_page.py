"""tools/gpus_page.py: a row for each compute capability, which says what the policy and the facts do."""

from __future__ import annotations

import pytest

from poetry_gpu_build.facts.evidence import STATUSES
from poetry_gpu_build.resources import policies_dir
from tools.gpus_page import gpus_page

from .fact_rows import CARDS

PAGE = gpus_page(policies_dir())
ROWS = {
    cells[0].strip("*"): cells
    for cells in (
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| **")
    )
}


def test_every_compute_capability_of_a_card_has_one_row_and_they_ascend() -> None:
    capabilities = {tuple(map(int, row["cc"].split("."))) for row in CARDS}
    assert [tuple(map(int, capability.split("."))) for capability in ROWS] == sorted(capabilities)
    assert PAGE.count("| **") == len(ROWS) + sum(cells[2].startswith("**") for cells in ROWS.values())


# policies/modes.toml: source below 6.0, else binary, with 2.7.1+cu128; findings.md: that wheel holds 7.5 to 12.0, so
# that the cards between are refused; drivers cu11x >= 450.80.02, cu12x >= 525.60.13, and 580 is the last branch.
@pytest.mark.parametrize(
    ("capability", "decided", "driver"),
    [
        ("5.0", "**source**", "450.80.02"),
        ("5.2", "**source**", "450.80.02"),
        ("6.0", "*refused*", "525.60.13"),
        ("6.1", "*refused*", "525.60.13"),
    ],
)
def test_the_row_of_a_maxwell_or_a_pascal(capability: str, decided: str, driver: str) -> None:
    cells = ROWS[capability]
    assert cells[2].partition(" (")[0] == decided
    assert cells[3:5] == ["2.7.1+cu126", "2.14.1+cu126 (user reports)"]
    assert cells[5:] == [f"{driver} (documented)", "580 (documented)", "11.0 to 12.9 (script)"]


def test_the_row_of_a_card_that_nothing_serves() -> None:
    assert ROWS["3.0"][2:] == ["*refused*", "-", "-", "-", "not known", "-"]


# Blackwell needs driver branch 570, the others what CUDA 12 does.
@pytest.mark.parametrize(("capability", "driver"), [("7.5", "525.60.13"), ("8.9", "525.60.13"), ("12.0", "570")])
def test_the_row_of_a_new_card_tells_how_the_pinned_wheel_is_known(capability: str, driver: str) -> None:
    cells = ROWS[capability]
    assert cells[2].startswith("**binary** (secondary+user reports")
    assert cells[3] == "2.15.0+cu132, Python >=3.11"  # the policy's images have 3.10
    assert cells[5] == f"{driver} (documented)"


def test_what_is_refused_is_explained_with_the_ways_out() -> None:
    refused = [capability for capability, cells in ROWS.items() if cells[2] == "*refused*"]
    explained = PAGE.partition("## Where the defaults refuse")[2]
    assert [line.strip("*") for line in explained.splitlines() if line.startswith("**")] == refused
    assert explained.count("  help: ") >= len(refused)


def test_every_status_is_explained() -> None:
    for status in STATUSES:
        assert PAGE.count(f"\n- *{status}*: ") == 1


def test_an_example_is_a_card_of_the_table_whose_chip_nobody_disputes() -> None:
    disputed = {row["name"] for row in CARDS if row["check"] == "conflict"}
    names = {row["name"].partition(" (")[0]: row["cc"] for row in CARDS if row["name"] not in disputed}
    for capability, cells in ROWS.items():
        assert cells[1]
        assert {names[example] for example in cells[1].split(", ")} == {capability}
