"""Edits of a TOML file that keep every other byte: a value replaced, a key added to its table, a table added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix

if TYPE_CHECKING:
    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.documents.toml import Key
    from poetry_gpu_build.documents.toml import TomlDocument

# A key's last part with its value, where the value is one word or one text.
_PAIR = lazy_pattern(r"[^=\n]+=[ \t]*(\"[^\"\n]*\"|'[^'\n]*'|[^\s,\]}#\"'\[{]+)")
_TABLE_FIRST = lazy_pattern(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*[ \t]*\[")
_BARE = lazy_pattern(r"[A-Za-z0-9_-]+")


def setting_fix(
    source: Source,
    document: TomlDocument,
    table: tuple[str, ...],
    name: str,
    written: str,
    *,
    is_safe: bool,
    at_top: bool = False,
) -> Fix | None:
    """A fix that makes a key say something; None where the file is written in a way that is left to a person.

    ``at_top`` puts a table that is missing at the file's beginning: its end may be another fix's.
    """
    edit = _replaced(source, document, (*table, name), written)
    if edit is None and document.find(*table, name) is None:
        add = _added_on_top if at_top and document.find(*table) is None else _added
        edit = add(source, document, table, f"{name} = {written}")
    if edit is None or not _is_valid(source, edit):
        return None
    return Fix(f"set {'.'.join((*table, name))} to {written}", (edit,), is_safe=is_safe)


def _replaced(source: Source, document: TomlDocument, key: Key, written: str) -> Edit | None:
    start = _offset(source, document, key)
    found = None if start is None else _PAIR.match(source.text, start)
    return None if found is None else Edit(source.path, found.start(1), found.end(1), written)


def _added(source: Source, document: TomlDocument, table: tuple[str, ...], line: str) -> Edit | None:
    """The line under the table's header; with a header of its own above the first table in it, or at the end."""
    text = source.text
    end = "\r\n" if "\r\n" in text else "\n"
    header = f"[{'.'.join(part if _BARE.fullmatch(part) else _quoted(part) for part in table)}]"
    start = _offset(source, document, table)
    if start is None:
        gap = "" if not text else end if text.endswith("\n") else end * 2
        return Edit(source.path, len(text), len(text), f"{gap}{header}{end}{line}{end}")
    if text.startswith("[", start):
        behind = text.find("\n", start) + 1
        if not behind:
            return Edit(source.path, len(text), len(text), f"{end}{line}{end}")
        return Edit(source.path, behind, behind, f"{line}{end}")
    begins = text.rfind("\n", 0, start) + 1
    if text[begins:start].lstrip().startswith("["):
        return Edit(source.path, begins, begins, f"{header}{end}{line}{end * 2}")
    return None


def _added_on_top(source: Source, _: TomlDocument, table: tuple[str, ...], line: str) -> Edit:
    """A table above the first one; a dotted key where other keys come first, which a header would swallow."""
    text = source.text
    end = "\r\n" if "\r\n" in text else "\n"
    start = len(text) - len(text.removeprefix("\ufeff"))
    name = ".".join(part if _BARE.fullmatch(part) else _quoted(part) for part in table)
    added = f"[{name}]{end}{line}{end * 2}" if _TABLE_FIRST.match(text, start) else f"{name}.{line}{end}"
    return Edit(source.path, start, start, added)


def _quoted(part: str) -> str:
    return '"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _offset(source: Source, document: TomlDocument, key: Key) -> int | None:
    where = document.find(*key)
    return None if where is None else source.offset(where.line, where.column)


def _is_valid(source: Source, edit: Edit) -> bool:
    try:
        parse_toml((source.text[: edit.start] + edit.text + source.text[edit.end :]).lstrip("\ufeff"), source.path)
    except ConfigurationError:
        return False
    return True
