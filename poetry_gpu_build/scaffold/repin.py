"""Another build in the place of the torch that a group asks for: the entry stays where it stands, with its comments."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

from packaging.requirements import InvalidRequirement

from poetry_gpu_build.documents.toml import parse_toml
from poetry_gpu_build.scaffold.manifest_edits import add_below_header
from poetry_gpu_build.scaffold.manifest_edits import by_hand
from poetry_gpu_build.scaffold.manifest_edits import replace_value
from poetry_gpu_build.scaffold.manifest_edits import set_value
from poetry_gpu_build.scaffold.manifest_edits import take_out
from poetry_gpu_build.scaffold.requirement import from_requirement
from poetry_gpu_build.scaffold.requirement import from_table
from poetry_gpu_build.scaffold.requirement import names_a_file
from poetry_gpu_build.scaffold.requirement import pep508
from poetry_gpu_build.scaffold.requirement import value_of

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.documents.toml import Key
    from poetry_gpu_build.scaffold.requirement import Entry


def repin_listed(text: str, path: Path, key: Key, name: str, version: str) -> str:
    """A requirement of PEP 735's list at this version; the same text where it is. Raises ConfigurationError."""
    try:
        asked = from_requirement(_found(text, path, key))
    except (InvalidRequirement, TypeError) as error:
        raise by_hand(path, parse_toml(text, path), key, f"pin {name} {version}") from error
    if names_a_file(asked):
        raise by_hand(path, parse_toml(text, path), key, f"pin {name} {version}")
    if asked["version"] == version:
        return text
    return replace_value(text, path, key, value_of({"version": pep508(name, {**asked, "version": version})}))


def repin_tabled(text: str, path: Path, key: Key, version: str | None, source: str | None) -> str:
    """An entry of Poetry's own table at this version and from this source; the same text where it is.

    ``version`` None: the list of PEP 735 says it, and the entry only adds the source. ``source`` None: the default
    index. Raises ConfigurationError.
    """
    written = _found(text, path, key)
    entries = from_table(written) if isinstance(written, (str, dict, list)) else []
    if len(entries) != 1 or names_a_file(entries[0]):
        raise by_hand(path, parse_toml(text, path), key, f"pin {version or 'it'} from {source or 'the default index'}")
    asked = entries[0]
    rest = {part: value for part, value in asked.items() if part not in ("version", "source")}
    wanted: Entry = {
        **({} if version is None else {"version": version}),
        **rest,
        **({} if source is None else {"source": source}),
    }
    if wanted == asked:
        return text
    if not wanted:
        return take_out(text, path, key).text
    if _has_header(text, path, key):
        return _in_own_table(text, path, key, wanted, asked)
    return replace_value(text, path, key, value_of(wanted))


def _in_own_table(text: str, path: Path, key: Key, wanted: Entry, asked: Entry) -> str:
    for part in ("version", "source"):
        if part in wanted:
            text = set_value(text, path, (*key, part), value_of({"version": wanted[part]}))
        elif part in asked:
            text = take_out(text, path, (*key, part)).text
    return text


def _has_header(text: str, path: Path, key: Key) -> bool:
    """Whether the entry is a table under a header of its own."""
    return add_below_header(text, path, key, "") is not None


def _found(text: str, path: Path, key: Key) -> Any:
    found: Any = parse_toml(text, path).data
    for part in key:
        found = found[part]
    return found
