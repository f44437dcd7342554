"""What a Dockerfile holds: instructions, their parts and places, stages. Values only; `parser` makes them.

Named tuples, not frozen dataclasses: a class takes a tenth of the time to import and a value a sixth to make (measured
on CPython 3.11: 0.1 against 1.0 ms and 0.3 against 1.9 µs for Instruction), and the linter has 40 ms for everything.

Every offset counts characters of the file's text from 0; ``Dockerfile.position`` turns one into a line and a column.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.mapped import MappedText

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.documents.dockerfile.environment import Environment
    from poetry_gpu_build.documents.dockerfile.expansion import Expansion
    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.documents.source import Source

DEFAULT_SHELL = ("/bin/sh", "-c")

_LINE = lazy_pattern(r"[^\n]*\n|[^\n]+")


class Problem(NamedTuple):
    """Something wrong with the file. ``fatal``: BuildKit refuses it; else it warns, or reads on in its own way."""

    position: Position
    message: str
    fatal: bool = True

    is_limit: bool = False
    """A limit of ours was met: BuildKit may read what we do not."""


class Comment(NamedTuple):
    """A comment line: ``text`` from its ``#`` to the end of the line, which stands at ``offset``."""

    text: str
    offset: int


class Directive(NamedTuple):
    """A parser directive, ``# syntax=…``, ``# escape=…`` or ``# check=…``; ``name`` in small letters."""

    name: str
    value: str
    offset: int


class Flag(NamedTuple):
    """``--name=value`` before the arguments. ``value`` has its quotes off; None where there is no ``=``."""

    name: str
    value: MappedText | None
    offset: int


class Mount(NamedTuple):
    """A RUN's ``--mount``: its variables are put in; options that were not given are "".

    ``type`` is ``bind`` where none is given. ``error`` is not empty where BuildKit refuses the mount.
    """

    type: str
    source: str
    target: str
    from_stage: str
    id: str
    options: dict[str, str]
    unknown: tuple[str, ...]
    offset: int
    error: str = ""


class Heredoc(NamedTuple):
    """A here-document of RUN, COPY or ADD. ``content`` is what stands in the file, tabs included.

    ``expand`` is False where a part of the name was quoted; ``strip_tabs`` is the dash of ``<<-``; ``offset`` is the
    place of the word with the ``<<``; ``terminator`` that of the closing name, None where it is missing.
    """

    name: str
    expand: bool
    strip_tabs: bool
    file_descriptor: int
    content: MappedText
    offset: int
    terminator: int | None

    @property
    def script(self) -> MappedText:
        """The content as it reaches the shell or the file: with ``<<-`` without the tabs that begin its lines."""
        if not self.strip_tabs or "\t" not in self.content.text:
            return self.content
        return _without_leading_tabs(self.content)


class Assignment(NamedTuple):
    """One ``NAME=value`` of ENV or ARG. ``raw`` is the value as written, None for an ARG without default.

    ``value`` is the value that the name has behind the instruction, as far as the file tells: for ARG that of the build
    argument or of the global ARG, where there is one. None where there is no value, or one that BuildKit refuses.
    """

    name: str
    raw: MappedText | None
    value: str | None
    unknown: tuple[str, ...]
    offset: int

    @property
    def is_known(self) -> bool:
        """Whether ``value`` is the whole truth."""
        return self.value is not None and not self.unknown


