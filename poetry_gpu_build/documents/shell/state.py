"""What a shell knows while it runs: variables, functions, aliases, options, its folder."""

from __future__ import annotations

import posixpath
from collections import ChainMap
from itertools import product
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.shell.expand import Expander
from poetry_gpu_build.documents.shell.syntax import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.arguments import Argument
    from poetry_gpu_build.documents.shell.syntax import Command
    from poetry_gpu_build.documents.shell.syntax import Pipe
    from poetry_gpu_build.documents.shell.syntax import Redirection
    from poetry_gpu_build.documents.shell.syntax import Scope
    from poetry_gpu_build.documents.shell.syntax import Word
    from poetry_gpu_build.documents.shell.wrappers import Unwrapped

# A command whose words depend on variables with several values is looked at once for each combination, up to so many.
_COMBINATIONS = 16
_ALTERNATIVES = 8
# A value that doubles itself in a loop of assignments ends here.
_LONGEST_VALUE = 10_000
# What is set in one of these is gone behind it (POSIX XCU 2.12).
_OWN_ENVIRONMENT = frozenset({"subshell", "substitution", "coprocess"})
_SHELL = (-1, 0)
_MAY_NOT_RUN = frozenset({"branch", "loop", "case"})
_PERHAPS = frozenset({"function", *_MAY_NOT_RUN, *_OWN_ENVIRONMENT})


class Function(NamedTuple):
    """A function's body."""

    scope: Scope
    commands: list[Command]
    depth: int
    """How many scopes are around the body, its own included."""


class Context(NamedTuple):
    """How the commands that are being looked at are reached."""

    via: tuple[str, ...] = ()
    scopes: tuple[Scope, ...] = ()
    pipes: tuple[Pipe, ...] = ()
    ignored: bool = False
    environment: tuple[tuple[str, str | None], ...] = ()
    cleared: bool = False
    """``env -i``: what the shell exports does not reach it."""
    depth: int = 0
    """How many nested shells and function calls."""


