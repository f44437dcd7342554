"""What a manifest asks for, in Poetry's own notation: read from either notation, written as one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import Any

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Mapping

# What points to one file or repository: it names the build, and takes no source.
_FILES = ("url", "path", "file", "git")

_SPECIFIERS = re.compile(r"(===|[=!~<>]=|[<>])\s*([^\s,;)]+)")

Entry = dict[str, Any]


def from_requirement(text: str) -> Entry:
    """A PEP 508 requirement as Poetry's table has it. Raises InvalidRequirement.

    >>> from_requirement("torch[opt]==2.7.1 ; sys_platform == 'linux'")
    {'version': '2.7.1', 'extras': ['opt'], 'markers': 'sys_platform == "linux"'}
    """
    requirement = Requirement(text)
    specifiers = _SPECIFIERS.findall(text.partition(";")[0])  # in the order in which they are written
    exact = specifiers[0][1] if len(specifiers) == 1 and specifiers[0][0] == "==" else None
    is_exact = exact is not None and "*" not in exact
    version = exact if is_exact else ",".join("".join(each) for each in specifiers) or "*"
    entry: Entry = {"url": requirement.url} if requirement.url else {"version": version}
    if requirement.extras:
        entry["extras"] = sorted(requirement.extras)
    if requirement.marker is not None:
        entry["markers"] = str(requirement.marker)
    return entry


def from_table(value: Any) -> list[Entry]:
    """An entry of Poetry's own table: a version, a table, or several tables for several platforms."""
    values = value if isinstance(value, list) else [value]
    return [{"version": each} if isinstance(each, str) else dict(each) for each in values]


def names_a_file(entry: Entry) -> bool:
    """Whether the entry points to one file or repository."""
    return any(part in entry for part in _FILES)


def with_source(entry: Entry, source: str | None) -> Entry:
    """The entry from this source; what points to a file takes none."""
    if source is None or names_a_file(entry):
        return entry
    rest = {name: value for name, value in entry.items() if name not in ("version", "source")}
    return {"version": entry.get("version", "*"), **rest, "source": source}


def line_of(name: str, entries: list[Entry]) -> str:
    """The line for a table of dependencies.

    >>> line_of("torch", [{"version": "2.7.1+cu128", "source": "pytorch-cu128"}])
    'torch = { version = "2.7.1+cu128", source = "pytorch-cu128" }'
    >>> line_of("torch", [{"version": "2.7.1"}])
    'torch = "2.7.1"'
    """
    values = [value_of(entry) for entry in entries]
    return f"{name} = {values[0]}" if len(values) == 1 else f"{name} = [{', '.join(values)}]"


def pep508(name: str, entry: Entry) -> str:
    """The entry as the standard writes it, without its source.

    >>> pep508("torch", {"version": "2.7.1+cu128", "source": "pytorch-cu128", "markers": "os_name == 'posix'"})
    "torch==2.7.1+cu128 ; os_name == 'posix'"
    """
    version = str(entry.get("version", "*"))
    extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
    marker = f" ; {entry['markers']}" if entry.get("markers") else ""
    if "url" in entry:
        return f"{name}{extras} @ {entry['url']}{marker}"
    constraint = "" if version == "*" else f"=={version}" if version[:1].isdigit() else version
    return f"{name}{extras}{constraint}{marker}"


def value_of(entry: Mapping[str, Any]) -> str:
    """The entry as a value of TOML.

    >>> value_of({"version": "2.7.1"}), value_of({"source": "pytorch-cu126"})
    ('"2.7.1"', '{ source = "pytorch-cu126" }')
    """
    if list(entry) == ["version"]:
        return _toml(entry["version"])
    return "{ " + ", ".join(f"{name} = {_toml(value)}" for name, value in entry.items()) + " }"


def _toml(value: Any) -> str:
    import tomlkit

    if isinstance(value, list):
        return f"[{', '.join(_toml(each) for each in value)}]"
    return str(tomlkit.item(value).as_string())
