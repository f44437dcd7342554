"""The rows of policies/facts/ beside each other: no two of them contradict."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations
from itertools import pairwise
from typing import TYPE_CHECKING
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from poetry_gpu_build.values import CudaVersion

from .builders import cc
from .builders import facts
from .fact_rows import CARDS
from .fact_rows import CUDA
from .fact_rows import FEATURES
from .fact_rows import GPUS
from .fact_rows import LIBRARIES
from .fact_rows import TOOLKITS
from .fact_rows import TORCH
from .fact_rows import WHEELS
from .fact_rows import ascending
from .fact_rows import named
from .fact_rows import rows

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
    (TORCH, "wheel"): lambda row: (Version(row["torch"]), row["variant"]),
    (TORCH, "sass_runs_on"): lambda row: row["code"],
    (TORCH, "library"): lambda row: (row["name"], Version(row["version"])),
    (CUDA, "toolkit"): lambda row: CudaVersion.parse(row["cuda"]),
    (CUDA, "driver_branch"): lambda row: row["branch"],
    (CUDA, "driver_floor"): lambda row: row["cc_at_least"],
    (CUDA, "image"): lambda row: row["name"],
    (CUDA, "cudnn"): lambda row: row["versions"],
    (GPUS, "gpu"): lambda row: row["name"].casefold(),
    (GPUS, "chip"): lambda row: row["pattern"],
    (FEATURES, "feature"): lambda row: (row["what"], row.get("versions")),
    (FEATURES, "cupy"): lambda row: row["package"],
    (FEATURES, "cupy_numpy"): lambda row: row["versions"],
    (FEATURES, "torch_numpy"): lambda row: row["torch"],
}


@pytest.mark.parametrize(("file", "table"), KEYS)
def test_no_two_rows_are_about_one_thing(file: str, table: str) -> None:
    counted = Counter(map(KEYS[file, table], rows(file, table)))
    assert [key for key, count in counted.items() if count > 1] == []


def test_pypi_holds_one_variant_of_each_release() -> None:
    on_pypi = Counter(wheel.torch.version for wheel in facts().wheels if wheel.index == "PyPI")
    assert set(on_pypi) == {wheel.torch.version for wheel in facts().wheels}
    assert set(on_pypi.values()) == {1}


def test_the_wheels_stand_from_the_oldest_release_to_the_newest() -> None:
    releases = [Version(row["torch"]) for row in WHEELS]
    assert releases == sorted(releases)


@pytest.mark.parametrize("release", list(dict.fromkeys(row["torch"] for row in WHEELS)))
def test_all_wheels_of_a_release_ask_for_the_same_pythons(release: str) -> None:
    assert len({SpecifierSet(row["requires_python"]) for row in WHEELS if row["torch"] == release}) == 1


def test_two_files_of_one_hash_are_one() -> None:
    hashes = Counter(row["sha256"] for row in [*WHEELS, *LIBRARIES] if "sha256" in row)
    assert [each for each, count in hashes.items() if count > 1] == []


def test_there_is_a_rule_for_every_architecture_that_a_wheel_holds() -> None:
    ruled = {rule.code for rule in facts().sass_rules}
    held = {code for wheel in facts().wheels for code in wheel.sass}
    assert held - ruled <= {cc("3.5"), cc("3.7")}  # Kepler: the table begins with 5.0, and the general rule holds


def test_code_for_chips_that_share_it_runs_on_both() -> None:
    only = {rule.code: set(rule.only) for rule in facts().sass_rules if rule.only}
    assert all(only[other] == alike for code, alike in only.items() for other in alike if other in only), only


def test_a_newer_toolkit_came_with_a_newer_driver() -> None:
    released = [toolkit.driver_released_with for toolkit in sorted(facts().toolkits, key=lambda each: each.cuda)]
    known = [each for each in released if each is not None]
    assert ascending(known)


def test_the_toolkits_of_one_major_ask_for_one_oldest_driver_and_newer_majors_for_a_newer_one() -> None:
    oldest = {(toolkit.cuda.major, toolkit.driver_minimum) for toolkit in facts().toolkits}
    assert len(oldest) == len({major for major, _ in oldest})
    assert ascending([driver for _, driver in sorted(oldest)])


def test_no_toolkit_came_with_a_driver_that_cannot_run_it() -> None:
    for toolkit in facts().toolkits:
        released = toolkit.driver_released_with
        # CUDA 11.0 came with 450.51, and its libraries ask for 450.80 since 11.1.
        assert released is None or released.branch >= toolkit.driver_minimum.branch, toolkit.cuda


def test_a_newer_toolkit_accepts_no_older_gcc() -> None:
    known = [int(row["gcc_max"]) for row in sorted(TOOLKITS, key=lambda row: Version(row["cuda"])) if "gcc_max" in row]
    assert known == sorted(known)


def test_within_one_major_no_toolkit_drops_an_architecture() -> None:
    toolkits = sorted(facts().toolkits, key=lambda toolkit: toolkit.cuda)
    for older, newer in pairwise(toolkits):
        if older.cuda.major == newer.cuda.major:
            assert set(older.compiles) <= set(newer.compiles), newer.cuda


def test_a_newer_driver_branch_drives_no_older_gpus() -> None:
    branches = sorted(facts().driver_branches, key=lambda row: row.branch)
    assert ascending([row.oldest for row in branches])


def test_cudnns_ranges_follow_each_other_and_drop_gpus_only() -> None:
    ranges = facts().cudnns
    for older, newer in pairwise(ranges):
        assert older.last is not None
        assert older.last < newer.first
        assert not newer.holds(older.first)
        assert newer.oldest >= older.oldest


@pytest.mark.parametrize("row", [row for row in LIBRARIES if row["name"].startswith("nvidia-cudnn-")], ids=named)
def test_a_measured_cudnn_holds_code_from_the_gpu_on_that_its_range_names(row: dict[str, Any]) -> None:
    version = tuple(map(int, row["version"].split(".")))
    [of_range] = [each for each in facts().cudnns if each.holds(version)]
    assert cc(row["sass"][0]) == of_range.oldest


# --- the cards


def test_a_compute_capability_of_a_card_is_one_of_a_toolkit_or_older_than_all() -> None:
    compiled = {each for toolkit in facts().toolkits for each in toolkit.compiles}
    cards = {row["name"]: cc(row["cc"]) for row in [*CARDS]}
    assert [name for name, each in cards.items() if each not in compiled and each >= min(compiled)] == []


def test_a_pci_id_is_of_one_compute_capability() -> None:
    by_id: dict[str, set[str]] = {}
    for row in CARDS:
        for pci_id in row.get("pci_ids", []):
            by_id.setdefault(pci_id, set()).add(row["cc"])
    assert {pci_id: found for pci_id, found in by_id.items() if len(found) > 1} == {}


def test_the_chip_of_a_card_has_the_cards_compute_capability() -> None:
    patterns = {row["pattern"]: row["cc"] for row in rows(GPUS, "chip")}
    for row in CARDS:
        for chip in row.get("chip", []):
            known = [found for pattern, found in patterns.items() if re.fullmatch(pattern, chip)]
            assert known == [row["cc"]], row["name"]


def test_a_card_is_in_conflict_where_nvidias_page_says_otherwise() -> None:
    for row in CARDS:
        assert (row["check"] == "conflict") == ("nvidia_page_cc" in row), row["name"]
        assert row.get("nvidia_page_cc") != row["cc"], row["name"]


def test_no_two_patterns_of_chips_are_of_one_compute_capability() -> None:
    for one, other in combinations(rows(GPUS, "chip"), 2):
        assert one["cc"] != other["cc"], (one["pattern"], other["pattern"])
