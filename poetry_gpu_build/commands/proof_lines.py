"""How the lines of a proof are shown: to people, to programs, and as the error that one of them ends in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.errors import ProofFailedError
from poetry_gpu_build.lint.formats.characters import visible
from poetry_gpu_build.lint.formats.characters import well_formed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from poetry_gpu_build.swap.proof import ProofLine

_MARKS = {True: "✓", False: "✗", None: "-"}


def text_lines(lines: Iterable[ProofLine]) -> Iterator[str]:
    """Each claim with what was seen, and what to do where it is not so."""
    for line in lines:
        yield f"  {_MARKS[line.ok]} {visible(line.claim)}: {visible(line.seen)}"
        if line.ok is False and line.help:
            yield f"      help: {visible(line.help)}"


def line_data(lines: Iterable[ProofLine]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [
        {
            "claim": well_formed(line.claim),
            "seen": well_formed(line.seen),
            "ok": line.ok,
            "help": well_formed(line.help),
        }
        for line in lines
    ]


def proof_failed(subject: str, lines: Iterable[ProofLine]) -> ProofFailedError:
    """The error that says how many lines failed, and what to do about each."""
    failed = [line for line in lines if line.ok is False]
    number = "one line" if len(failed) == 1 else f"{len(failed)} lines"
    return ProofFailedError(
        f"{subject}: {number} of the proof failed",
        ways_out=tuple(dict.fromkeys(visible(line.help) for line in failed if line.help)),
    )
