"""Edits of pyproject.toml that keep comments, order and every byte beside: an entry taken out, lines and tables added.

tomlkit takes entries out of tables and arrays; what is added is added as text, because tomlkit moves tables that do not
stand together. What an edit made is read again: one that did not do what it should is refused, never written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.documents.toml import Key
    from poetry_gpu_build.documents.toml import TomlDocument

_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'")
_TRAILING = re.compile(r"[ \t]*,?(?P<comment>[ \t]*#[^\n]*)")
_PAIR = re.compile(r"[^=\n]+=[ \t]*(\"[^\"\n]*\"|'[^'\n]*'|[^\s,\]}#\"'\[{]+)")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Taken(NamedTuple):
    """A text without an entry, and the comments that were the entry's."""

    text: str
    above: tuple[str, ...]
    """Whole lines, without their indentation."""
    behind: str
    """On the entry's own line; empty for none."""


def take_out(text: str, path: Path, key: Key) -> Taken:
    """Take out a dependency, with its comments.

    The one behind it goes along; those above it too, unless they are the heading of a block that goes on behind it.
    Raises ConfigurationError where the entry stands in a way that tomlkit does not edit.
    """
    document = parse_toml(text, path)
    start = _offset(document, key)
    begins = text.rfind("\n", 0, start) + 1
    behind = ""
    if isinstance(key[-1], int):
        string = _STRING.match(text, start)
        trailing = _TRAILING.match(text, string.end()) if string is not None else None
        if trailing is not None:
            behind = trailing["comment"].strip()
            text = text[: trailing.start("comment")] + text[trailing.end("comment") :]
    above, cut = _comments_above(text, begins) if not text[begins:start].strip() else ((), begins)
    text = text[:cut] + text[begins:]
    text, inside, comment = _removed(text, path, key)
    return Taken(text, above + inside, behind or comment)


def add_tables(text: str, path: Path, added: str) -> str:
    """Add tables behind the last one of [tool.poetry…], else at the end; ``added`` begins and ends without a gap."""
    at = _end_of_poetry(text, parse_toml(text, path))
    before, after = text[:at].rstrip("\n"), text[at:].lstrip("\n")
    parts = [part for part in (before, added.rstrip("\n"), after.rstrip("\n")) if part]
    return "\n\n".join(parts) + "\n"


def add_below_header(text: str, path: Path, table: Key, lines: str) -> str | None:
    """Add lines below a table's own header; None where the table has none."""
    document = parse_toml(text, path)
    if document.find(*table) is None:
        return None
    start = _offset(document, table)
    if not text.startswith("[", start):
        return None
    behind = text.find("\n", start) + 1
    return text[:behind] + lines + text[behind:] if behind else f"{text}\n{lines}"


def set_value(text: str, path: Path, key: Key, written: str) -> str:
    """Set a value of a table: in its place, else below the table's header. Raises ConfigurationError."""
    document = parse_toml(text, path)
    after: str | None = None
    if document.find(*key) is None:
        after = add_below_header(text, path, key[:-1], f"{key[-1]} = {written}\n")
    elif (pair := _PAIR.match(text, _offset(document, key))) is not None:
        after = text[: pair.start(1)] + written + text[pair.end(1) :]
    value = parse_toml(f"value = {written}", path).data["value"]

    def edit(container: Any) -> None:
        container[key[-1]] = value

    if after is None or parse_toml(after, path).data != _expected(document.data, key, edit):
        raise by_hand(path, document, key, f"set it to {written}")
    return after


def replace_value(text: str, path: Path, key: Key, written: str) -> str:
    """Put a value in the place of another; the comment behind it stays. Raises ConfigurationError."""
    import tomlkit

    value = tomlkit.parse(f"value = {written}")["value"]

    def edit(container: Any) -> None:
        container[key[-1]] = value

    return _edited(text, path, key, edit)


def set_in_table(text: str, path: Path, key: Key, written: str) -> str:
    """Set a value of a table, which is added where it is not there. Raises ConfigurationError."""
    document, table = parse_toml(text, path), key[:-1]
    if document.find(*key) is not None or add_below_header(text, path, table, "") is not None:
        return set_value(text, path, key, written)
    after = add_tables(text, path, f"{header(*map(str, table))}\n{key[-1]} = {written}\n")
    try:
        parse_toml(after, path)
    except ConfigurationError as error:  # the table is there, in a form without a header
        raise by_hand(path, document, key, f"set it to {written}") from error
    return after


def append(text: str, path: Path, key: Key, value: str) -> str:
    """Append a text to an array. Raises ConfigurationError."""

    def edit(container: Any) -> None:
        container[key[-1]].append(value)

    return _edited(text, path, key, edit)


def header(*table: str) -> str:
    """A table's header.

    >>> header("tool", "poetry", "group", "binary-torch")
    '[tool.poetry.group.binary-torch]'
    """
    return "[" + ".".join(part if _BARE.fullmatch(part) else f'"{part}"' for part in table) + "]"


