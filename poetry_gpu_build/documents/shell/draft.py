"""A command that is still being read: what its neighbours say about it is known only behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.offsets import relocated
from poetry_gpu_build.documents.shell.syntax import Command
from poetry_gpu_build.documents.shell.syntax import Redirection

if TYPE_CHECKING:
    from poetry_gpu_build.documents.shell.offsets import OffsetMap
    from poetry_gpu_build.documents.shell.syntax import Assignment
    from poetry_gpu_build.documents.shell.syntax import Pipe
    from poetry_gpu_build.documents.shell.syntax import Scope
    from poetry_gpu_build.documents.shell.syntax import Word


class RedirectionDraft:
    """A redirection whose here-document comes only behind the line."""

    __slots__ = ("made",)

    def __init__(self, made: Redirection) -> None:
        self.made = made


class HereDocument:
    """A here-document whose body begins behind the line that is being read."""

    __slots__ = ("delimiter", "draft", "quoted")

    def __init__(self, draft: RedirectionDraft, delimiter: str, *, quoted: bool) -> None:
        self.draft = draft
        self.delimiter = delimiter
        self.quoted = quoted


class Draft:
    """The fields of a ``Command``, while they change."""

    __slots__ = (
        "after",
        "assignments",
        "before",
        "end",
        "ignored",
        "negated",
        "outer",
        "pipes",
        "redirections",
        "scopes",
        "start",
        "words",
    )

    def __init__(self, start: int, scopes: tuple[Scope, ...]) -> None:
        self.start = start
        self.end = start
        self.words: list[Word] = []
        self.assignments: list[Assignment] = []
        self.redirections: list[RedirectionDraft] = []
        self.outer: list[RedirectionDraft] = []
        self.scopes = scopes
        self.pipes: tuple[Pipe, ...] = ()
        self.before = ""
        self.after = ""
        self.negated = False
        self.ignored = False

    def finished(self) -> Command:
        """The command, now that everything is known."""
        return Command(
            self.start,
            self.end,
            tuple(self.words),
            tuple(self.assignments),
            tuple([each.made for each in self.redirections]) if self.redirections else (),
            tuple([each.made for each in self.outer]) if self.outer else (),
            self.scopes,
            self.pipes,
            self.before,
            self.after,
            self.negated,
            self.ignored,
        )

    def moved(self, places: OffsetMap, first: int, scopes: tuple[Scope, ...]) -> Draft:
        """The same command with the offsets of the text around, inside ``scopes`` of that text."""
        made = Draft(places.start(self.start), (*scopes, *relocated(self.scopes, places, first)))
        made.end = places.end(self.end)
        made.words = relocated(self.words, places, first)
        made.assignments = relocated(self.assignments, places, first)
        made.redirections = [RedirectionDraft(relocated(each.made, places, first)) for each in self.redirections]
        made.outer = [RedirectionDraft(relocated(each.made, places, first)) for each in self.outer]
        made.pipes = relocated(self.pipes, places, first)
        made.before, made.after = self.before, self.after
        made.negated, made.ignored = self.negated, self.ignored
        return made
