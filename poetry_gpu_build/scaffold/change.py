"""One file that is written, and what a user must know beside the files."""

from __future__ import annotations

from typing import NamedTuple


class Change(NamedTuple):
    """A file before and after."""

    path: str
    """Relative to the project's root, with ``/``."""

    before: str | None
    """None: the file is new."""

    after: str

    why: str
    """What it is for, in a few words."""


class Edited(NamedTuple):
    """A text after an edit, what the edit is for, and what is to be told about it."""

    text: str
    why: str = ""
    notes: tuple[str, ...] = ()


class Changes(NamedTuple):
    """Everything that is to be written, in the order in which it is, and everything that is left to the user."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def end_of_line(text: str) -> str:
    r"""How the lines of a file end: a line that is added ends like them.

    >>> end_of_line("a\r\nb\r\n")
    '\r\n'
    """
    return "\r\n" if "\r\n" in text else "\n"
