"""From the commands of a script to the programs that run: wrappers, shells, variables and functions are followed.

What cannot be decided without running it comes out as ``Undecidable``, with its place: nothing goes by in silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.inputs import Siblings
from poetry_gpu_build.documents.shell.results import ResolvedCommand
from poetry_gpu_build.documents.shell.results import Undecidable
from poetry_gpu_build.documents.shell.run import Run
from poetry_gpu_build.documents.shell.state import Context
from poetry_gpu_build.documents.shell.state import Function
from poetry_gpu_build.documents.shell.state import State
from poetry_gpu_build.documents.shell.syntax import Command
from poetry_gpu_build.documents.shell.written import Files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.arguments import Argument
    from poetry_gpu_build.documents.shell.results import Resolved
    from poetry_gpu_build.documents.shell.syntax import Script
    from poetry_gpu_build.documents.shell.syntax import Word

# Shells in shells and functions in functions; nobody reads a script that needs more.
_MAXIMUM_DEPTH = 12
# About half a second of work.
_MAXIMUM_RUNS = 10_000


def resolve(
    script: Script,
    variables: Mapping[str, str],
    options: Iterable[str] = (),
    copies: dict[str, Argument] | None = None,
) -> list[Resolved]:
    """Everything that a script runs, in the order in which it is met.

    ``variables`` are those known to be set (ARG, ENV); ``options`` those of the shell that runs it (``pipefail``).
    ``copies`` are the programs that earlier scripts have copied, by their new names; this one's are added.

    >>> from poetry_gpu_build.documents.shell.scan import scan
    >>> found = resolve(scan("P=pip; sudo $P install x; $(which pip) install y"), {})
    >>> [each.program if isinstance(each, ResolvedCommand) else each.text for each in found]
    ['pip', '${_} install y', 'which']
    """
    walker = Walker()
    walker.script(script, State(variables, options, copies), Context())
    return walker.results()


def resolve_words(
    words: Sequence[Argument], variables: Mapping[str, str], copies: dict[str, Argument] | None = None
) -> list[Resolved]:
    """Everything that the words of an exec form run: ``["bash", "-c", "…"]``. No shell expands them.

    >>> from poetry_gpu_build.documents.shell.arguments import Argument
    >>> found = resolve_words([Argument.of(word, 0, 9) for word in ("sh", "-c", "a && b")], {})
    >>> [each.program for each in found if isinstance(each, ResolvedCommand)]
    ['a', 'b']
    """
    walker = Walker()
    if words:
        command = Command(words[0].start, words[-1].end, (), (), (), (), (), (), "", "", negated=False, ignored=False)
        Run(walker, command, State(variables, (), copies), Context(), Siblings([command])).run(list(words))
    return walker.results()


class Walker:
    """Goes through scripts and keeps what it finds."""

    def __init__(self) -> None:
        self._found: dict[object, Resolved] = {}
        self._runs = 0
        self.files = Files()
        """The files that the script itself has written."""

    def results(self) -> list[Resolved]:
        """What was found."""
        return list(self._found.values())

    def add(self, found: Resolved) -> None:
        """Keep it; the same thing found again (a function called twice) counts once."""
        if isinstance(found, ResolvedCommand):
            self._found.setdefault((found.start, found.end, found.words, found.via), found)
        else:
            self._found.setdefault(found[:5], found)

    def undecidable(self, at: tuple[int, int], kind: str, reason: str, text: str, via: tuple[str, ...]) -> None:
        """Keep what nobody can say."""
        self.add(Undecidable(*at, kind, reason, text, "", via))

    def allowed(self, command: Command, context: Context, work: int = 1) -> bool:
        """Count the work; False, once it is too much."""
        before, self._runs = self._runs, self._runs + work
        at = (command.start, command.end)
        if context.depth > _MAXIMUM_DEPTH:
            self.undecidable(at, "limit", "shells and functions call each other too deeply", "", context.via)
            return False
        if before < _MAXIMUM_RUNS <= self._runs:
            self.undecidable(at, "limit", "the script runs too much to be followed to its end", "", context.via)
        return self._runs < _MAXIMUM_RUNS

    def script(self, script: Script, state: State, context: Context) -> None:
        """A script from its first command to its last, and then the functions that it never calls itself."""
        for problem in script.problems:
            self.undecidable((problem.start, problem.start + 1), "syntax", problem.message, "", context.via)
        before = dict(state.functions)
        self.commands(script.commands, 0, state, context)
        for name, function in list(state.functions.items()):
            if function.scope.start not in state.called and before.get(name) is not function:
                self.call(name, function, None, state, context)

    def commands(self, commands: Sequence[Command], depth: int, state: State, context: Context) -> None:
        """Commands that stand inside the same ``depth`` scopes; the bodies of functions wait for their call."""
        siblings = Siblings(commands)
        bound: set[int] = set()
        for command in commands:
            inner = command.scopes[depth:]
            body = next((number for number, scope in enumerate(inner) if scope.kind == "function"), None)
            if body is not None:
                _define(command, depth + body, state)
                continue
            for scope in inner:
                if scope.kind == "loop" and scope.name and scope.start not in bound:
                    bound.add(scope.start)
                    state.set(scope.name, _goes_through(scope.words, state))
            Run(self, command, state, context, siblings).start()

    def call(
        self, name: str, function: Function, words: tuple[Argument, ...] | None, state: State, context: Context
    ) -> None:
        """A function's body with its positional parameters; None where nobody knows them."""
        state.called.add(function.scope.start)
        around, state.positional = state.positional, words
        inner = context._replace(via=(*context.via, name), depth=context.depth + 1)
        self.commands(list(function.commands), function.depth, state, inner)
        state.positional = around


def _define(command: Command, body: int, state: State) -> None:
    scope = command.scopes[body]
    known = state.functions.get(scope.name)
    if known is None or known.scope.start != scope.start:
        known = state.functions[scope.name] = Function(scope, [], body + 1)
        state.called.discard(scope.start)
    known.commands.append(command)


def _goes_through(words: tuple[Word, ...] | None, state: State) -> tuple[str | None, ...]:
    """The values of a loop's variable; ``for x`` without words goes through the positional parameters."""
    if words is None:
        values = None if state.positional is None else [word.value for word in state.positional]
    else:
        values = [word.value for expander in state.expanders(words) for word in expander.words(words)]
    return tuple(values) if values else (None,)
