"""A Dockerfile as the rules ask about it: its mode, and everything that its RUN instructions run."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.shell.arguments import Argument
from poetry_gpu_build.documents.shell.resolve import resolve
from poetry_gpu_build.documents.shell.resolve import resolve_words
from poetry_gpu_build.documents.shell.results import ResolvedCommand
from poetry_gpu_build.documents.shell.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Dockerfile
    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.documents.shell.results import Resolved
    from poetry_gpu_build.policy import ModeName


class Step(NamedTuple):
    """Something that a RUN runs, with its place in the Dockerfile."""

    instruction: Instruction
    resolved: Resolved
    start: int
    """Offset in the file, from 0."""
    end: int
    program: str
    """The program's plain name (``python3 -m pip`` is ``pip``); empty for what is no decided command."""
    arguments: tuple[str | None, ...]
    """The program's arguments after normalising; None for what is unknown."""

    @classmethod
    def of(cls, instruction: Instruction, resolved: Resolved, start: int, end: int) -> Step:
        """Normalise the command once: every rule asks for its program."""
        program, arguments = resolved.normalised() if isinstance(resolved, ResolvedCommand) else ("", ())
        return cls(instruction, resolved, start, end, program, arguments)

    @property
    def command(self) -> ResolvedCommand | None:
        """The command, where it is one that could be decided."""
        return self.resolved if isinstance(self.resolved, ResolvedCommand) else None


class Image:
    """One Dockerfile of the project."""

    def __init__(self, dockerfile: Dockerfile, mode: ModeName | None) -> None:
        self.dockerfile = dockerfile
        self.mode = mode
        """The mode that builds it; None for a Dockerfile that no mode names."""

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Everything that runs, in the order of the file."""
        return tuple(step for instruction in self.dockerfile.instructions for step in _steps(instruction))

    def steps_of(self, instruction: Instruction) -> tuple[Step, ...]:
        """What one instruction runs."""
        return self._by_instruction.get(id(instruction), ())

    @cached_property
    def _by_instruction(self) -> dict[int, tuple[Step, ...]]:
        """By identity: two equal instructions of a file are two, and comparing them is dear."""
        found: dict[int, list[Step]] = {}
        for step in self.steps:
            found.setdefault(id(step.instruction), []).append(step)
        return {number: tuple(steps) for number, steps in found.items()}


def _steps(instruction: Instruction) -> Iterator[Step]:
    run = instruction.trigger if instruction.keyword == "ONBUILD" and instruction.trigger else instruction
    if run.keyword != "RUN":
        return
    known = run.environment.variables().values()
    variables = {each.name: each.value for each in known if each.value is not None and not each.unknown}
    if run.is_json:
        words = [Argument.of(str(word), word.offset, word.end) for word in run.arguments]
        for found in resolve_words(words, variables):
            yield Step.of(instruction, found, found.start, found.end)
        return
    if run.body is None:
        return
    options = ("pipefail",) if any("pipefail" in word for word in run.shell) else ()
    for found in resolve(scan(run.body.text), variables, options):
        start, end = run.body.original_offset(found.start), run.body.original_end(found.end)
        yield Step.of(instruction, found, start, end)
