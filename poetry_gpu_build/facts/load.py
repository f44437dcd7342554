"""Reads the tables ``policies/facts/*.toml`` into rows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.facts.evidence import Evidence
from poetry_gpu_build.facts.rows import CompatibilityFacts
from poetry_gpu_build.facts.rows import CudnnFact
from poetry_gpu_build.facts.rows import CupyFact
from poetry_gpu_build.facts.rows import DriverBranchFact
from poetry_gpu_build.facts.rows import DriverFloorFact
from poetry_gpu_build.facts.rows import FeatureFact
from poetry_gpu_build.facts.rows import GpuFact
from poetry_gpu_build.facts.rows import ImageFact
from poetry_gpu_build.facts.rows import LibraryFact
from poetry_gpu_build.facts.rows import NumpyFact
from poetry_gpu_build.facts.rows import PackageFacts
from poetry_gpu_build.facts.rows import SassRule
from poetry_gpu_build.facts.rows import ToolkitFact
from poetry_gpu_build.facts.rows import WheelFact
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import DriverVersion
from poetry_gpu_build.values import TorchBuild

if TYPE_CHECKING:
    from pathlib import Path


def load_compatibility(facts_dir: Path) -> CompatibilityFacts:
    """Load the tables of wheels and toolkits from ``facts_dir``. Raises ConfigurationError if a file is not TOML."""
    torch = read_toml(facts_dir / "torch_wheels.toml").data
    cuda = read_toml(facts_dir / "cuda_toolkits.toml").data
    return CompatibilityFacts(
        wheels=_wheels(torch["wheel"]),
        sass_rules=tuple(_sass_rule(row) for row in torch["sass_runs_on"]),
        toolkits=tuple(_toolkit(row) for row in cuda["toolkit"]),
        driver_branches=tuple(
            DriverBranchFact(int(row["branch"]), ComputeCapability.parse(row["oldest_cc"]), _evidence(row))
            for row in cuda["driver_branch"]
        ),
        driver_floors=tuple(
            DriverFloorFact(ComputeCapability.parse(row["cc_at_least"]), int(row["branch"]), _evidence(row))
            for row in cuda["driver_floor"]
        ),
        images=tuple(ImageFact(row["name"], row["require_cuda"], _evidence(row)) for row in cuda["image"]),
        cudnns=tuple(_cudnn(row) for row in cuda["cudnn"]),
        libraries=tuple(_library(row) for row in torch["library"]),
    )


def load_gpus(facts_dir: Path) -> tuple[GpuFact, ...]:
    """Load the table of cards from ``facts_dir``. Raises ConfigurationError if the file is not TOML."""
    return tuple(
        GpuFact(row["name"], ComputeCapability.parse(row["cc"]), frozenset(row.get("pci_ids", ())), row["check"])
        for row in read_toml(facts_dir / "gpus.toml").data["gpu"]
    )


def load_packages(facts_dir: Path) -> PackageFacts:
    """Load the table of packages beside torch from ``facts_dir``. Raises ConfigurationError if it is not TOML."""
    packages = read_toml(facts_dir / "features.toml").data
    return PackageFacts(
        features=tuple(
            FeatureFact(
                row["package"],
                row["what"],
                row.get("versions", "*"),
                ComputeCapability.parse(row["min_cc"]),
                _evidence(row),
            )
            for row in packages["feature"]
        ),
        cupy=tuple(
            CupyFact(
                row["package"],
                row["cuda_major"],
                ComputeCapability.parse(row["min_cc"]),
                row.get("last"),
                _evidence(row),
            )
            for row in packages["cupy"]
        ),
        cupy_numpy=tuple(NumpyFact(row["versions"], row["numpy"], _evidence(row)) for row in packages["cupy_numpy"]),
        torch_numpy=tuple(NumpyFact(row["torch"], row["numpy"], _evidence(row)) for row in packages["torch_numpy"]),
    )


def _evidence(row: dict[str, Any], prefix: str = "") -> Evidence:
    return Evidence(row[f"{prefix}status"], row[f"{prefix}source"])


def _capabilities(texts: list[str]) -> tuple[ComputeCapability, ...]:
    return tuple(ComputeCapability.parse(text) for text in texts)


def _wheels(rows: list[dict[str, Any]]) -> tuple[WheelFact, ...]:
    """The wheels; a row without Pythons has those of its release on PyPI.

    PyTorch builds a release for the same Pythons in every variant (.github/scripts/generate_binary_build_matrix.py:
    FULL_PYTHON_VERSIONS), and its own indexes are not read here.
    """
    of_release = {row["torch"]: row["pythons"] for row in rows if "pythons" in row}
    return tuple(_wheel({"pythons": of_release.get(row["torch"], ()), **row}) for row in rows)


def _wheel(row: dict[str, Any]) -> WheelFact:
    return WheelFact(
        torch=TorchBuild(row["torch"], row["variant"]),
        cuda=CudaVersion.parse(row["cuda"]),
        sass=_capabilities(row["sass"]),
        ptx=_capabilities(row["ptx"]),
        index=row["index"],
        published=row["published"],
        requires_python=row["requires_python"],
        cudnn=row.get("cudnn"),
        evidence=_evidence(row),
        pythons=tuple(row["pythons"]),
    )


def _sass_rule(row: dict[str, Any]) -> SassRule:
    return SassRule(
        code=ComputeCapability.parse(row["code"]),
        minimum=ComputeCapability.parse(row["minimum"]) if "minimum" in row else None,
        excluded=_capabilities(row.get("except", [])),
        only=_capabilities(row.get("only", [])),
        no_exception_from=CudaVersion.parse(row["no_exception_from"]) if "no_exception_from" in row else None,
        evidence=_evidence(row),
    )


def _toolkit(row: dict[str, Any]) -> ToolkitFact:
    return ToolkitFact(
        cuda=CudaVersion.parse(row["cuda"]),
        compiles=_capabilities(row["nvcc_sm"]),
        evidence=_evidence(row),
        driver_released_with=DriverVersion.parse(row["driver_ga"]) if "driver_ga" in row else None,
        driver_evidence=_evidence(row, "driver_"),
        driver_minimum=DriverVersion.parse(row["driver_minor_compat"]),
        minimum_evidence=_evidence(row, "minor_compat_"),
        newest_gcc=int(row["gcc_max"]) if "gcc_max" in row else None,
        gcc_evidence=_evidence(row, "gcc_") if "gcc_max" in row else None,
    )


def _cudnn(row: dict[str, Any]) -> CudnnFact:
    return CudnnFact(
        first=_numbers(row["first"]),
        last=_numbers(row["last"]) if "last" in row else None,
        oldest=ComputeCapability.parse(row["min_cc"]),
        versions=row["versions"],
        evidence=_evidence(row),
    )


def _library(row: dict[str, Any]) -> LibraryFact:
    return LibraryFact(
        name=row["name"],
        version=row["version"],
        sass=_capabilities(row["sass"]),
        ptx=_capabilities(row["ptx"]),
        note=row.get("note"),
        evidence=_evidence(row),
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