def by_hand(path: Path, document: TomlDocument | None, key: Key, what: str) -> ConfigurationError:
    """The error for a manifest that is written in a way that is left to a person."""
    where = document.locate(*key) if document is not None else None
    dotted = ".".join(str(part) for part in key)
    return ConfigurationError(
        f"{path.name} is written in a way in which {dotted} cannot be edited",
        where=where,
        ways_out=(f"{what} by hand, and run the command again",),
    )


def _removed(text: str, path: Path, key: Key) -> tuple[str, tuple[str, ...], str]:
    """The text without the entry, the comments inside of it where it is a table of its own, and the one behind it."""
    inside: list[str] = []
    behind: list[str] = []

    def edit(container: Any) -> None:
        item = container[key[-1]]
        if not isinstance(key[-1], int):
            behind.append(_comment(item))
            body = getattr(getattr(item, "value", None), "body", ())
            inside.extend(comment for _, inner in body if (comment := _comment(inner)))
        del container[key[-1]]

    return _edited(text, path, key, edit), tuple(inside), "".join(behind)


def _comment(item: Any) -> str:
    from tomlkit.items import Whitespace

    return "" if isinstance(item, Whitespace) else str(getattr(getattr(item, "trivia", None), "comment", ""))


def _edited(text: str, path: Path, key: Key, edit: Any) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    document = parse_toml(text, path)
    try:
        edited = tomlkit.parse(text)
        container: Any = edited
        for part in key[:-1]:
            container = container[part]
        edit(container)
        after = tomlkit.dumps(edited)
        same = _filled(parse_toml(after, path).data) == _filled(_expected(document.data, key, edit))
    except (TOMLKitError, KeyError, IndexError, TypeError, AttributeError, ConfigurationError) as error:
        raise by_hand(path, document, key, "make the change") from error
    if not same:
        raise by_hand(path, document, key, "make the change")
    return after


def _expected(data: dict[str, Any], key: Key, edit: Any) -> dict[str, Any]:
    """The values after the same edit of the plain data."""
    from copy import deepcopy

    copy = deepcopy(data)
    container: Any = copy
    for part in key[:-1]:
        container = container[part]
    edit(container)
    return copy


def _filled(data: Any) -> Any:
    """Without empty tables: one that nothing but an entry's own header names goes with the entry."""
    if not isinstance(data, dict):
        return data
    inner = {name: _filled(value) for name, value in data.items()}
    return {name: value for name, value in inner.items() if value != {}}


def _comments_above(text: str, begins: int) -> tuple[tuple[str, ...], int]:
    """The lines of comments above the line that begins here, and where they begin; none if they head a block."""
    lines, cut = _comment_block(text, begins)
    over = text[:cut].rstrip("\n").rpartition("\n")[2].strip() if not text[:cut].endswith("\n\n") else ""
    opens_block = not over or over.endswith("[") or over.startswith("[")
    below = text[begins:].partition("\n")[2].partition("\n")[0].strip()
    goes_on = bool(below) and not below.startswith(("#", "[", "]"))
    return ((), begins) if opens_block and goes_on else (lines, cut)


def _comment_block(text: str, begins: int) -> tuple[tuple[str, ...], int]:
    """The lines of comments directly above the line that begins here, and where the first of them begins."""
    lines: list[str] = []
    cut = begins
    while cut:
        start = text.rfind("\n", 0, cut - 1) + 1
        line = text[start : cut - 1].strip()
        if not line.startswith("#"):
            break
        lines.insert(0, line)
        cut = start
    return tuple(lines), cut


def _end_of_poetry(text: str, document: TomlDocument) -> int:
    """Where the last table of [tool.poetry…] ends: before the comments of the next table, else at the end."""
    source = Source(document.path, text)
    headers: list[tuple[int, Key]] = []
    for key in _tables(document.data, ()):
        where = document.find(*key)
        start = source.offset(where.line, where.column) if where is not None else 0
        if where is not None and text.startswith("[", start):
            headers.append((start, key))
    headers.sort(key=lambda each: each[0])
    last = next((at for at in range(len(headers) - 1, -1, -1) if headers[at][1][:2] == ("tool", "poetry")), None)
    if last is None or last + 1 == len(headers):
        return len(text)
    return _comment_block(text, headers[last + 1][0])[1]


def _tables(value: Any, key: Key) -> list[Key]:
    """The keys of all tables in the document."""
    if isinstance(value, list):
        return [each for at, inner in enumerate(value) for each in _tables(inner, (*key, at))]
    if not isinstance(value, dict):
        return []
    own = [key] if key else []
    return own + [each for name, inner in value.items() for each in _tables(inner, (*key, name))]


def _offset(document: TomlDocument, key: Key) -> int:
    where = document.locate(*key)
    return Source(document.path, document.text).offset(where.line, where.column)
