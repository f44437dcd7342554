"""What a command reads: a here-document, a here-string, or what the stage before it prints."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.arguments import UNKNOWN
from poetry_gpu_build.documents.shell.nested import printed
from poetry_gpu_build.documents.shell.offsets import OffsetMap
from poetry_gpu_build.documents.shell.syntax import Substitution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.arguments import Argument
    from poetry_gpu_build.documents.shell.expand import Expander
    from poetry_gpu_build.documents.shell.state import State
    from poetry_gpu_build.documents.shell.syntax import Command
    from poetry_gpu_build.documents.shell.syntax import Redirection
    from poetry_gpu_build.documents.shell.syntax import Word

_INPUTS = frozenset({"<", "<>", "<<", "<<-", "<<<", "<&"})
_OUTPUTS = frozenset({">", ">|", ">>", "&>", "&>>"})
# A producer behind a producer: `cat <<X | cat | sh`.
_MAXIMUM_STAGES = 4


class Siblings:
    """The commands that are looked at together, found by pipeline and by place."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self._commands = commands
        self._stages: dict[tuple[int, int, int], list[Command]] = {}
        for command in commands:
            for pipe in command.pipes:
                self._stages.setdefault(pipe[:3], []).append(command)

    def before(self, command: Command) -> Sequence[Command] | None:
        """The commands of the stage whose output a command reads; None where it reads no pipe."""
        pipe = next((pipe for pipe in reversed(command.pipes) if pipe.stage), None)
        return None if pipe is None else self._stages.get((pipe.start, pipe.end, pipe.stage - 1), [])

    def within(self, start: int, end: int) -> Sequence[Command]:
        """The commands that stand between two places."""
        first = bisect_left(self._commands, start, key=lambda command: command.start)
        last = bisect_left(self._commands, end, key=lambda command: command.start)
        return self._commands[first:last]


def redirected(command: Command) -> Redirection | None:
    """The redirection that a command's input comes from: its own last one, or that of a compound command around it."""
    for redirections in (tuple(reversed(command.redirections)), command.outer):
        for redirection in redirections:
            if redirection.operator in _INPUTS and redirection.descriptor in {"", "0"}:
                return redirection
    return None


def written_to(command: Command) -> Redirection | None:
    """The redirection that a command's output goes to."""
    for redirection in reversed(command.redirections):
        if redirection.operator in _OUTPUTS and redirection.descriptor in {"", "1"}:
            return redirection
    return None


def written_together(command: Command) -> Redirection | None:
    """The redirection of a group around a command that its output goes to, where no pipe is on the way."""
    if command.pipes:
        return None
    for redirection in command.outer:
        if redirection.operator in _OUTPUTS and redirection.descriptor in {"", "1"}:
            return redirection
    return None


def expanded(state: State, word: Word) -> Argument:
    """A word of a redirection, with the first value of its variables."""
    return _expander(state, [word]).body(word)


def read_by(command: Command, siblings: Siblings, state: State, stages: int = 0) -> OffsetMap | None:
    """What a command reads; None where that is not known."""
    redirection = redirected(command)
    if redirection is not None:
        if redirection.operator in {"<<", "<<-"} and redirection.body is not None:
            return expanded(state, redirection.body).places()
        return expanded(state, redirection.target).places() if redirection.operator == "<<<" else None
    producers = siblings.before(command)
    if producers is None or stages >= _MAXIMUM_STAGES:
        return None
    return printed_by(producers, siblings, state, stages + 1)


def printed_by(producers: Sequence[Command], siblings: Siblings, state: State, stages: int = 0) -> OffsetMap | None:
    """What commands print, one behind the other; None where that is not known."""
    pieces: list[tuple[str, int, int]] = []
    for producer in producers:
        words = _expander(state, producer.words).words(producer.words)
        if not words or any(scope.kind in {"function", "loop", "branch", "case"} for scope in producer.scopes):
            return None
        body = read_by(producer, siblings, state, stages) if words[0].name == "cat" else None
        text = printed(words, body)
        if text is None or written_to(producer) is not None:
            return None
        pieces += text.pieces()
        pieces.append(("\n", producer.end, producer.end))
    return OffsetMap(pieces) if producers else None


def substituted(word: Word, siblings: Siblings, state: State) -> str | None:
    """What ``$(printf …)`` is as the value of a variable; None where that is not known."""
    part = word.parts[0] if len(word.parts) == 1 else None
    if type(part) is not Substitution:
        return None
    inside = siblings.within(part.start + 1, part.end)
    text = printed_by(inside, siblings, state) if len(inside) == 1 else None
    return None if text is None or UNKNOWN in text.text else text.text.rstrip("\n")


def _expander(state: State, words: Sequence[Word]) -> Expander:
    return next(state.expanders(words))
