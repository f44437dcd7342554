"""Answers whether what was found runs on a compute capability. Pure.

torch is judged by libtorch_cuda.so, and by what is in at least half of its containers: the union over all files and
their intersection both lie. torch 2.7.1 holds sm_90a code in 3 containers of 378 and sm_89 code in 2, and the libraries
beside it hold code for some cards only. Other libraries may hold a kernel for one card on purpose (libcublasLt.so has
most of its containers for 8.0 and 9.0 only): there an architecture counts wherever it is.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.binaries.fatbin import PTX
from poetry_gpu_build.binaries.fatbin import SASS
from poetry_gpu_build.coverage.answer import Answer
from poetry_gpu_build.coverage.code import code_covers
from poetry_gpu_build.errors import UnreadableBinaryError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from poetry_gpu_build.binaries.contents import Contents
    from poetry_gpu_build.binaries.library import Library
    from poetry_gpu_build.coverage.code import Architecture
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.values import ComputeCapability

TORCH_LIBRARY = "libtorch_cuda.so"


class Judged(NamedTuple):
    """One library that decides, and the architectures that count in it."""

    library: Library
    sass: tuple[Architecture, ...]
    ptx: tuple[Architecture, ...]


class Verdict(NamedTuple):
    """Whether everything that decides runs on one compute capability."""

    target: ComputeCapability
    answer: Answer
    decided_by: str | None
    """The library that decided: the first that does not run, else the first; None where nothing holds device code."""


class Judgement(NamedTuple):
    """What decides, where it runs, and the answers that were asked for."""

    deciding: tuple[Judged, ...]
    runs: tuple[ComputeCapability, ...]
    """Of the compute capabilities that some toolkit compiles for, those on which everything that decides runs."""
    does_not_run: tuple[ComputeCapability, ...]
    verdicts: tuple[Verdict, ...]
    """For the compute capabilities that were asked about."""

    @property
    def by_torch(self) -> bool:
        """Whether torch's own library decides."""
        return any(is_torch(each.library.path) for each in self.deciding)


def judge(contents: Contents, targets: Iterable[ComputeCapability], facts: CompatibilityFacts) -> Judgement:
    """Answer for ``targets``. Raises UnreadableBinaryError where torch's own library could not be read."""
    deciding = _deciding(contents)
    known = sorted({capability for toolkit in facts.toolkits for capability in toolkit.compiles})
    runs = tuple(each for each in known if _runs_on(each, deciding, facts).answer.runs)
    return Judgement(
        deciding,
        runs,
        tuple(each for each in known if each not in runs),
        tuple(_runs_on(target, deciding, facts) for target in targets),
    )


def is_torch(path: str) -> bool:
    """Whether this is the library with torch's own kernels."""
    return PurePosixPath(path).name == TORCH_LIBRARY


def _deciding(contents: Contents) -> tuple[Judged, ...]:
    for unread in contents.unread:
        if is_torch(unread.path):
            raise UnreadableBinaryError(unread.fault)
    torch = [library for library in contents.libraries if is_torch(library.path)]
    return tuple(map(_judged, torch or contents.libraries))


def _judged(library: Library) -> Judged:
    fewest = library.containers / 2 if is_torch(library.path) else 0
    counted = [held.code for held in library.held if held.containers >= fewest]
    return Judged(
        library,
        tuple(code.architecture for code in counted if code.kind == SASS),
        tuple(code.architecture for code in counted if code.kind == PTX),
    )


def _runs_on(target: ComputeCapability, deciding: Iterable[Judged], facts: CompatibilityFacts) -> Verdict:
    """Whether all these libraries run on ``target``, and the rule that decided."""
    verdicts = [
        Verdict(target, code_covers(each.sass, each.ptx, target, facts.sass_rules), each.library.path)
        for each in deciding
    ]
    if not verdicts:
        return Verdict(target, Answer(False, "there is no GPU code"), None)
    return next((verdict for verdict in verdicts if not verdict.answer.runs), verdicts[0])
