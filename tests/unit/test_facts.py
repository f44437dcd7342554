"""The rows of policies/facts/, each by itself: its form, and that it agrees with itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.facts.evidence import DEFINITION
from poetry_gpu_build.facts.evidence import STATUSES
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import TorchBuild

from .builders import cc
from .builders import facts
from .fact_rows import CUDA
from .fact_rows import FACTS
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
    from pathlib import Path

# --- the form of the rows


def text(value: Any) -> bool:
    return isinstance(value, str) and value == value.strip() != ""


def whole_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def switch(value: Any) -> bool:
    return isinstance(value, bool)


def digits(value: Any) -> bool:
    return text(value) and value.isdecimal()


def dotted(value: Any) -> bool:
    return text(value) and re.fullmatch(r"\d+(\.\d+)*", value) is not None


def capability(value: Any) -> bool:
    return text(value) and re.fullmatch(r"\d{1,2}\.\d", value) is not None


def capabilities(value: Any) -> bool:
    return isinstance(value, list) and all(map(capability, value)) and ascending([cc(each) for each in value])


def pythons(value: Any) -> bool:
    return isinstance(value, list) and all(map(dotted, value)) and ascending([Version(each) for each in value])


def architectures(value: Any) -> bool:
    """As nvcc numbers them: ``86`` for 8.6."""
    return (
        isinstance(value, list) and bool(value) and all(map(digits, value)) and ascending([cc(each) for each in value])
    )


def pci_ids(value: Any) -> bool:
    return isinstance(value, list) and all(re.fullmatch(r"[0-9a-f]{4}", each) for each in value)


def chips(value: Any) -> bool:
    return isinstance(value, list) and all(re.fullmatch(r"[A-Z]{2}[A-Z0-9]+", each) for each in value)


def specifier(value: Any) -> bool:
    return text(value) and len(SpecifierSet(value)) > 0  # raises for what is none


def status(value: Any) -> bool:
    return text(value) and (value == DEFINITION or set(value.split("+")) <= set(STATUSES))


def published(value: Any) -> bool:
    return text(value) and re.fullmatch(r"yes|uncertain|no\b.*", value) is not None


def sha256(value: Any) -> bool:
    return text(value) and re.fullmatch(r"[0-9a-f]{64}", value) is not None


def commit(value: Any) -> bool:
    return text(value) and re.fullmatch(r"[0-9a-f]{12,40}", value) is not None


def check(value: Any) -> bool:
    return text(value) and re.match(r"(agrees|conflict|not in the PCI list)\b", value) is not None


Form = dict[str, "Callable[[Any], bool]"]

EVIDENCE: Form = {"status": status, "source": text}
NOTE: Form = {"note": text}

# What a row of each table must hold, and what it may hold.
FORMS: dict[tuple[str, str], tuple[Form, Form]] = {
    (TORCH, "wheel"): (
        {
            "torch": dotted,
            "variant": text,
            "cuda": dotted,
            "platform": text,
            "index": text,
            "sass": capabilities,
            "ptx": capabilities,
            "published": published,
            "requires_python": text,
            **EVIDENCE,
        },
        {"pythons": pythons, "size_mb": whole_number, "git": commit, "cudnn": dotted, "sha256": sha256, **NOTE},
    ),
    (TORCH, "sass_runs_on"): (
        {"code": capability, **EVIDENCE},
        {"minimum": capability, "except": capabilities, "only": capabilities, "no_exception_from": dotted},
    ),
    (TORCH, "library"): (
        {"name": text, "version": dotted, "sass": capabilities, "ptx": capabilities, **EVIDENCE},
        {"sha256": sha256, **NOTE},
    ),
    (CUDA, "toolkit"): (
        {
            "cuda": dotted,
            "nvcc_sm": architectures,
            "min_sm": digits,
            "max_sm": digits,
            "driver_status": status,
            "driver_source": text,
            "driver_minor_compat": dotted,
            "minor_compat_status": status,
            "minor_compat_source": text,
            **{f"compiles_{name}": switch for name in ("maxwell", "pascal", "volta", "blackwell")},
            **EVIDENCE,
        },
        {"driver_ga": dotted, "gcc_max": digits, "gcc_status": status, "gcc_source": text, **NOTE},
    ),
    (CUDA, "driver_branch"): ({"branch": digits, "oldest_cc": capability, **EVIDENCE}, NOTE),
    (CUDA, "driver_floor"): ({"cc_at_least": capability, "branch": digits, **EVIDENCE}, NOTE),
    (CUDA, "image"): ({"name": text, "require_cuda": text, **EVIDENCE}, NOTE),
    (CUDA, "cudnn"): ({"versions": text, "first": dotted, "min_cc": capability, **EVIDENCE}, {"last": dotted, **NOTE}),
    (GPUS, "gpu"): (
        {"name": text, "cc": capability, "check": check, "source": text},
        {"chip": chips, "pci_ids": pci_ids, "nvidia_page_cc": capability, **NOTE},
    ),
    (GPUS, "chip"): (
        {"pattern": text, "cc": capability, "pci_ids_in_list": whole_number, "source": text},
        NOTE,
    ),
    (FEATURES, "feature"): (
        {"package": text, "what": text, "min_cc": capability, **EVIDENCE},
        {"versions": specifier, **NOTE},
    ),
    (FEATURES, "cupy"): (
        {"package": text, "cuda_major": whole_number, "min_cc": capability, **EVIDENCE},
        {"last": dotted, **NOTE},
    ),
    (FEATURES, "cupy_numpy"): ({"versions": specifier, "numpy": specifier, **EVIDENCE}, NOTE),
    (FEATURES, "torch_numpy"): ({"torch": specifier, "numpy": specifier, **EVIDENCE}, NOTE),
}


@pytest.mark.parametrize(("file", "table"), FORMS)
def test_every_row_holds_what_its_kind_does_in_the_form_of_its_kind(file: str, table: str) -> None:
    needed, allowed = FORMS[file, table]
    faults = []
    for row in rows(file, table):
        faults += [f"{named(row)}: no {key}" for key in needed if key not in row]
        faults += [f"{named(row)}: an unknown {key}" for key in row if key not in needed and key not in allowed]
        form = {**allowed, **needed}
        faults += [f"{named(row)}: {key} = {row[key]!r}" for key in row if key in form and not form[key](row[key])]
    assert faults == []


@pytest.mark.parametrize("file", sorted(path.name for path in FACTS.iterdir()))
def test_every_table_of_rows_is_of_a_known_kind(file: str) -> None:
    data = read_toml(FACTS / file).data
    assert {(file, table) for table in data if isinstance(data[table], list)} == {
        each for each in FORMS if each[0] == file
    }


# --- a row agrees with itself


@pytest.mark.parametrize("row", WHEELS, ids=named)
def test_the_variant_of_a_wheel_is_its_cuda(row: dict[str, Any]) -> None:
    assert row["variant"] == CudaVersion.parse(row["cuda"]).variant


@pytest.mark.parametrize("row", WHEELS, ids=named)
def test_the_index_of_a_wheel_is_pypi_or_that_of_its_variant(row: dict[str, Any]) -> None:
    assert row["index"] in ("PyPI", f"https://download.pytorch.org/whl/{row['variant']}")


@pytest.mark.parametrize("row", WHEELS, ids=named)
def test_a_wheel_holds_nothing_that_its_toolkit_cannot_compile(row: dict[str, Any]) -> None:
    toolkit = facts().toolkit(CudaVersion.parse(row["cuda"]))
    assert toolkit is not None
    assert row["sass"]
    assert {cc(each) for each in (*row["sass"], *row["ptx"])} <= set(toolkit.compiles)


@pytest.mark.parametrize("row", [*WHEELS, *LIBRARIES], ids=named)
def test_no_portable_code_is_newer_than_the_newest_machine_code(row: dict[str, Any]) -> None:
    assert all(cc(portable) <= cc(row["sass"][-1]) for portable in row["ptx"])


@pytest.mark.parametrize("row", WHEELS, ids=named)
def test_the_pythons_of_a_wheel_are_a_specifier(row: dict[str, Any]) -> None:
    assert "3.13" in SpecifierSet(row["requires_python"])
    assert "2.7" not in SpecifierSet(row["requires_python"])


@pytest.mark.parametrize("row", WHEELS, ids=named)
def test_pythons_are_read_from_the_names_that_pypi_lists_and_its_metadata_allows_each(row: dict[str, Any]) -> None:
    assert ("pythons" in row) == (row["index"] == "PyPI")
    assert all(python in SpecifierSet(row["requires_python"]) for python in row.get("pythons", []))


@pytest.mark.parametrize("row", [*WHEELS, *LIBRARIES], ids=named)
def test_what_was_measured_names_the_file(row: dict[str, Any]) -> None:
    is_measured = "measured" in row["status"].split("+")
    assert ("sha256" in row) == is_measured
    assert row["source"].startswith("measured ") == is_measured


@pytest.mark.parametrize("row", [each for each in WHEELS if each["index"] == "PyPI"], ids=named)
def test_every_wheel_on_pypi_was_measured(row: dict[str, Any]) -> None:
    assert row["status"] == "measured"
    assert {"size_mb", "git", "cudnn"} <= set(row)


@pytest.mark.parametrize("row", TOOLKITS, ids=named)
def test_a_toolkit_names_its_range_and_its_generations(row: dict[str, Any]) -> None:
    compiled = [cc(each) for each in row["nvcc_sm"]]
    assert (row["min_sm"], row["max_sm"]) == (row["nvcc_sm"][0], row["nvcc_sm"][-1])
    assert row["compiles_maxwell"] == any(each.major == 5 for each in compiled)
    assert row["compiles_pascal"] == any(each.major == 6 for each in compiled)
    assert row["compiles_volta"] == any(cc("7.0") <= each < cc("7.5") for each in compiled)
    assert row["compiles_blackwell"] == any(each.major in (10, 12) for each in compiled)


@pytest.mark.parametrize("row", TOOLKITS, ids=named)
def test_a_toolkit_that_names_a_gcc_says_how_that_is_known(row: dict[str, Any]) -> None:
    assert ("gcc_max" in row) == ("gcc_status" in row) == ("gcc_source" in row)


@pytest.mark.parametrize("row", rows(TORCH, "sass_runs_on"), ids=named)
def test_a_rule_names_a_range_of_its_own_major_or_single_ones(row: dict[str, Any]) -> None:
    code = cc(row["code"])
    assert ("minimum" in row) != ("only" in row)
    if "only" in row:
        assert "except" not in row
        assert row["code"] in row["only"]
    else:
        assert row["minimum"] == row["code"]
        assert all(each.major == code.major and each > code for each in map(cc, row.get("except", [])))
    assert "no_exception_from" not in row or "except" in row


@pytest.mark.parametrize("row", rows(CUDA, "image"), ids=named)
def test_a_base_image_asks_for_the_cuda_in_its_name(row: dict[str, Any]) -> None:
    cuda = CudaVersion.parse(row["name"].partition(":")[2].partition("-")[0])
    assert row["require_cuda"].partition(" ")[0] == f"cuda>={cuda}"
    assert facts().toolkit(cuda) is not None


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


# By the file names on PyPI 2.0.1 is there for cp38 to cp311; 2.2.2 was the first row with cp312, 2.5.1 with cp313.
@pytest.mark.parametrize(
    ("build", "last", "not_any_more"),
    [
        ("2.0.1+cu117", "3.11", "3.12"),
        ("2.0.1+cu118", "3.11", "3.12"),  # PyTorch's own index: as its release on PyPI
        ("2.2.2+cu121", "3.12", "3.13"),
        ("2.7.1+cu128", "3.13", "3.14"),
    ],
)
def test_a_wheel_does_not_install_on_a_python_that_is_newer_than_any_of_its_release(
    build: str, last: str, not_any_more: str
) -> None:
    wheel = facts().wheel(TorchBuild.parse(build))
    assert wheel is not None
    assert wheel.installs_on(last)
    assert not wheel.installs_on(not_any_more)


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
