"""What one row of each table of the facts says. Frozen values; each can be cited by an answer that it decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from poetry_gpu_build.facts.evidence import Row

if TYPE_CHECKING:
    from poetry_gpu_build.facts.evidence import Evidence
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import CudaVersion
    from poetry_gpu_build.values import DriverVersion
    from poetry_gpu_build.values import TorchBuild


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
    cudnn: str | None
    """The cuDNN that the wheel pins, ``9.10.2.21``; None where nobody looked."""
    evidence: Evidence
    pythons: tuple[str, ...] = ()
    """The CPythons for which there are wheels of the release (``3.10``); empty where nobody looked."""

    @property
    def is_published(self) -> bool:
        """Whether the wheel is known to be on its index."""
        return self.published == "yes"

    @property
    def row(self) -> Row:
        """What this row says of its wheel."""
        portable = f", and PTX for {_listed(self.ptx)}" if self.ptx else ""
        return Row("wheel", f"torch {self.torch} holds machine code for {_listed(self.sass)}{portable}", self.evidence)

    def installs_on(self, python: str) -> bool:
        """Whether there is a wheel for this Python (``3.10``), and its metadata allows it: that has no upper bound."""
        from packaging.specifiers import SpecifierSet  # takes longer to import than the tables to read

        is_built = not self.pythons or python in self.pythons
        return is_built and SpecifierSet(self.requires_python).contains(f"{python}.0")


@dataclass(frozen=True, slots=True)
class SassRule:
    """Where machine code for ``code`` runs: from ``minimum`` to the end of its major, or exactly on ``only``."""

    code: ComputeCapability
    minimum: ComputeCapability | None
    excluded: tuple[ComputeCapability, ...]
    only: tuple[ComputeCapability, ...]
    no_exception_from: CudaVersion | None
    """Machine code of this toolkit and newer ones runs on the ``excluded`` too; None: of none."""
    evidence: Evidence

    def __str__(self) -> str:
        """The rule as a sentence, with where it is known from."""
        return str(self.row)

    @property
    def row(self) -> Row:
        """The rule as a sentence."""
        if self.only:
            where = " and ".join(str(capability) for capability in self.only) + " only"
        else:
            first = self.minimum or self.code
            where = f"{first.major}.x from {first} on"
            if self.excluded:
                where += ", except " + " and ".join(str(capability) for capability in self.excluded)
            if self.excluded and self.no_exception_from is not None:
                where += f" (without that exception if CUDA {self.no_exception_from} or newer made it)"
        return Row("rule", f"machine code for {self.code} runs on {where}", self.evidence)


@dataclass(frozen=True, slots=True)
class ToolkitFact:
    """What one CUDA toolkit's nvcc compiles and with which gcc, and which drivers run its output."""

    cuda: CudaVersion
    compiles: tuple[ComputeCapability, ...]
    evidence: Evidence
    driver_released_with: DriverVersion | None
    """The driver that came with the toolkit: from here on PTX of this toolkit is understood too."""
    driver_evidence: Evidence
    driver_minimum: DriverVersion
    """The oldest driver that runs machine code of this CUDA major (minor-version compatibility)."""
    minimum_evidence: Evidence
    newest_gcc: int | None
    """The newest major version of gcc that its headers accept; None where nobody looked."""
    gcc_evidence: Evidence | None

    @property
    def row(self) -> Row:
        """What its nvcc compiles."""
        return Row("toolkit", f"the nvcc of CUDA {self.cuda} compiles for {_listed(self.compiles)}", self.evidence)

    @property
    def driver_row(self) -> Row:
        """The driver that it came with."""
        what = f"CUDA {self.cuda} came with driver {self.driver_released_with or 'of a number that is not known'}"
        return Row("driver", what, self.driver_evidence)

    @property
    def minimum_row(self) -> Row:
        """The oldest driver for its machine code."""
        what = f"machine code of CUDA {self.cuda.major}.x runs from driver {self.driver_minimum} on"
        return Row("driver", what, self.minimum_evidence)


@dataclass(frozen=True, slots=True)
class DriverBranchFact:
    """The oldest GPUs that a driver branch still drives; it is the last branch for them, or the newest of all."""

    branch: int
    oldest: ComputeCapability
    evidence: Evidence

    @property
    def row(self) -> Row:
        """What the branch drives."""
        return Row("driver", f"driver branch {self.branch} drives GPUs from {self.oldest} on", self.evidence)


@dataclass(frozen=True, slots=True)
class DriverFloorFact:
    """GPUs from ``capability`` upwards are driven from ``branch`` upwards."""

    capability: ComputeCapability
    branch: int
    evidence: Evidence

    @property
    def row(self) -> Row:
        """From which branch on these GPUs are driven."""
        what = f"GPUs from {self.capability} on are driven by branch {self.branch} and newer"
        return Row("driver", what, self.evidence)


