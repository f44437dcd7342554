from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.facts.load import load_gpus
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import TorchBuild

from .builders import cc
from .builders import facts

if TYPE_CHECKING:
    from pathlib import Path

FACTS = policies_dir() / "facts"
# findings.md: measured > script > secondary > report > conflict; a row may name two.
STATUSES = {"measured", "script", "secondary", "user reports", "conflict"}


def rows(file: str, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_toml(FACTS / file).data[table]
    return found


WHEELS = rows("torch_wheels.toml", "wheel")
TOOLKITS = rows("cuda_toolkits.toml", "toolkit")


def named(row: dict[str, Any]) -> str:
    return "+".join(str(row[key]) for key in ("torch", "variant", "cuda", "name", "code") if key in row)


# --- the form of the rows


@pytest.mark.parametrize("row", WHEELS, ids=named)
def test_a_wheel_says_how_it_is_known_and_by_whom(row: dict[str, Any]) -> None:
    assert set(row["status"].split("+")) <= STATUSES
    assert row["source"]


@pytest.mark.parametrize("row", WHEELS, ids=named)
def test_the_variant_of_a_wheel_is_its_cuda(row: dict[str, Any]) -> None:
    assert CudaVersion.parse(row["variant"]) == CudaVersion.parse(row["cuda"])


@pytest.mark.parametrize("row", WHEELS, ids=named)
def test_the_index_of_a_wheel_is_pypi_or_that_of_its_variant(row: dict[str, Any]) -> None:
    assert row["index"] == "PyPI" or row["index"].endswith(f"/whl/{row['variant']}")


@pytest.mark.parametrize("row", WHEELS, ids=named)
def test_the_architectures_of_a_wheel_are_ascending_and_each_once(row: dict[str, Any]) -> None:
    for architectures in (row["sass"], row["ptx"]):
        parsed = [cc(text) for text in architectures]
        assert parsed == sorted(set(parsed))
    assert row["sass"]


@pytest.mark.parametrize("row", WHEELS, ids=named)
def test_a_wheel_holds_nothing_that_its_toolkit_cannot_compile(row: dict[str, Any]) -> None:
    toolkit = facts().toolkit(CudaVersion.parse(row["cuda"]))
    assert toolkit is not None
    assert {cc(text) for text in row["sass"]} <= set(toolkit.compiles)


@pytest.mark.parametrize("table", ["driver_branch", "driver_floor", "image", "toolkit"])
def test_every_row_about_toolkits_and_drivers_has_a_source(table: str) -> None:
    assert all(row["source"] for row in rows("cuda_toolkits.toml", table))


@pytest.mark.parametrize("row", TOOLKITS, ids=named)
def test_a_toolkit_names_its_range(row: dict[str, Any]) -> None:
    compiled = [cc(text) for text in row["nvcc_sm"]]
    assert compiled == sorted(set(compiled))
    assert (compiled[0], compiled[-1]) == (cc(row["min_sm"]), cc(row["max_sm"]))


def test_a_newer_toolkit_asks_for_no_older_driver() -> None:
    toolkits = sorted(facts().toolkits, key=lambda toolkit: toolkit.cuda)
    for older, newer in pairwise(toolkits):
        assert newer.driver_minimum >= older.driver_minimum


def test_a_pci_id_is_four_hexadecimal_digits() -> None:
    for card in load_gpus(FACTS):
        assert all(re.fullmatch(r"[0-9a-f]{4}", pci_id) for pci_id in card.pci_ids), card.name


# --- no two rows contradict each other


def test_no_two_wheel_rows_are_about_one_build() -> None:
    assert [build for build, count in Counter(wheel.torch for wheel in facts().wheels).items() if count > 1] == []


def test_pypi_holds_one_variant_of_each_release() -> None:
    on_pypi = Counter(wheel.torch.version for wheel in facts().wheels if wheel.index == "PyPI")
    assert [release for release, count in on_pypi.items() if count > 1] == []


def test_no_two_rows_are_about_one_toolkit() -> None:
    assert len({toolkit.cuda for toolkit in facts().toolkits}) == len(facts().toolkits)


def test_no_two_rules_are_about_one_architecture() -> None:
    assert len({rule.code for rule in facts().sass_rules}) == len(facts().sass_rules)


def test_there_is_a_rule_for_every_architecture_that_a_wheel_holds() -> None:
    ruled = {rule.code for rule in facts().sass_rules}
    held = {code for wheel in facts().wheels for code in wheel.sass}
    assert held - ruled <= {cc("3.5"), cc("3.7")}  # Kepler: the table begins with 5.0, and the general rule holds


# --- what findings.md says of single rows


def test_the_wheel_of_the_policy_holds_code_from_7_5_on() -> None:
    wheel = facts().wheel(TorchBuild("2.7.1", "cu128"))
    assert wheel is not None
    assert [str(code) for code in wheel.sass] == ["7.5", "8.0", "8.6", "9.0", "10.0", "12.0"]
    assert [str(code) for code in wheel.ptx] == ["12.0"]
    assert wheel.evidence.doubt is not None


def test_the_newest_wheel_on_pypi_for_a_gtx_970_was_measured() -> None:
    wheel = facts().wheel(TorchBuild("2.7.1", "cu126"))
    assert wheel is not None
    assert wheel.index == "PyPI"
    assert cc("5.0") in wheel.sass
    assert wheel.evidence.doubt is None


@pytest.mark.parametrize(
    ("cuda", "first", "last"),
    [
        ("11.8", "3.5", "9.0"),
        *[(f"12.{minor}", "5.0", "9.0") for minor in range(7)],
        ("12.8", "5.0", "12.0"),
        ("13.0", "7.5", "12.1"),
    ],
)
def test_the_range_of_a_toolkit(cuda: str, first: str, last: str) -> None:
    toolkit = facts().toolkit(CudaVersion.parse(cuda))
    assert toolkit is not None
    assert (toolkit.compiles[0], toolkit.compiles[-1]) == (cc(first), cc(last))


def test_a_wheel_that_asks_for_a_newer_python_does_not_install() -> None:
    wheel = facts().wheel(TorchBuild("2.15.0", "cu132"))
    assert wheel is not None
    assert wheel.installs_on("3.11")
    assert not wheel.installs_on("3.10")


# --- loading


def test_what_is_not_known_is_none() -> None:
    assert facts().wheel(TorchBuild("2.7.1", None)) is None
    assert facts().wheel(TorchBuild("2.7.1", "cpu")) is None
    assert facts().toolkit(CudaVersion(12, 7)) is None  # never released
    assert facts().image("debian:bookworm") is None


def test_broken_facts_are_one_clear_error(tmp_path: Path) -> None:
    tmp_path.joinpath("torch_wheels.toml").write_text("[[wheel", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"torch_wheels\.toml is not valid TOML"):
        load_compatibility(tmp_path)