class Instruction(NamedTuple):
    """One instruction, from its keyword to the end of its last line."""

    keyword: str
    """In capitals; what the file writes is at ``offset``."""

    offset: int
    end: int
    """Behind its last character, heredocs included, the line's end not."""

    line: int
    last_line: int
    """Counted from 1."""

    text: MappedText
    """The logical line: continuations joined, comments in between dropped. The heredocs are not in it."""

    flags: tuple[Flag, ...]
    arguments: tuple[MappedText, ...]
    """As BuildKit takes them apart, quotes kept: words for FROM, COPY, ADD, ARG, ENV, LABEL, EXPOSE and VOLUME; in JSON
    form the strings, unescaped; for all others the rest of the line in one. Empty for an unknown instruction."""

    is_json: bool
    heredocs: tuple[Heredoc, ...]
    comments: tuple[Comment, ...]
    """The comment lines above it, back to the instruction before, and those between its continued lines."""

    body: MappedText | None
    """The shell text of a RUN, CMD, ENTRYPOINT or HEALTHCHECK in shell form; with heredocs, what BuildKit hands to the
    shell: the content alone for ``RUN <<EOF``, else the line with the heredocs behind it. None in JSON form."""

    shebang: str
    """The first line of such a content where it begins with ``#!``: then no shell reads the body, but that program."""

    trigger: Instruction | None
    """The instruction inside an ONBUILD."""

    assignments: tuple[Assignment, ...]
    """What an ENV or ARG sets."""

    environment: Environment
    """The variables before the instruction runs."""

    shell: tuple[str, ...]
    """What a shell form is run by: the stage's newest SHELL, else /bin/sh (the base image may say otherwise)."""

    working_directory: str | None
    """Before the instruction runs; None where the base image decides."""

    stage_number: int
    """-1 before the first FROM."""

    def flag(self, name: str) -> Flag | None:
        """The first flag of this name."""
        for flag in self.flags:
            if flag.name == name:
                return flag
        return None

    def flag_value(self, name: str) -> str:
        """What the first flag of this name says, as written; "" without it."""
        flag = self.flag(name)
        return flag.value.text if flag is not None and flag.value is not None else ""

    def expand(self, argument: MappedText | str) -> Expansion:
        """An argument as BuildKit reads it here."""
        return self.environment.expand(str(argument))

    @property
    def sources(self) -> tuple[MappedText, ...]:
        """What a COPY or ADD copies; a heredoc stands here by its word."""
        return self.arguments[:-1]

    @property
    def destination(self) -> MappedText | None:
        """Where a COPY or ADD copies to."""
        return self.arguments[-1] if len(self.arguments) > 1 else None

    def mounts(self) -> tuple[Mount, ...]:
        """The ``--mount`` flags of a RUN, taken apart."""
        if not self.flags:
            return ()
        from poetry_gpu_build.documents.dockerfile.mounts import parse_mount  # only for instructions that have flags

        return tuple(parse_mount(flag, self.environment) for flag in self.flags if flag.name == "mount")


class Stage(NamedTuple):
    """A build stage: FROM and what follows it."""

    number: int
    """Counted from 0, as ``--from=0`` does."""

    name: str
    """In small letters, as BuildKit looks it up; "" without one."""

    base: MappedText
    """As written behind FROM; empty where nothing is."""

    base_image: Expansion
    """The same with the global ARGs put in."""

    platform: Expansion
    parent: Stage | None
    """The earlier stage of this file that ``base`` names, if any."""

    instructions: tuple[Instruction, ...]
    """FROM first."""

    @property
    def ancestry(self) -> tuple[Stage, ...]:
        """This stage, its parent, that one's parent …"""
        stages = [self]
        while stages[-1].parent is not None:
            stages.append(stages[-1].parent)
        return tuple(stages)


class Dockerfile(NamedTuple):
    """A whole file."""

    path: Path
    source: Source
    directives: tuple[Directive, ...]
    escape: str
    instructions: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    comments: tuple[Comment, ...]
    """Every comment line, in order; parser directives are none."""

    problems: tuple[Problem, ...]

    def position(self, offset: int) -> Position:
        """The line and column of an offset."""
        return self.source.position(offset)

    def stage(self, reference: str) -> Stage | None:
        """The stage that ``--from`` or ``--target`` means, by name or number; None for an image or another context."""
        if reference.isascii() and reference.isdecimal():
            # Not int() first: it refuses, or takes long over, thousands of digits.
            index = int(reference) if len(reference) < 10 else len(self.stages)
            return self.stages[index] if index < len(self.stages) else None
        name = reference.lower()
        return next((stage for stage in reversed(self.stages) if stage.name == name), None) if name else None

    def stage_of(self, instruction: Instruction) -> Stage | None:
        """The stage in which an instruction stands; None before the first FROM."""
        return self.stages[instruction.stage_number] if instruction.stage_number >= 0 else None


def _without_leading_tabs(content: MappedText) -> MappedText:
    pieces: list[tuple[str, int]] = []
    for match in _LINE.finditer(content.text):
        line = match[0].lstrip("\t")
        pieces.append((line, content.original_offset(match.end() - len(line))))
    return MappedText.join(pieces)
