"""The values of the field: each parses itself, compares, prints itself back, and raises one error type.

Named tuples, for the order and for the linter's start-up; mypy refuses to compare two of different types.
"""

from __future__ import annotations

from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.errors import InvalidValueError

# The first CUDA architecture was 1.0; `sm_10` and below never existed as two-digit numbers of a newer major.
_CAPABILITY_DOTTED = lazy_pattern(r"(\d{1,2})\.(\d)")
_CAPABILITY_DIGITS = lazy_pattern(r"(?P<prefix>sm_|compute_)?(\d{1,2})(\d)")
_CUDA_DOTTED = lazy_pattern(r"(\d{1,2})\.(\d{1,2})(?:\.\d+)*")
_CUDA_VARIANT = lazy_pattern(r"cu(\d{2})(\d)")
_DRIVER = lazy_pattern(r"\d{2,4}(?:\.\d{1,4}){1,3}")
_TORCH = lazy_pattern(r"v?(\d+(?:\.\d+){1,2}(?:(?:a|b|rc|\.dev|\.post)\d+)*)(?:\+([a-z0-9]+(?:[._][a-z0-9]+)*))?")
# https://download.pytorch.org/whl/cu128, and any mirror that keeps the last segment
_INDEX_VARIANT = lazy_pattern(r"/(cu\d{3}|cpu)/?$")


class ComputeCapability(NamedTuple):
    """NVIDIA's number for a chip generation, ``major.minor``.

    Source: CUDA C++ Programming Guide, "Compute Capabilities".
    """

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> ComputeCapability:
        """Read ``5.2``, ``52``, ``sm_52`` or ``compute_52``.

        >>> ComputeCapability.parse("sm_120")
        ComputeCapability(major=12, minor=0)
        >>> ComputeCapability.parse("5.2") < ComputeCapability.parse("10.0")
        True

        Raises InvalidValueError for anything else; also for `10` and `12`, which one reader takes for a major number
        and the next for architecture 1.0 and 1.2.
        """
        stripped = text.strip()
        if match := _CAPABILITY_DOTTED.fullmatch(stripped):
            return cls._checked(int(match[1]), int(match[2]), text)
        if match := _CAPABILITY_DIGITS.fullmatch(stripped.lower()):
            return cls._checked(int(match[2]), int(match[3]), text)
        raise InvalidValueError(
            f"{text!r} is not a compute capability", ways_out=("write it as 5.2, sm_52, compute_52 or 52",)
        )

    @classmethod
    def _checked(cls, major: int, minor: int, text: str) -> ComputeCapability:
        if major >= 2:
            return cls(major, minor)
        raise InvalidValueError(
            f"{text!r} is not a compute capability: no GPU of generation {major}.x is supported by any CUDA in use",
            ways_out=(f"if you mean generation {major}{minor}, write {major}{minor}.0",)
            if major
            else ("write it as 5.2, sm_52, compute_52 or 52",),
        )

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def sm(self) -> str:
        """The name of the machine code (SASS) for it: ``sm_52``."""
        return f"sm_{self.major}{self.minor}"


class CudaVersion(NamedTuple):
    """A CUDA toolkit's version as compatibility counts it: major and minor; the patch number does not matter."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> CudaVersion:
        """Read ``12.8``, ``12.8.1`` or the wheel variant ``cu128``.

        >>> CudaVersion.parse("cu118") == CudaVersion.parse("11.8.0")
        True
        """
        stripped = text.strip()
        if match := _CUDA_DOTTED.fullmatch(stripped) or _CUDA_VARIANT.fullmatch(stripped.lower()):
            return cls(int(match[1]), int(match[2]))
        raise InvalidValueError(f"{text!r} is not a CUDA version", ways_out=("write it as 12.8, 12.8.1 or cu128",))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def variant(self) -> str:
        """The local version label of wheels made with it: ``cu128``."""
        return f"cu{self.major}{self.minor}"


class TorchBuild(NamedTuple):
    """A build of torch: the release and, when it is known, the variant (``cu128``, ``cpu``) that tells its CUDA."""

    version: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> TorchBuild:
        """Read ``2.7.1+cu128``, ``2.7.1`` or a git tag such as ``v2.4.1``.

        >>> TorchBuild.parse("2.7.1+cu128").cuda
        CudaVersion(major=12, minor=8)
        """
        match = _TORCH.fullmatch(text.strip().lower())
        if match is None:
            raise InvalidValueError(
                f"{text!r} is not a version of torch", ways_out=("write it as 2.7.1 or 2.7.1+cu128",)
            )
        return cls(match[1], match[2])

    @property
    def cuda(self) -> CudaVersion | None:
        """The CUDA that the variant names; None for ``cpu``, ``rocm…`` and for a build without a variant."""
        if self.variant is None or not _CUDA_VARIANT.fullmatch(self.variant):
            return None
        return CudaVersion.parse(self.variant)

    def __str__(self) -> str:
        return self.version if self.variant is None else f"{self.version}+{self.variant}"


def variant_of(constraint: str, index: str | None) -> str | None:
    """The variant of a torch by its constraint's local label, else by the last segment of its index's address.

    >>> variant_of("2.7.1+cu128", None), variant_of("^2.7", "https://example.org/whl/cu126"), variant_of("*", None)
    ('cu128', 'cu126', None)
    """
    if "+" in constraint:
        return constraint.rpartition("+")[2].strip() or None
    match = _INDEX_VARIANT.search(index or "")
    return match[1] if match else None


class DriverVersion(NamedTuple):
    """The version of NVIDIA's driver; its first number is the branch. Prints itself as it was read (`450.80.02`)."""

    numbers: tuple[int, ...]
    """First, to compare by: leading zeros do not count."""
    text: str

    @classmethod
    def parse(cls, text: str) -> DriverVersion:
        """Read ``570.124.06``.

        >>> DriverVersion.parse("450.80.02") < DriverVersion.parse("570.26")
        True
        """
        stripped = text.strip()
        if not _DRIVER.fullmatch(stripped):
            raise InvalidValueError(f"{text!r} is not a driver version", ways_out=("write it as 570.124.06",))
        return cls(tuple(int(part) for part in stripped.split(".")), stripped)

    @property
    def branch(self) -> int:
        """The release branch: 570 for 570.124.06."""
        return self.numbers[0]

    def __str__(self) -> str:
        return self.text
