"""Proves a swap on the spot: asks two fresh interpreters, reads torch's machine code, and has both judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.binaries.judgement import Judged
from poetry_gpu_build.binaries.judgement import judge as judge_contents
from poetry_gpu_build.binaries.library import Library
from poetry_gpu_build.binaries.read import read_path
from poetry_gpu_build.errors import ProofFailedError
from poetry_gpu_build.errors import UnreadableBinaryError
from poetry_gpu_build.swap.probe import run_probe
from poetry_gpu_build.swap.proof import judge

if TYPE_CHECKING:
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.swap.proof import Expectation
    from poetry_gpu_build.swap.proof import ProofLine


def prove(python: Path, expectation: Expectation, facts: CompatibilityFacts) -> tuple[ProofLine, ...]:
    """Ask ``python -I``, and ``python`` alone.

    Raises ProofFailedError where one does not answer at all, or where torch's own library is broken.
    """
    isolated = run_probe(python, isolated=True)
    plain = run_probe(python, isolated=False)
    library = isolated.library or plain.library
    held = None if library is None else held_in(Path(library), facts)
    return judge(isolated, plain, held, expectation, facts)


def held_in(library: Path, facts: CompatibilityFacts) -> Judged:
    """What torch's library holds, possibly nothing. Raises ProofFailedError where it cannot be read."""
    try:
        deciding = judge_contents(read_path(library), (), facts).deciding
    except UnreadableBinaryError as error:
        raise ProofFailedError(error.message, ways_out=error.ways_out) from error
    return deciding[0] if deciding else Judged(Library(str(library), 0, ()), (), ())
