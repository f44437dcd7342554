"""Finds the cases, in the order in which they are told: what causes others first, what follows from others last."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from poetry_gpu_build.doctor.explain import cases
from poetry_gpu_build.doctor.explain.case import Case

#: Where several are in one text: a driver that is not there comes before what fails without it, a wrong torch before
#: what it computes, a compiler that was killed before the step that failed by it.
ORDER = (
    "driver-mismatch",
    "driver-not-loaded",
    "driver-too-old",
    "forward-compatibility",
    "container-requirement",
    "no-gpu-runtime",
    "cdi-unresolvable",
    "container-lost-gpu",
    "unknown-cuda-error",
    "no-docker-daemon",
    "no-buildx",
    "legacy-builder",
    "selection-expression",
    "no-dockerfile",
    "registry-unreachable",
    "pull-limit",
    "pull-denied",
    "base-image-gone",
    "copy-not-found",
    "no-space",
    "externally-managed",
    "poetry-removes-itself",
    "group-not-found",
    "poetry-stale-lock",
    "source-not-explicit",
    "poetry-index-not-json",
    "poetry-unsolvable",
    "poetry-no-candidates",
    "poetry-hashes",
    "poetry-replaces-torch",
    "cmake-too-new",
    "setuptools-too-new",
    "no-cuda-compiler",
    "cuda-mismatch",
    "unknown-arch-list",
    "nvcc-architecture",
    "gcc-too-new",
    "compiler-out-of-memory",
    "step-killed",
    "torch-without-cuda",
    "torch-lacks-gpu",
    "triton-needs-newer-gpu",
    "triton-too-old",
    "flash-attention-needs-newer-gpu",
    "bfloat16-needs-newer-gpu",
    "cupy-architecture",
    "no-binary-for-gpu",
    "unsupported-ptx",
    "cudnn-architecture",
    "older-libc",
    "missing-library",
    "library-mismatch",
    "extension-of-another-torch",
    "numpy-2",
    "no-kernel-image",
    "cudnn-no-engine",
    "gpu-out-of-memory",
    "no-torch",
    "no-gpu-visible",
    "smi-without-compute-cap",
    "poetry-installs-torch",
    "torch-false-alarm",
    "compile-failed",
    "step-failed",
)


def all_cases() -> tuple[Case, ...]:
    """Every case, in ORDER.

    Raises ValueError for a case without examples and look-alikes, and KeyError where ORDER and the cases differ.
    """
    found: dict[str, Case] = {}
    for module in iter_modules(cases.__path__):
        for value in vars(import_module(f"{cases.__name__}.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Case) and hasattr(value, "name"):
                register(value(), found)
    unplaced = found.keys() - set(ORDER)
    if unplaced:
        raise KeyError(f"no place in ORDER: {', '.join(sorted(unplaced))}")
    return tuple(found[name] for name in ORDER)


def register(case: Case, found: dict[str, Case]) -> None:
    """Take a case up. Raises ValueError for one that its author did not show."""
    if not getattr(case, "examples", ()) or not getattr(case, "lookalikes", ()):
        raise ValueError(f"the case {case.name} has no example, or no look-alike")
    found[case.name] = case
