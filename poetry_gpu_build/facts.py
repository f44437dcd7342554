"""Loads what NVIDIA and PyTorch shipped: wheels, toolkits, drivers, base images and cards, each row with its source.

The tables are ``policies/facts/*.toml``. A row's ``status`` says how it is known; anything below ``measured`` must be
shown as such wherever the row decides something.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import CudaVersion
from poetry_gpu_build.values import DriverVersion
from poetry_gpu_build.values import TorchBuild

if TYPE_CHECKING:
    from pathlib import Path

MEASURED = "measured"


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a fact is known: ``measured`` is the strongest status; the source tells where to look it up."""

    status: str
    source: str

    @property
    def is_measured(self) -> bool:
        """Whether somebody read it from the artefact itself."""
        return self.status == MEASURED

    @property
    def doubt(self) -> str | None:
        """The status to show wherever the fact decides something; None for what was measured."""
        return None if self.is_measured else self.status


@dataclass(frozen=True, slots=True)
class WheelFact:
    """The architectures inside one official torch wheel (Linux x86_64)."""

    torch: TorchBuild
    cuda: CudaVersion
    sass: tuple[ComputeCapability, ...]
    """Machine code: runs on the same major version from this minor upwards (see SassRule for the exceptions)."""
    ptx: tuple[ComputeCapability, ...]
    """Portable code: the driver compiles it for anything newer, if it is at least as new as the toolkit."""
    index: str
    published: str
    requires_python: str
    evidence: Evidence

    @property
    def is_published(self) -> bool:
        """Whether the wheel is known to be on its index."""
        return self.published == "yes"

    def installs_on(self, python: str) -> bool:
        """Whether the wheel's metadata allows this Python (``3.10``)."""
        from packaging.specifiers import SpecifierSet  # takes longer to import than the tables to read

        return SpecifierSet(self.requires_python).contains(f"{python}.0")


@dataclass(frozen=True, slots=True)
class SassRule:
    """Where machine code for ``code`` runs: from ``minimum`` to the end of its major, or exactly on ``only``."""

    code: ComputeCapability
    minimum: ComputeCapability | None
    excluded: tuple[ComputeCapability, ...]
    only: tuple[ComputeCapability, ...]
    source: str

    def __str__(self) -> str:
        """The rule as a sentence, with where it is known from."""
        if self.only:
            where = " and ".join(str(capability) for capability in self.only) + " only"
        else:
            first = self.minimum or self.code
            where = f"{first.major}.x from {first} on"
            if self.excluded:
                where += ", except " + " and ".join(str(capability) for capability in self.excluded)
        return f"machine code for {self.code} runs on {where} ({self.source})"


@dataclass(frozen=True, slots=True)
class ToolkitFact:
    """What one CUDA toolkit's nvcc compiles, and which drivers run its output."""

    cuda: CudaVersion
    compiles: tuple[ComputeCapability, ...]
    driver_released_with: DriverVersion | None
    """The driver that came with the toolkit: from here on PTX of this toolkit is understood too."""
    driver_minimum: DriverVersion
    """The oldest driver that runs machine code of this CUDA major (minor-version compatibility)."""
    source: str


@dataclass(frozen=True, slots=True)
class DriverBranchFact:
    """The oldest GPUs that a driver branch still drives; it is the last branch for them, or the newest of all."""

    branch: int
    oldest: ComputeCapability
    source: str


@dataclass(frozen=True, slots=True)
class DriverFloorFact:
    """GPUs from ``capability`` upwards are driven from ``branch`` upwards."""

    capability: ComputeCapability
    branch: int
    source: str


@dataclass(frozen=True, slots=True)
class ImageFact:
    """What a base image asks of the host (its NVIDIA_REQUIRE_CUDA)."""

    name: str
    geforce_branch_minimum: int | None
    source: str


