"""Asks a real nvcc what it compiles for."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.facts.evidence import MEASURED
from poetry_gpu_build.values import ComputeCapability
from tools.refresh.comparison import Measured

if TYPE_CHECKING:
    from pathlib import Path

_RELEASE = re.compile(r"\brelease (\d+\.\d+), V(\d+(?:\.\d+)+)")
_ARCHITECTURE = re.compile(r"^compute_(\d+)$", re.MULTILINE)  # compute_90a, compute_100f: no cards of their own
_TIMEOUT_SECONDS = 60

# The generations that a toolkit's row answers for by name, each by its first major and minor and those of the next.
_GENERATIONS = {
    "maxwell": (ComputeCapability(5, 0), ComputeCapability(6, 0)),
    "pascal": (ComputeCapability(6, 0), ComputeCapability(7, 0)),
    "volta": (ComputeCapability(7, 0), ComputeCapability(7, 5)),
    "blackwell": (ComputeCapability(10, 0), ComputeCapability(13, 0)),
}


def row_of(compiles: tuple[ComputeCapability, ...]) -> dict[str, Any]:
    """The keys of a toolkit's row that follow from what it compiles for."""
    digits = [capability.sm.removeprefix("sm_") for capability in compiles]
    read: dict[str, Any] = {"nvcc_sm": digits, "min_sm": digits[0], "max_sm": digits[-1]}
    for name, (first, end) in _GENERATIONS.items():
        read[f"compiles_{name}"] = any(first <= each < end for each in compiles)
    return read


def ask(nvcc: Path, date: str) -> Measured:
    """Run ``nvcc --version`` and ``nvcc --list-gpu-arch``. Raises ConfigurationError."""
    release = _RELEASE.search(_run(nvcc, "--version"))
    architectures = _ARCHITECTURE.findall(_run(nvcc, "--list-gpu-arch"))
    if release is None or not architectures:
        raise ConfigurationError(f"{nvcc} does not answer as an nvcc does", ways_out=("name NVIDIA's nvcc, from 11.0",))
    compiles = tuple(sorted(map(ComputeCapability.parse, architectures)))
    evidence = {"status": MEASURED, "source": f"measured {date}: nvcc {release[2]} --list-gpu-arch"}
    return Measured("toolkit", {"cuda": release[1]}, row_of(compiles), evidence)


def _run(nvcc: Path, option: str) -> str:
    try:
        done = subprocess.run([nvcc, option], capture_output=True, text=True, check=True, timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(f"{nvcc} {option} took more than {_TIMEOUT_SECONDS} s") from error
    except OSError as error:
        raise ConfigurationError(
            f"{nvcc} cannot be run: {error.strerror or error}", ways_out=("name the compiler itself: --nvcc PATH",)
        ) from error
    except subprocess.CalledProcessError as error:
        raise ConfigurationError(f"{nvcc} {option} failed: {error.stderr.strip() or error.returncode}") from error
    return done.stdout
