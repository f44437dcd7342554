"""Reads a whole Dockerfile as BuildKit does, and goes on where BuildKit stops: every mistake becomes a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.dockerfile.checks import check
from poetry_gpu_build.documents.dockerfile.expansion import TOO_DEEP
from poetry_gpu_build.documents.dockerfile.expansion import TOO_LARGE
from poetry_gpu_build.documents.dockerfile.expansion import Budget
from poetry_gpu_build.documents.dockerfile.heredocs import find_heredocs
from poetry_gpu_build.documents.dockerfile.heredocs import heredoc_word
from poetry_gpu_build.documents.dockerfile.lines import MAXIMUM_INSTRUCTION
from poetry_gpu_build.documents.dockerfile.lines import LineReader
from poetry_gpu_build.documents.dockerfile.model import Dockerfile
from poetry_gpu_build.documents.dockerfile.model import Heredoc
from poetry_gpu_build.documents.dockerfile.model import Instruction
from poetry_gpu_build.documents.dockerfile.model import Problem
from poetry_gpu_build.documents.dockerfile.parts import Parts
from poetry_gpu_build.documents.dockerfile.parts import bare_parts
from poetry_gpu_build.documents.dockerfile.parts import take_apart
from poetry_gpu_build.documents.dockerfile.scope import Scope
from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.mapped import MappedText
from poetry_gpu_build.documents.reading import read_source
from poetry_gpu_build.documents.source import Position

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from poetry_gpu_build.documents.dockerfile.lines import LogicalLine
    from poetry_gpu_build.documents.dockerfile.model import Assignment
    from poetry_gpu_build.documents.source import Source

_HEREDOC_KEYWORDS = frozenset(("RUN", "COPY", "ADD"))
_NOT_UTF_8 = lazy_pattern("[\udc80-\udcff]")


def read_dockerfile(path: Path, build_args: Mapping[str, str] | None = None) -> Dockerfile:
    """Read a file. Raises ConfigurationError where it cannot be read at all; see parse_dockerfile."""
    return parse_dockerfile(read_source(path), build_args)


def parse_dockerfile(source: Source, build_args: Mapping[str, str] | None = None) -> Dockerfile:
    """Parse a Dockerfile; whatever is wrong with it is in ``problems``, and never raised.

    ``build_args`` are the values of ``--build-arg``, which beat the defaults of ARG.
    """
    return _Parser(source, build_args or {}).parse()


class _Parser:
    def __init__(self, source: Source, build_args: Mapping[str, str]) -> None:
        self._source = source
        self._reader = LineReader(source.text)
        self._build_args = build_args
        self._budget = Budget()
        self._problems: list[Problem] = []
        self._instructions: list[Instruction] = []

    def parse(self) -> Dockerfile:
        reader = self._reader
        line = reader.next()  # the escape is known once the first line is read
        self._scope = Scope(reader.escape, self._build_args, self._budget)
        while line is not None:
            self._instruction(line)
            line = reader.next()
        self._scope.end_stage()
        self._check_file()
        problems = sorted(self._problems, key=lambda problem: (problem.position.line, problem.position.column))
        return Dockerfile(
            self._source.path,
            self._source,
            tuple(reader.directives),
            reader.escape,
            tuple(self._instructions),
            tuple(self._scope.stages),
            tuple(reader.comments),
            tuple(problems),
        )

    def _check_file(self) -> None:
        for offset, message in (*self._reader.refusals, *self._scope.refusals):
            self._refuse(offset, message)
        whole = Position(self._source.path)
        if not self._instructions:
            self._problems.append(Problem(whole, "the Dockerfile has no instructions"))
        elif not self._scope.stages:
            self._problems.append(Problem(whole, "the Dockerfile has no FROM, so there is nothing to build"))
        text = self._source.text
        bad = None if text.isascii() else _NOT_UTF_8.search(text)
        if bad is not None:
            self._problems.append(Problem(self._source.position(bad.start()), "the file is not UTF-8", fatal=False))

    def _refuse(self, offset: int, message: str) -> None:
        is_limit = message.endswith((TOO_LARGE, TOO_DEEP))
        self._problems.append(Problem(self._source.position(offset), message, is_limit=is_limit))

    def _instruction(self, line: LogicalLine) -> None:
        scope = self._scope
        if self._reader.is_too_long(line):
            parts = bare_parts(line.text)
            if not self._reader.holds_long_line(line):
                message = f"the instruction has more than {MAXIMUM_INSTRUCTION} characters, and is not read"
                self._problems.append(Problem(self._source.position(parts.offset), message, fatal=False, is_limit=True))
        else:
            parts = take_apart(line.text, self._reader.escape)
            if line.empty_continuation is not None:
                self._warn_of_empty_line(line.empty_continuation)
        if parts.keyword == "FROM":
            scope.begin_stage(parts)
        elif scope.stage_number < 0 and parts.keyword != "ARG":
            self._refuse(parts.offset, f"{parts.keyword} stands before the first FROM, where only ARG may")
        heredocs = self._heredocs(line, parts)
        instruction = self._build(line, parts, heredocs)
        self._instructions.append(instruction)
        scope.add(instruction)
        for offset, message in (*parts.refusals, *check(instruction)):
            self._refuse(offset, message)

    def _warn_of_empty_line(self, number: int) -> None:
        message = "an empty line inside a continued instruction: BuildKit drops it today, and will refuse it"
        where = Position(self._source.path, number + 1, 1)
        self._problems.append(Problem(where, message, fatal=False))

    def _heredocs(self, line: LogicalLine, parts: Parts) -> tuple[Heredoc, ...]:
        """Take the heredocs that the line announces; an ONBUILD's belong to its trigger."""
        text = line.text.text
        if "<<" not in text:
            return ()
        target = parts.trigger or parts
        if target.keyword not in _HEREDOC_KEYWORDS or target.is_json:
            return ()
        if self._reader.is_too_long(line):
            return ()
        heredocs = []
        for word in find_heredocs(text, self._budget):
            content, terminator = self._reader.heredoc(word.name, strip_tabs=word.strip_tabs)
            offset = line.text.original_offset(word.place)
            if terminator is None:
                self._refuse(offset, f"the heredoc has no closing line {word.name!r}")
            heredocs.append(
                Heredoc(word.name, word.expand, word.strip_tabs, word.file_descriptor, content, offset, terminator)
            )
        return tuple(heredocs)

    def _build(
        self, line: LogicalLine, parts: Parts, heredocs: tuple[Heredoc, ...], *, is_trigger: bool = False
    ) -> Instruction:
        scope = self._scope
        environment, shell, directory = scope.environment, scope.shell, scope.working_directory
        trigger: Instruction | None = None
        assignments: tuple[Assignment, ...] = ()
        if parts.trigger is not None:
            trigger = self._build(line, parts.trigger, heredocs, is_trigger=True)
        elif not is_trigger and parts.keyword in ("ENV", "ARG", "SHELL", "WORKDIR"):
            assignments = scope.follow(parts)
        body, shebang = parts.shell_text, ""
        if body is not None and heredocs and parts.keyword == "RUN":
            body, shebang = self._run_body(body, heredocs)
        last = self._reader.last_line
        return Instruction(
            parts.keyword,
            parts.offset,
            self._reader.line_end(last),
            line.first + 1,
            last + 1,
            line.text,
            parts.flags,
            parts.arguments,
            parts.is_json,
            heredocs,
            line.comments,
            body,
            shebang,
            trigger,
            assignments,
            environment,
            shell,
            directory,
            scope.stage_number,
        )

    def _run_body(self, line: MappedText, heredocs: tuple[Heredoc, ...]) -> tuple[MappedText, str]:
        """What BuildKit gives to the shell (dispatchRun in convert.go), and the shebang of what it runs without one."""
        if heredoc_word(line.text, self._budget) is not None:
            script = heredocs[0].script
            first = script.text.partition("\n")[0].rstrip("\r") if script.text.startswith("#!") else ""
            return script, first
        parts = [line]
        for heredoc in heredocs:
            parts += [MappedText.at("\n", parts[-1].end), heredoc.content]
            if heredoc.terminator is not None:
                parts.append(MappedText.at(heredoc.name, heredoc.terminator))
        return MappedText.concat(parts), ""
