"""The shapes of a scanned shell script: words and their parts, commands and where they stand.

Every offset counts characters of the scanned text from 0; an end is behind the last character. The shapes are named
tuples: a script is made of hundreds of them, and a frozen dataclass takes twice as long to make, ten times to import.
"""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """Characters that stand for themselves.

    Either ``value`` is exactly what is written from ``start`` to ``end``, or it is what one escape (``\\"``; ``\\n`` in
    ``$'…'``) becomes: so that the place of every character is known.
    """

    start: int
    end: int
    value: str
    quoted: bool = False


class Parameter(NamedTuple):
    """``$x``, ``${x}``, ``${x:-word}``, ``${x[@]}``, ``${x%pattern}``: the value of a variable."""

    start: int
    end: int
    name: str
    operator: str = ""
    """``:-``, ``=``, ``%%`` …; ``!`` and ``#`` where they stand before the name; empty for the plain value."""
    argument: Word | None = None
    subscript: str = ""
    quoted: bool = False


class Substitution(NamedTuple):
    """``$(…)``, `` `…` ``, ``<(…)``, ``>(…)``: what commands print."""

    start: int
    end: int
    opener: str
    first: int
    """The index of its first command in ``Script.commands``."""
    last: int
    """The index behind its last command."""
    quoted: bool = False


class Arithmetic(NamedTuple):
    """``$((…))``, ``$[…]``: a number."""

    start: int
    end: int
    quoted: bool = False


Part = Text | Parameter | Substitution | Arithmetic


class Word(NamedTuple):
    """A word as written, before any expansion (POSIX XCU 2.6)."""

    start: int
    end: int
    literal: str | None
    """Its value with the quotes removed; None where it holds an expansion."""
    parts: tuple[Part, ...] = ()
    """What it is made of; empty where it is bare text, whose value is what is written."""


class Assignment(NamedTuple):
    """``name=value``, ``name+=value``, ``name=(a b c)`` before a command or alone."""

    start: int
    end: int
    name: str
    value: Word | None
    append: bool = False
    subscript: str = ""
    elements: tuple[Word, ...] | None = None
    """The words of an array; None where it is none."""


class Redirection(NamedTuple):
    """``> file``, ``2>&1``, ``<<EOF``, ``<<< word``."""

    start: int
    end: int
    operator: str
    descriptor: str
    """The number before the operator, or ``{name}``; empty for the operator's own default."""
    target: Word
    body: Word | None = None
    """The here-document."""


class Scope(NamedTuple):
    """Something that encloses commands."""

    kind: str
    """``subshell`` ``group`` ``condition`` ``branch`` ``loop`` ``case`` ``function`` ``substitution`` ``coprocess``."""
    start: int
    name: str = ""
    """The function's name, or the loop's variable; ``>(`` of a substitution that reads what is written into it."""
    words: tuple[Word, ...] | None = None
    """What the loop's variable goes through."""


class Pipe(NamedTuple):
    """The place of a command in a pipeline of two or more stages."""

    start: int
    """Where the pipeline starts, and ``end`` where it ends: the same for all of its commands."""
    end: int
    stage: int
    """0 for the first."""
    stages: int


class Command(NamedTuple):
    """A simple command (POSIX XCU 2.9.1): assignments, words, redirections; and where it stands."""

    start: int
    end: int
    words: tuple[Word, ...]
    assignments: tuple[Assignment, ...]
    redirections: tuple[Redirection, ...]
    outer: tuple[Redirection, ...]
    """The redirections of the compound commands around it, the nearest first."""
    scopes: tuple[Scope, ...]
    """What encloses it, the outermost first."""
    pipes: tuple[Pipe, ...]
    """The pipelines that it is a stage of, or is inside a stage of; the outermost first."""
    before: str
    """The operator before it: ``;`` (a new line too), ``&``, ``&&``, ``||``, ``|``; empty for the first of a list."""
    after: str
    """The operator behind it, likewise."""
    negated: bool
    """``! command``."""
    ignored: bool
    """Its failure goes unseen whatever the shell's options: ``command || true``, ``command &``."""


class Problem(NamedTuple):
    """Something that the scanner could not read, and what it did about it."""

    start: int
    message: str


class Script(NamedTuple):
    """Every simple command of a text, in the order in which they start."""

    text: str
    commands: tuple[Command, ...]
    problems: tuple[Problem, ...]