class State:
    """The changing part."""

    def __init__(
        self, variables: Mapping[str, str], options: Iterable[str] = (), copies: dict[str, Argument] | None = None
    ) -> None:
        # Each variable has one value or several: a branch may be taken or not.
        self.variables: dict[str, tuple[str | None, ...]] = {}
        # The same with None for those of several values.
        self._plain: dict[str, str | None] = {}
        self.arrays: dict[str, tuple[str | None, ...]] = {}
        self.functions: dict[str, Function] = {}
        self.aliases: dict[str, Argument] = {}
        self.called: set[int] = set()
        self.copies: dict[str, Argument] = {} if copies is None else copies
        """Other names of programs: what was copied, linked or downloaded where."""
        self.input: Redirection | None = None
        """What ``exec < file`` has made the shell's own input."""
        self.around = Context()
        """How the command is reached that is being run."""
        # The names that come from outside; a value that the shell gives them is exported with the others.
        self._inherited: frozenset[str] = frozenset(variables)
        # The export attributes that the shell has given and taken, for the subshell or stage that did it.
        # None where that happens perhaps.
        self._exports: dict[tuple[int, int], dict[str, bool | None]] = {}
        self.positional: tuple[Argument, ...] | None = None
        self.directory: str | None = ""
        for name, value in {"IFS": " \t\n", **variables}.items():
            known = value if len(value) <= _LONGEST_VALUE else None
            self.variables[name], self._plain[name] = (known,), known
        self._options: dict[int, dict[str, bool]] = {-1: dict.fromkeys(options, True)}

    def child(self, options: Iterable[str]) -> State:
        """A nested shell: it sees the variables, but no function, alias or option."""
        made = State({}, options)
        made.variables, made._plain = dict(self.variables), dict(self._plain)
        made.directory = self.directory
        made.copies = self.copies
        made._inherited = self._inherited
        if self._exports:
            made._exports = {_SHELL: self._marks()}
        return made

    def assign(self, command: Command, name: str, value: str | None, *, append: bool = False) -> None:
        """Set a variable; where that happens perhaps, the old value stays possible."""
        old = self.variables.get(name, ())
        new: tuple[str | None, ...] = (value,)
        if append:
            new = tuple([None if each is None or value is None else each + value for each in old or ("",)])
        perhaps = command.before == "||" or any(scope.kind in _PERHAPS for scope in command.scopes)
        self.set(name, (*old, *new) if perhaps else new)
        if name in self._inherited or self.option(command, "allexport"):
            self.export(command, name)

    def set(self, name: str, values: Sequence[str | None]) -> None:
        """Set a variable to what it may be."""
        distinct = tuple(dict.fromkeys(values))
        if len(distinct) > _ALTERNATIVES or any(len(value or "") > _LONGEST_VALUE for value in distinct):
            distinct = (None,)
        self.variables[name] = distinct
        self._plain[name] = distinct[0] if len(distinct) == 1 else None
        self.arrays.pop(name, None)

    def export(self, command: Command, name: str, *, on: bool = True) -> None:
        """Give a variable the export attribute, or take it, for the shell or the subshell that the command is in."""
        perhaps = command.before == "||" or any(scope.kind in _MAY_NOT_RUN for scope in command.scopes)
        self._exports.setdefault(_owners(self.around)[-1], {})[name] = None if perhaps else on

    def value(self, name: str) -> str | None:
        """The value of a variable; None where it has none, or nobody knows it."""
        return self._plain.get(name)

    def environment(self, context: Context) -> tuple[tuple[str, str | None], ...]:
        """What the shell has exported, and what is set for one command alone; a name that was taken away is empty."""
        own = context.environment
        if context.cleared:
            names = {name for name, _ in own}
            return (*[(name, "") for name in sorted(self._inherited) if name not in names], *own)
        if not self._exports:
            return own
        self.around = context
        names = {name for name, _ in own}
        found: list[tuple[str, str | None]] = []
        for name, on in self._marks().items():
            if name not in names and (name in self._inherited if on is False else name in self.variables):
                found.append((name, self._plain.get(name) if on else None if on is None else ""))
        return (*found, *own)

    def _marks(self) -> dict[str, bool | None]:
        marks: dict[str, bool | None] = {}
        for owner in _owners(self.around):
            marks.update(self._exports.get(owner, ()))
        return marks

    def switch(self, command: Command, option: str, *, on: bool) -> None:
        """Change an option of the shell, for the subshell that the command is in."""
        self._options.setdefault(_owner(command.scopes), {})[option] = on

    def option(self, command: Command, option: str) -> bool:
        """Whether an option is on where a command stands."""
        value = self._options[-1].get(option, False)
        for scope in command.scopes:
            if scope.kind in _OWN_ENVIRONMENT:
                value = self._options.get(scope.start, {}).get(option, value)
        return value

    def move(self, to: str | None) -> None:
        """``cd``."""
        if to is None or to.startswith(("~", "-")):
            self.directory = None
        elif to.startswith("/"):
            self.directory = posixpath.normpath(to)
        elif self.directory is not None:
            self.directory = posixpath.normpath(posixpath.join(self.directory, to))

    def path(self, written: str) -> str:
        """A file as the shell finds it from where it is."""
        return posixpath.normpath(posixpath.join(self.directory or "", written)) if written else written

    def expanders(self, words: Iterable[Word]) -> Iterator[Expander]:
        """One expander for each combination of values that the words' variables may have."""
        plain = self._plain
        names = [name for name in dict.fromkeys(_names(words)) if len(self.variables.get(name, ())) > 1]
        if not names:
            yield Expander(plain, self.arrays, self.positional)
            return
        for number, values in enumerate(product(*[self.variables[name] for name in names])):
            if number == _COMBINATIONS:
                yield Expander(plain, self.arrays, self.positional)
                return
            chosen = dict(zip(names, values, strict=True))
            yield Expander(ChainMap(chosen, plain), self.arrays, self.positional)


def surrounded(context: Context, inside: Unwrapped, state: State) -> Context:
    """The context inside a wrapper: what it sets for its command, and what it takes away (``env -i -u A B=c``)."""
    if not (inside.cleared or inside.removed or inside.environment):
        return context
    before = () if inside.cleared else [each for each in context.environment if each[0] not in inside.removed]
    gone = [(name, "") for name in inside.removed if name in state.variables]
    return context._replace(
        environment=(*before, *gone, *inside.environment), cleared=context.cleared or inside.cleared
    )


def _owners(context: Context) -> list[tuple[int, int]]:
    """The shell, and the subshells and stages of pipelines that a command is inside of, the innermost last."""
    if not context.scopes and not context.pipes:
        return [_SHELL]
    inner = {(scope.start, 0) for scope in context.scopes if scope.kind in _OWN_ENVIRONMENT}
    return [_SHELL, *sorted(inner | {(pipe.start, pipe.stage + 1) for pipe in context.pipes})]


def _owner(scopes: Sequence[Scope]) -> int:
    return next((scope.start for scope in reversed(scopes) if scope.kind in _OWN_ENVIRONMENT), -1)


def _names(words: Iterable[Word]) -> Iterator[str]:
    for word in words:
        if word.literal is None:
            for part in word.parts:
                if type(part) is Parameter:
                    yield part.name
                    if part.argument is not None:
                        yield from _names([part.argument])
