"""Where a simple command stands, and what is kept of it: the ground under ``Run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.arguments import Argument
from poetry_gpu_build.documents.shell.arguments import Piece
from poetry_gpu_build.documents.shell.arguments import joined
from poetry_gpu_build.documents.shell.programs import PROGRAM_FOLDERS
from poetry_gpu_build.documents.shell.results import ResolvedCommand
from poetry_gpu_build.documents.shell.results import RunsFile

if TYPE_CHECKING:
    from collections.abc import Container
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.inputs import Siblings
    from poetry_gpu_build.documents.shell.resolve import Walker
    from poetry_gpu_build.documents.shell.state import Context
    from poetry_gpu_build.documents.shell.state import State
    from poetry_gpu_build.documents.shell.syntax import Command

# What counts as much as one command: so many exported variables, so many characters of a nested script.
_EXPORTS_A_RUN = 20
_CHARACTERS_A_RUN = 20


class Base:
    """A command and its surroundings; it finds no other command."""

    def __init__(self, walker: Walker, command: Command, state: State, context: Context, siblings: Siblings) -> None:
        self._walker = walker
        self._command = command
        self._state = state
        self._siblings = siblings
        if command.scopes or command.pipes or command.ignored:
            context = context._replace(
                scopes=context.scopes + command.scopes,
                pipes=context.pipes + command.pipes,
                ignored=context.ignored or command.ignored,
            )
        self._context = context

    def _undecidable(self, words: Sequence[Argument], kind: str, reason: str) -> None:
        self._walker.undecidable(self._place(words), kind, reason, joined(words).text, self._context.via)

    def _place(self, words: Sequence[Argument]) -> tuple[int, int]:
        """Where words stand inside their command; those of an alias where it is used."""
        command, start = self._command, words[0].start
        end = max([word.end for word in words if word.end <= command.end], default=0)
        return (start, end) if command.start <= start < end else (command.start, command.end)

    def _located(self, written: str, among: Container[str]) -> str:
        """The file that a program's name stands for; a name without a folder is looked for where programs lie."""
        if "/" in written:
            return self._state.path(written)
        for folder in PROGRAM_FOLDERS:
            path = f"{folder}/{written}"
            if path in among:
                return path
        return ""

    def _copied(self, word: Argument) -> Argument | None:
        """The program that a file is a copy of, in the place of the word."""
        found = self._state.copies.get(self._located(word.text, self._state.copies))
        if found is None or (found.value is not None and self._state.path(found.value) in self._walker.files):
            return None
        pieces = [piece._replace(start=word.start, end=word.end) for piece in found.pieces]
        return found._replace(pieces=tuple(pieces)) if pieces else None

    def _unaliased(self, words: list[Argument]) -> list[Argument]:
        """An alias is not looked for inside itself, nor for a quoted word (POSIX XCU 2.3.1)."""
        alias = self._state.aliases.get(words[0].text) if self._state.aliases else None
        if alias is None or words[0].pieces[0].quoted:
            return words
        return [*[Argument((Piece(text, alias.start, alias.end),)) for text in alias.text.split()], *words[1:]] or words

    def _deeper(self) -> bool:
        self._context = self._context._replace(depth=self._context.depth + 1)
        return self._walker.allowed(self._command, self._context)

    def _affordable(self, length: int) -> bool:
        return self._walker.allowed(self._command, self._context, length // _CHARACTERS_A_RUN)

    def _keep(self, words: Sequence[Argument]) -> None:
        command, state, context = self._command, self._state, self._context
        environment = state.environment(context)
        if len(environment) > _EXPORTS_A_RUN:
            self._walker.allowed(command, context, len(environment) // _EXPORTS_A_RUN)
        found = ResolvedCommand(
            *self._place(words),
            tuple(words),
            environment,
            context.via,
            command,
            context.scopes,
            context.pipes,
            context.ignored,
            state.option(command, "pipefail"),
            state.option(command, "errexit"),
            state.directory,
        )
        self._walker.add(found)

    def _runs_file(self, file: Argument, path: str, interpreter: str, rest: Sequence[Argument]) -> None:
        at, state = (file.start, file.end), self._state
        arguments = tuple([word.value for word in rest])
        found = RunsFile(
            *at, state.path(path), state.directory, interpreter, arguments, self._context.via, self._command
        )
        self._walker.add(found)
