"""A Dockerfile as the rules ask about it: its mode, and everything that its RUN instructions run."""

from __future__ import annotations

import posixpath
from functools import cache
from functools import cached_property
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.shell.arguments import Argument
from poetry_gpu_build.documents.shell.nested import SHELLS
from poetry_gpu_build.documents.shell.nested import shell_call
from poetry_gpu_build.documents.shell.programs import program_name
from poetry_gpu_build.documents.shell.programs import shebang
from poetry_gpu_build.documents.shell.resolve import resolve
from poetry_gpu_build.documents.shell.resolve import resolve_words
from poetry_gpu_build.documents.shell.results import ResolvedCommand
from poetry_gpu_build.documents.shell.results import Undecidable
from poetry_gpu_build.documents.shell.scan import scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.documents.dockerfile.model import Dockerfile
    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.documents.shell.results import Resolved
    from poetry_gpu_build.lint.context import Taken
    from poetry_gpu_build.policy import ModeName


_TEXT = "the text"


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
        made: list[Step] = []
        # What a stage has copied and linked, by its number: the stages that stand on it have it too.
        copies: dict[int, dict[str, Argument]] = {}
        for instruction in self.dockerfile.instructions:
            number = instruction.stage_number
            if number not in copies:
                parent = self.dockerfile.stages[number].parent if number >= 0 else None
                copies[number] = dict(copies.get(parent.number, {})) if parent is not None else {}
            made += _steps(instruction, copies[number])
        return tuple(made)

    @cached_property
    def taken(self) -> tuple[Taken, ...]:
        """What it copies and mounts, in order."""
        from poetry_gpu_build.lint.context import taken_by

        return taken_by(self.dockerfile)

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


def _steps(instruction: Instruction, copies: dict[str, Argument]) -> Iterator[Step]:
    run = instruction.trigger if instruction.keyword == "ONBUILD" and instruction.trigger else instruction
    if run.keyword == "ADD":
        _note_download(run, copies)
    if run.keyword != "RUN":
        return
    known = run.environment.variables().values()
    variables = {each.name: each.value for each in known if each.value is not None and not each.unknown}
    if run.is_json:
        words = [Argument.of(str(word), word.offset, word.end) for word in run.arguments]
        for found in resolve_words(words, variables, copies):
            yield Step.of(instruction, found, found.start, found.end)
        return
    if run.body is None:
        return
    for found in _shell_form(run, run.body.text, variables, copies):
        start, end = run.body.original_offset(found.start), run.body.original_end(found.end)
        yield Step.of(instruction, found, start, end)


def _shell_form(
    run: Instruction, text: str, variables: Mapping[str, str], copies: dict[str, Argument]
) -> Sequence[Resolved]:
    """What runs the text: the stage's shell, or the program that the first line of a here-document names."""
    if run.shebang:
        language = shebang(run.shebang)
        if language not in SHELLS:
            reason = f"a program in {language or 'another language'} may run others"
            return [Undecidable(0, len(text), "code", reason, text, language, ())]
        options = _options(("sh", *run.shebang.partition(language)[2].split()))
        return resolve(scan(text), variables, options or (), copies)
    options = _options(run.shell)
    if options is not None:
        return resolve(scan(text), variables, options, copies)
    # SHELL ["python3", "-c"], SHELL ["env", "-S", …]: the text is the last word of a command like any other.
    words = [Argument.of(word, 0, 0) for word in run.shell]
    return resolve_words([*words, Argument.of(text, 0, len(text))], variables, copies)


@cache
def _options(words: tuple[str, ...]) -> frozenset[str] | None:
    """The options of a shell that runs the text as its script; None where a SHELL says something else."""
    if program_name(words[0]) not in SHELLS:
        return None
    call = shell_call([Argument.of(word, 0, 0) for word in (*words, _TEXT)])
    given = call.script or call.file
    return call.options if given is not None and given.text == _TEXT else None


def _note_download(add: Instruction, copies: dict[str, Argument]) -> None:
    """``ADD https://…/get-pip.py /x.py``: what it is called from then on."""
    if add.destination is None:
        return
    for word in add.sources:
        if word.text.endswith("/get-pip.py") and "://" in word.text:
            target = posixpath.join(add.working_directory or "", add.expand(add.destination).value)
            copies[posixpath.normpath(target)] = Argument.of(word.text, word.offset, word.end)
