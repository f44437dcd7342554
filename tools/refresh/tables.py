"""Rewrites single rows of a facts table, and leaves every other byte of the file as it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any

from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.documents.toml import TomlDocument

#: The order of the keys in a row; one that is new comes after those before it in this list.
ORDER = {
    "wheel": (
        *("torch", "variant", "cuda", "platform", "sass", "ptx", "index", "published", "requires_python"),
        *("pythons", "size_mb", "git", "cudnn", "status", "source", "sha256", "note"),
    ),
    "library": ("name", "version", "sass", "ptx", "status", "source", "sha256", "note"),
    "toolkit": (
        *("cuda", "nvcc_sm", "min_sm", "max_sm", "driver_ga", "driver_status", "driver_source"),
        *("driver_minor_compat", "minor_compat_status", "minor_compat_source"),
        *("gcc_max", "gcc_status", "gcc_source"),
        *("compiles_maxwell", "compiles_pascal", "compiles_volta", "compiles_blackwell"),
        *("status", "source", "note"),
    ),
}


def find_row(document: TomlDocument, kind: str, key: Mapping[str, str]) -> int | None:
    """The number of the row in its table; None where there is none."""
    rows = document.data.get(kind, [])
    return next((at for at, row in enumerate(rows) if all(row.get(name) == key[name] for name in key)), None)


def with_values(document: TomlDocument, kind: str, at: int, values: Mapping[str, Any]) -> TomlDocument:
    """The document with these values in one row. Raises ConfigurationError where its form is not one to edit safely."""
    lines = document.text.splitlines(keepends=True)
    row: dict[str, Any] = document.data[kind][at]
    for name in values.keys() & row.keys():
        line = _line(document, kind, at, name)
        if lines[line] != _written(name, row[name]):  # a comment behind the value, a value on several lines
            raise _not_by_lines(document, kind, at, name)
        lines[line] = _written(name, values[name])
    # From the last key on upwards, so that the numbers of the lines above stay true.
    for name in sorted(set(values) - set(row), key=ORDER[kind].index, reverse=True):
        before = ORDER[kind][: ORDER[kind].index(name)]
        anchor = max(_line(document, kind, at, each) for each in row if each in before)
        lines.insert(anchor + 1, _written(name, values[name]))
    expected = [*document.data[kind]]
    expected[at] = {**row, **values}
    return _checked(document, "".join(lines), kind, expected)


def with_row(document: TomlDocument, kind: str, at: int, values: Mapping[str, Any]) -> TomlDocument:
    """The document with a new row before row ``at``, or behind the last one. Raises ConfigurationError."""
    text = f"[[{kind}]]\n" + "".join(_written(name, values[name]) for name in ORDER[kind] if name in values)
    lines = document.text.splitlines(keepends=True)
    rows = document.data[kind]
    if at < len(rows):
        lines.insert(document.locate(kind, at).line - 1, f"{text}\n")
    else:
        last = max(_line(document, kind, at - 1, name) for name in rows[-1])
        lines.insert(last + 1, f"\n{text}")
    return _checked(document, "".join(lines), kind, [*rows[:at], dict(values), *rows[at:]])


def _line(document: TomlDocument, kind: str, at: int, name: str) -> int:
    """The number of a key's line, from 0."""
    return document.locate(kind, at, name).line - 1


def _written(name: str, value: Any) -> str:
    # A basic string of TOML is one of JSON, and so are its lists, whole numbers and switches.
    return f"{name} = {json.dumps(value, ensure_ascii=False)}\n"


def _checked(document: TomlDocument, text: str, kind: str, expected: list[dict[str, Any]]) -> TomlDocument:
    """The new document, if it says what it should and the rest says what it did."""
    new = parse_toml(text, document.path)
    if new.data != {**document.data, kind: expected}:
        raise _not_by_lines(document, kind)
    return new


def _not_by_lines(document: TomlDocument, *key: str | int) -> ConfigurationError:
    return ConfigurationError(
        f"a row of {document.path.name} cannot be rewritten by its lines",
        where=document.locate(*key),
        ways_out=('give its keys lines of their own, as the other rows have them: sass = ["5.0", "6.0"]',),
    )
