"""What `xargs`, `parallel` and ``find -exec`` put into the commands that they run, and what ``read`` reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.shell.arguments import UNKNOWN
from poetry_gpu_build.documents.shell.arguments import Argument
from poetry_gpu_build.documents.shell.arguments import Piece
from poetry_gpu_build.documents.shell.wrappers import option_values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.offsets import OffsetMap
    from poetry_gpu_build.documents.shell.state import State

# Items that xargs is given.
_MAXIMUM_ITEMS = 100_000
# More lines than a variable has values.
_MAXIMUM_LINES = 20


def with_items(words: Sequence[Argument], command: list[Argument], items: OffsetMap | None) -> list[Argument]:
    """The command of xargs: the words of its input stand behind it, or where ``-I`` says (POSIX XCU xargs)."""
    marks = {word.text for word in option_values(words, {"-I", "--replace"})} or {"{}"}
    if any(mark and mark in word.text for word in command for mark in marks):
        return [hidden(word, marks) for word in command]
    if items is None or len(items.text) > _MAXIMUM_ITEMS:
        return [*command, Argument((Piece(None, command[-1].end, command[-1].end),), many=True)]
    at = items.start(0)
    return [*command, *[Argument((Piece(text, at, at),)) for text in items.text.split()]]


def executed(words: Sequence[Argument]) -> Iterator[list[Argument]]:
    """The commands of ``find … -exec command {} \\;`` (POSIX XCU find)."""
    for at, word in enumerate(words):
        if word.text in {"-exec", "-execdir", "-ok", "-okdir"}:
            end = next((end for end in range(at + 1, len(words)) if words[end].text in {";", "+"}), len(words))
            command = [hidden(each, {"{}"}) for each in words[at + 1 : end]]
            if command:
                yield command


def hidden(word: Argument, marks: set[str]) -> Argument:
    """A word in which something is put that nobody knows: ``{}`` of find and xargs."""
    pieces: list[Piece] = []
    for piece in word.pieces:
        mark = next((mark for mark in marks if mark and mark in (piece.value or "")), None)
        if mark is None:
            pieces.append(piece)
            continue
        before, _, behind = (piece.value or "").partition(mark)
        made = [piece._replace(value=before), piece._replace(value=None), piece._replace(value=behind)]
        pieces += [each for each in made if each.value != ""]
    return word._replace(pieces=tuple(pieces))


def read_into(state: State, words: Sequence[Argument], text: str) -> None:
    """``read a b``: each line of the input is a possible value; the last name takes the rest (POSIX XCU read)."""
    names = [word.text for word in words[1:] if word.text != "-r"] or ["REPLY"]
    lines = text.splitlines()[:_MAXIMUM_LINES]
    if UNKNOWN in text or not lines or not all(name.isidentifier() for name in names):
        return
    fields = [line.split(None, len(names) - 1) for line in lines]
    for number, name in enumerate(names):
        values = [each[number].strip() if number < len(each) else "" for each in fields]
        state.set(name, values)