@dataclass(frozen=True, slots=True)
class CompatibilityFacts:
    """Everything that the coverage rule decides by."""

    wheels: tuple[WheelFact, ...]
    sass_rules: tuple[SassRule, ...]
    toolkits: tuple[ToolkitFact, ...]
    driver_branches: tuple[DriverBranchFact, ...]
    driver_floors: tuple[DriverFloorFact, ...]
    images: tuple[ImageFact, ...]

    def wheel(self, build: TorchBuild) -> WheelFact | None:
        """The row of exactly this build, if there is one."""
        return next((wheel for wheel in self.wheels if wheel.torch == build), None)

    def toolkit(self, cuda: CudaVersion) -> ToolkitFact | None:
        """The row of this toolkit, if there is one."""
        return next((toolkit for toolkit in self.toolkits if toolkit.cuda == cuda), None)

    def image(self, name: str) -> ImageFact | None:
        """The row of this base image, if there is one."""
        return next((image for image in self.images if image.name == name), None)


@dataclass(frozen=True, slots=True)
class GpuFact:
    """A card by its marketing name and PCI ids. A fallback: the driver's own answer always wins."""

    name: str
    capability: ComputeCapability
    pci_ids: frozenset[str]
    """PCI device ids of vendor 10de, four lower-case hexadecimal digits."""
    check: str
    """Whether the PCI-ID database's chip gives the same number: ``agrees``, ``conflict``, ``not in the PCI list``."""


def load_compatibility(facts_dir: Path) -> CompatibilityFacts:
    """Load the wheel and toolkit tables from ``facts_dir``. Raises ConfigurationError if a file is not TOML."""
    torch = read_toml(facts_dir / "torch_wheels.toml").data
    cuda = read_toml(facts_dir / "cuda_toolkits.toml").data
    return CompatibilityFacts(
        wheels=tuple(_wheel(row) for row in torch["wheel"]),
        sass_rules=tuple(_sass_rule(row) for row in torch["sass_runs_on"]),
        toolkits=tuple(_toolkit(row) for row in cuda["toolkit"]),
        driver_branches=tuple(
            DriverBranchFact(int(row["branch"]), ComputeCapability.parse(row["oldest_cc"]), row["source"])
            for row in cuda["driver_branch"]
        ),
        driver_floors=tuple(
            DriverFloorFact(ComputeCapability.parse(row["cc_at_least"]), int(row["branch"]), row["source"])
            for row in cuda["driver_floor"]
        ),
        images=tuple(_image(row) for row in cuda["image"]),
    )


def load_gpus(facts_dir: Path) -> tuple[GpuFact, ...]:
    """Load the table of cards from ``facts_dir``. Raises ConfigurationError if the file is not TOML."""
    return tuple(
        GpuFact(row["name"], ComputeCapability.parse(row["cc"]), frozenset(row.get("pci_ids", ())), row["check"])
        for row in read_toml(facts_dir / "gpus.toml").data["gpu"]
    )


def _capabilities(texts: list[str]) -> tuple[ComputeCapability, ...]:
    return tuple(ComputeCapability.parse(text) for text in texts)


def _wheel(row: dict[str, Any]) -> WheelFact:
    return WheelFact(
        torch=TorchBuild(row["torch"], row["variant"]),
        cuda=CudaVersion.parse(row["cuda"]),
        sass=_capabilities(row["sass"]),
        ptx=_capabilities(row["ptx"]),
        index=row["index"],
        published=row["published"],
        requires_python=row["requires_python"],
        evidence=Evidence(row["status"], row["source"]),
    )


def _sass_rule(row: dict[str, Any]) -> SassRule:
    return SassRule(
        code=ComputeCapability.parse(row["code"]),
        minimum=ComputeCapability.parse(row["minimum"]) if "minimum" in row else None,
        excluded=_capabilities(row.get("except", [])),
        only=_capabilities(row.get("only", [])),
        source=row["source"],
    )


def _toolkit(row: dict[str, Any]) -> ToolkitFact:
    return ToolkitFact(
        cuda=CudaVersion.parse(row["cuda"]),
        compiles=_capabilities(row["nvcc_sm"]),
        driver_released_with=DriverVersion.parse(row["driver_ga"]) if "driver_ga" in row else None,
        driver_minimum=DriverVersion.parse(row["driver_minor_compat"]),
        source=row["source"],
    )


def _image(row: dict[str, Any]) -> ImageFact:
    minimum = row.get("geforce_driver_min")
    return ImageFact(row["name"], int(minimum) if minimum is not None else None, row["source"])
