"""The grammar of the shell (POSIX XCU 2.10, bash's manual 3.2), read for its simple commands.

The scanner accepts more than any shell does: where the text is wrong it notes a problem and goes on, so that a broken
line hides nothing behind it.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING
from typing import TypeVar

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.compound import compound
from poetry_gpu_build.documents.shell.draft import Draft
from poetry_gpu_build.documents.shell.draft import HereDocument
from poetry_gpu_build.documents.shell.draft import RedirectionDraft
from poetry_gpu_build.documents.shell.expansions import subscript
from poetry_gpu_build.documents.shell.heredocs import read_bodies
from poetry_gpu_build.documents.shell.reader import GaveUpError
from poetry_gpu_build.documents.shell.reader import WordReader
from poetry_gpu_build.documents.shell.syntax import Assignment
from poetry_gpu_build.documents.shell.syntax import Pipe
from poetry_gpu_build.documents.shell.syntax import Redirection
from poetry_gpu_build.documents.shell.syntax import Scope
from poetry_gpu_build.documents.shell.syntax import Script
from poetry_gpu_build.documents.shell.syntax import Text
from poetry_gpu_build.documents.shell.syntax import Word

if TYPE_CHECKING:
    from collections.abc import Callable

    from poetry_gpu_build.documents.shell.syntax import Problem

T = TypeVar("T")

_BLANKS = lazy_pattern(r"(?:[ \t\r]+|\\\r?\n)+")
_LINE_REST = lazy_pattern(r"(?:[ \t\r]+|\\\r?\n)*(?:#[^\n]*)?")
_GAP = lazy_pattern(r"(?:[ \t\r\n]+|\\\r?\n|#[^\n]*)+")
_CLOSING = lazy_pattern(r"(?:then|do|done|elif|else|fi|esac|\})(?=[ \t\r\n;&|()<>]|$)")
_PREFIX = lazy_pattern(r"!(?=[ \t\r\n\\(])|time(?=[ \t\r\n;&|)]|$)(?:[ \t]+-p(?=[ \t\r\n]))?")
_REDIRECTION = lazy_pattern(
    r"([0-9]+|\{[A-Za-z_][A-Za-z0-9_]*\})?(<<<|<<-|<<|<>|<&|<(?!\()|>>|>\||>&|>(?!\())|(&>>|&>)",
)
_ASSIGNMENT = lazy_pattern(r"([A-Za-z_][A-Za-z0-9_]*)(?:(\+?=)|(?=\[))")
_ARRAY = lazy_pattern(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)(?=\()")
_NO_PARAMETERS = lazy_pattern(r"\([ \t]*\)")
_DECLARERS = frozenset({"declare", "export", "local", "readonly", "typeset"})
_SUCCEEDING = frozenset({"true", ":", "echo", "printf", "/bin/true", "/usr/bin/true"})

# A quote that is not closed takes the rest of the text; the lines behind its own are read once more, so many times.
_RESCANS = 8


def scan(text: str) -> Script:
    """Every simple command of a script, and what could not be read. Never raises; takes time in proportion to the text.

    >>> [[word.literal for word in command.words] for command in scan("a=1 sudo x 'y z' && (cd \\"$d\\")").commands]
    [['sudo', 'x', 'y z'], ['cd', None]]
    """
    reader = ScriptReader(text)
    for _ in range(_RESCANS):
        reader.run()
        if reader.swallowed is None:
            break
        following = text.find("\n", reader.swallowed) + 1
        if not following:
            break
        reader.restart(following)
    problems: dict[Problem, None] = dict.fromkeys(sorted(reader.problems))
    return Script(text, tuple([draft.finished() for draft in reader.drafts]), tuple(problems))


class ScriptReader(WordReader):
    """Reads lists, pipelines and simple commands; ``compound`` reads the rest."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.open: list[tuple[str, ...]] = []
        self.pending: list[HereDocument] = []

    def nested(self, text: str) -> ScriptReader:
        """A reader for the inside of backticks."""
        return ScriptReader(text)

    def run(self) -> None:
        """Read everything."""
        with suppress(GaveUpError):
            self.read_commands("")

    def restart(self, position: int) -> None:
        """Read again from a line that a quote had swallowed."""
        self.drafts = [draft for draft in self.drafts if draft.start < position]
        self.position, self.limit = position, len(self.text)
        self.scopes, self.open, self.pending = (), [], []
        self.depth, self.swallowed = 0, None

    def read_commands(self, closer: str) -> None:
        """A list of its own, which sees no closing word of what is around it."""
        around, pending = self.open, self.pending
        self.open, self.pending = [], []
        self.list_until(*([closer] if closer else []))
        self.open, self.pending = around, pending + self.pending

    def list_until(self, *closers: str) -> str:
        """Read commands up to one of the closing words; gives the one that is there, or nothing."""
        self.deeper()
        self.open.append(closers)
        before = ""
        while (closing := self.closing()) is None:
            before = self._and_or(before)
        self.open.pop()
        self.depth -= 1
        return closing if closing in closers else ""

    def closing(self) -> str | None:
        """Go to the next command; gives the closing word that stands there, "" at the end, None for a command."""
        while True:
            self.gap()
            if self.position >= self.limit:
                return ""
            character = self.text[self.position]
            if character in ";&|)":
                found = ";;" if self.text.startswith((";;", ";&"), self.position, self.limit) else character
            elif character in "tdef}" and (closing := _CLOSING.match(self.text, self.position, self.limit)):
                found = closing.group()
            else:
                return None
            if any(found in closers for closers in self.open):
                return found
            if character == "&" and self.text.startswith("&>", self.position, self.limit):
                return None
            self.step()
            self.problem(self.position, f"unexpected {found}")
            self.position += len(found)

    def gap(self) -> None:
        """Go over blanks, comments and new lines, and read the here-documents that begin behind one."""
        while self.pending:
            found = _LINE_REST.match(self.text, self.position, self.limit)
            self.position = found.end() if found else self.position
            if self.position >= self.limit or self.text[self.position] != "\n":
                return
            self.position += 1
            read_bodies(self)
        if found := _GAP.match(self.text, self.position, self.limit):
            self.position = found.end()

    def blanks(self) -> None:
        """Go over blanks inside a line."""
        if found := _BLANKS.match(self.text, self.position, self.limit):
            self.position = found.end()

    def _and_or(self, before: str) -> str:
        """Pipelines joined by && and ||; gives the operator behind them."""
        elements: list[tuple[int, str, Draft | None]] = []
        first = len(self.drafts)
        while True:
            start = self.position
            stages = self._pipeline(before)
            if self.position == start:
                self.problem(start, f"unexpected {self.text[start]}")
                self.position += 1
            operator = self._operator()
            if stages and (last := stages[-1]):
                last.after = operator
            elements.append((len(self.drafts), operator, stages[0] if len(stages) == 1 else None))
            if operator not in {"&&", "||"}:
                break
            before = operator
            if self.closing() is not None:
                self.problem(self.position, f"nothing behind {operator}")
                break
        self._mark_ignored(first, elements)
        return operator

    def _mark_ignored(self, first: int, elements: list[tuple[int, str, Draft | None]]) -> None:
        last = first
        if elements[-1][1] == "&":
            last = elements[-1][0]
        for (end, operator, _), (_, _, following) in pairwise(elements):
            if operator == "||" and following is not None and _succeeds(following):
                last = max(last, end)
        for draft in self.drafts[first:last]:
            draft.ignored = True

    def _operator(self) -> str:
        self.blanks()
        two = self.text[self.position : min(self.position + 2, self.limit)]
        if two in {"&&", "||"}:
            self.position += 2
            return two
        if two in {";;", ";&"} or not two:
            return ""
        if two[0] in ";&" and two != "&>":
            self.position += 1
            return two[0]
        return ";" if two[0] in "\n#" else ""

    def _pipeline(self, before: str) -> list[Draft | None]:
        start, negated = self.position, False
        while found := _PREFIX.match(self.text, self.position, self.limit):
            self.step()
            negated ^= found.group() == "!"
            self.position = found.end()
            self.blanks()
        bounds = [len(self.drafts)]
        stages = [self.command()]
        bounds.append(len(self.drafts))
        while self._bar():
            if stages[-1]:
                stages[-1].after = "|"
            stages.append(self.command() if self.closing() is None else None)
            bounds.append(len(self.drafts))
            if stages[-1]:
                stages[-1].before = "|"
        if stages[0]:
            stages[0].before = before
        if negated:
            for draft in stages:
                if draft:
                    draft.negated = True
        if len(stages) > 1:
            self._mark_stages(start, bounds, len(stages))
        return stages

    def _bar(self) -> bool:
        self.blanks()
        two = self.text[self.position : min(self.position + 2, self.limit)]
        if not two.startswith("|") or two == "||":
            return False
        self.position += 2 if two == "|&" else 1
        return True

    def _mark_stages(self, start: int, bounds: list[int], stages: int) -> None:
        for stage in range(stages):
            pipe = Pipe(start, self.position, stage, stages)
            for draft in self.drafts[bounds[stage] : bounds[stage + 1]]:
                draft.pipes = (pipe, *draft.pipes)

    def command(self) -> Draft | None:
        """Read a command; gives it where it is a simple one."""
        first = len(self.drafts)
        if self.position < self.limit and self.text[self.position] in "([{ifwucs" and compound(self):
            self._outer_redirections(first)
            return None
        return self._simple()

    def _outer_redirections(self, first: int) -> None:
        while True:
            self.blanks()
            redirection = self._redirection()
            if redirection is None:
                return
            for draft in self.drafts[first:]:
                draft.outer.append(redirection)

    def _simple(self) -> Draft | None:
        self.step()
        text = self.text
        draft = Draft(self.position, self.scopes)
        index = len(self.drafts)
        self.drafts.append(draft)
        while self.position < self.limit:
            character = text[self.position]
            if character in " \t\r\\":
                at = self.position
                self.blanks()
                if self.position > at:
                    continue
            if character in "\n;|)#":
                break
            if character in "<>&{0123456789" and (redirection := self._redirection()):
                draft.redirections.append(redirection)
            elif character == "&":
                break
            elif character == "(":
                if self._function(draft, index):
                    return None
                break
            elif (draft.words and draft.words[0].literal not in _DECLARERS) or not self._assignment(draft):
                word = self.word()
                if word is None:
                    break
                draft.words.append(word)
            draft.end = self.position
        if draft.end == draft.start:
            del self.drafts[index]
            return None
        return draft

    def _function(self, draft: Draft, index: int) -> bool:
        """``name ( ) body`` (POSIX XCU 2.9.5)."""
        found = _NO_PARAMETERS.match(self.text, self.position, self.limit)
        if not found or len(draft.words) != 1 or draft.redirections or len(self.drafts) != index + 1:
            return False
        self.drafts.pop()
        self.position = found.end()
        self.function_body(draft.words[0].literal or "", draft.start)
        return True

    def function_body(self, name: str, start: int) -> None:
        """Read the command that a function is."""
        self.gap()
        first = self.position
        self.enclosed(Scope("function", start, name), self.nested_command)
        if self.position == first:
            self.problem(start, "a function has no body")

    def _assignment(self, draft: Draft) -> bool:
        """``name=value`` before the first word (POSIX XCU 2.9.1), ``name=(…)`` also behind ``declare`` and its kin."""
        start = self.position
        found = (_ARRAY if draft.words else _ASSIGNMENT).match(self.text, start, self.limit)
        if not found:
            return False
        self.position = found.end()
        operator, index = found.group(2), ""
        if not operator:
            commands, problems = len(self.drafts), len(self.problems)
            index = subscript(self)
            operator = next((each for each in ("+=", "=") if self.text.startswith(each, self.position, self.limit)), "")
            if not operator:
                # A pattern such as [ab]c: read again as a word.
                self.position = start
                del self.drafts[commands:]
                del self.problems[problems:]
                return False
            self.position += len(operator)
        elements = self._array() if self.text.startswith("(", self.position, self.limit) else None
        value = None if elements is not None else self.word() or Word(self.position, self.position, "")
        name, append = found.group(1), operator == "+="
        draft.assignments.append(Assignment(start, self.position, name, value, append, index, elements))
        return True

    def _array(self) -> tuple[Word, ...]:
        start = self.position
        self.position += 1
        elements = []
        while True:
            self.gap()
            if self.position >= self.limit:
                self.problem(start, "an array is not closed")
                break
            if self.text[self.position] == ")":
                self.position += 1
                break
            word = self.word()
            if word is None:
                self.problem(self.position, f"unexpected {self.text[self.position]} in an array")
                self.position += 1
            else:
                elements.append(word)
        return tuple(elements)

    def _redirection(self) -> RedirectionDraft | None:
        start = self.position
        found = _REDIRECTION.match(self.text, start, self.limit)
        if not found:
            return None
        self.step()
        operator = found.group(2) or found.group(3)
        self.position = found.end()
        self.blanks()
        target = self.word()
        if target is None:
            self.problem(start, f"nothing behind {operator}")
            target = Word(self.position, self.position, "")
        draft = RedirectionDraft(Redirection(start, self.position, operator, found.group(1) or "", target))
        if operator in {"<<", "<<-"}:
            written = self.text[target.start : target.end]
            quoted = any(type(part) is Text and part.quoted for part in target.parts)
            delimiter = target.literal if target.literal is not None else written
            self.pending.append(HereDocument(draft, delimiter, quoted=quoted))
        return draft

    def enclosed(self, scope: Scope, read: Callable[[], T]) -> T:
        """Read something inside a scope."""
        scopes = self.scopes
        self.scopes = (*scopes, scope)
        made = read()
        self.scopes = scopes
        return made

    def nested_command(self) -> None:
        """Read the command that a function or a coprocess is."""
        self.deeper()
        self.command()
        self.depth -= 1


def _succeeds(draft: Draft) -> bool:
    if not draft.words:
        return False
    name = draft.words[0].literal
    if name in {"exit", "return"}:
        return len(draft.words) == 2 and draft.words[1].literal == "0"
    return name in _SUCCEEDING