@dataclass(frozen=True, slots=True)
class ImageFact:
    """What a base image asks of the host before NVIDIA's container runtime starts it."""

    name: str
    requires: str
    """Its NVIDIA_REQUIRE_CUDA: alternatives apart by blanks, of each the conditions apart by commas."""
    evidence: Evidence

    @property
    def row(self) -> Row:
        """Its first alternative, which is the one for all brands; the others are many."""
        first, _, others = self.requires.partition(" ")
        more = " or one of its branches for single brands" if others else ""
        return Row("base image", f"{self.name} asks for {first}{more}", self.evidence)


@dataclass(frozen=True, slots=True)
class CudnnFact:
    """The oldest GPUs that a range of cuDNN versions serves."""

    first: tuple[int, ...]
    last: tuple[int, ...] | None
    """The last version of the range, whose further numbers do not count; None: it has no end."""
    oldest: ComputeCapability
    versions: str
    """As a person writes the range: ``9.0.0-9.10.2``."""
    evidence: Evidence

    @property
    def row(self) -> Row:
        """From which GPU on these versions serve."""
        return Row("cuDNN", f"cuDNN {self.versions} serves GPUs from {self.oldest} on", self.evidence)

    def holds(self, version: tuple[int, ...]) -> bool:
        """Whether a version lies in the range."""
        return self.first <= version and (self.last is None or version[: len(self.last)] <= self.last)


@dataclass(frozen=True, slots=True)
class LibraryFact:
    """The architectures inside one version of a CUDA library or of CuPy on PyPI."""

    name: str
    version: str
    sass: tuple[ComputeCapability, ...]
    ptx: tuple[ComputeCapability, ...]
    note: str | None
    evidence: Evidence

    @property
    def row(self) -> Row:
        """What this row says of its library."""
        what = f"{self.name} {self.version} holds machine code for {_listed(self.sass)}"
        return Row("library", what, self.evidence)


@dataclass(frozen=True, slots=True)
class CompatibilityFacts:
    """Everything that coverage decides by."""

    wheels: tuple[WheelFact, ...]
    sass_rules: tuple[SassRule, ...]
    toolkits: tuple[ToolkitFact, ...]
    driver_branches: tuple[DriverBranchFact, ...]
    driver_floors: tuple[DriverFloorFact, ...]
    images: tuple[ImageFact, ...]
    cudnns: tuple[CudnnFact, ...]
    libraries: tuple[LibraryFact, ...]

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
class FeatureFact:
    """The oldest GPUs that a package, or something in it, works on."""

    package: str
    """Its distribution's name, normalised."""
    what: str
    """What works: ``torch.compile``, ``flash-attn``."""
    versions: str
    """The versions that this holds for, as a constraint; ``*``: all."""
    oldest: ComputeCapability
    evidence: Evidence

    @property
    def row(self) -> Row:
        """From which GPU on it works."""
        return Row("feature", f"{self.what} needs a GPU of {self.oldest} or newer", self.evidence)


@dataclass(frozen=True, slots=True)
class CupyFact:
    """One of CuPy's distributions: each is made for one CUDA major, and none brings CUDA's libraries along."""

    package: str
    cuda_major: int
    oldest: ComputeCapability
    """The oldest GPUs that this major's NVRTC compiles for; it compiles every kernel at its first call."""
    last: str | None
    """Its last release; None: there will be others."""
    evidence: Evidence

    @property
    def row(self) -> Row:
        """What it is made for."""
        what = f"{self.package} is for CUDA {self.cuda_major}, which compiles for GPUs from {self.oldest} on"
        return Row("library", what, self.evidence)


@dataclass(frozen=True, slots=True)
class NumpyFact:
    """Which NumPy a range of another package's versions works with."""

    versions: str
    """Of the other package, as a constraint."""
    numpy: str
    """A constraint."""
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What packages beside torch ask of the card, of CUDA and of NumPy."""

    features: tuple[FeatureFact, ...]
    cupy: tuple[CupyFact, ...]
    cupy_numpy: tuple[NumpyFact, ...]
    torch_numpy: tuple[NumpyFact, ...]


@dataclass(frozen=True, slots=True)
class GpuFact:
    """A card by its marketing name and PCI ids. A fallback: the driver's own answer always wins."""

    name: str
    capability: ComputeCapability
    pci_ids: frozenset[str]
    """PCI device ids of vendor 10de, four lower-case hexadecimal digits."""
    check: str
    """Whether the PCI-ID database's chip gives the same number: ``agrees``, ``conflict``, ``not in the PCI list``."""


def _listed(capabilities: tuple[ComputeCapability, ...]) -> str:
    return ", ".join(str(capability) for capability in capabilities)
