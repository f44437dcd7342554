"""Holds a row against what was measured: what to say of it, and what it has to say from now on."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from poetry_gpu_build.facts.evidence import MEASURED
from tools.refresh.tables import find_row
from tools.refresh.tables import with_row
from tools.refresh.tables import with_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.documents.toml import TomlDocument

#: What may differ between two wheels of one release, or between two days, so that it contradicts nobody.
_OF_ONE_FILE = frozenset({"size_mb", "pythons"})


class Measured(NamedTuple):
    """What a row must say of one wheel or compiler."""

    kind: str
    """The row's table: ``wheel``, ``library`` or ``toolkit``."""
    key: Mapping[str, str]
    """What tells the row apart from the others of its table."""
    read: Mapping[str, Any]
    """What was read. A row that says otherwise is wrong, or is about another file."""
    evidence: Mapping[str, str]
    """How it is known: the row's status, its source, and for a file its sha256."""
    remarks: tuple[str, ...] = ()
    """What a note of the row may want to say."""

    @property
    def name(self) -> str:
        """As messages name it."""
        match self.kind:
            case "wheel":
                return f"torch {'+'.join(self.key.values())}"
            case "toolkit":
                return f"CUDA {self.key['cuda']}"
        return " ".join(self.key.values())


class Comparison(NamedTuple):
    """One row beside what was measured."""

    measured: Measured
    lines: tuple[str, ...]
    """A line for each key that was measured: ``+`` in front of what the row lacks, ``!`` of what it has wrong."""
    contradicted: str | None
    """The status of a row that says otherwise than what was measured; None where nothing contradicts it."""
    holds: bool
    """Whether the row says all this, and says that it was measured."""
    renewed: TomlDocument
    """The table with the row as it has to be: another text only where something is to be written."""


def compare(document: TomlDocument, measured: Measured, rest: Mapping[str, Any]) -> Comparison:
    """Compare a row of ``document`` with what was measured; ``rest`` is what a row that is not there needs besides."""
    at = find_row(document, measured.kind, measured.key)
    if at is None:
        new = {**measured.key, **rest, **measured.read, **measured.evidence}
        renewed = with_row(document, measured.kind, _place(document, measured.kind, new), new)
        return Comparison(
            measured, tuple(_shown(each, {}, measured.read) for each in measured.read), None, False, renewed
        )
    row = document.data[measured.kind][at]
    differs = [each for each, value in measured.read.items() if not _agrees(each, row.get(each), value)]
    wrong = [each for each in differs if each not in _OF_ONE_FILE]
    holds = not wrong and row.get("status") == MEASURED
    wanted = {each: measured.read[each] for each in differs}
    is_of_this_file = row.get("sha256") == measured.evidence.get("sha256")
    if wanted or not holds or not is_of_this_file or not str(row.get("source")).startswith(MEASURED):
        wanted |= measured.evidence
    return Comparison(
        measured,
        tuple(_shown(each, row, measured.read) for each in measured.read),
        str(row.get("status", "no status")) if set(wrong) & set(row) else None,
        holds,
        with_values(document, measured.kind, at, wanted) if wanted else document,
    )


def _agrees(name: str, said: Any, read: Any) -> bool:
    if name == "requires_python" and said is not None:
        return SpecifierSet(said) == SpecifierSet(read)  # `>=3.9` and `>=3.9.0`
    if name == "git":
        return bool(said) and str(read).startswith(said)
    return bool(said == read)


def _shown(name: str, row: Mapping[str, Any], read: Mapping[str, Any]) -> str:
    found = _text(read[name])
    if name not in row:
        return f"+ {name}: {found}"
    if _agrees(name, row[name], read[name]):
        return f"  {name}: {_text(row[name])}"
    mark = " " if name in _OF_ONE_FILE else "!"
    return f"{mark} {name}: the row says {_text(row[name])}, and it is {found}"


def _text(value: Any) -> str:
    return (" ".join(value) if isinstance(value, list) else str(value)) or "nothing"


def _place(document: TomlDocument, kind: str, row: Mapping[str, Any]) -> int:
    """Where a new row belongs: by release, PyPI's wheel before the others; a library among its own, else at the end."""
    rows = document.data.get(kind, [])
    if kind == "wheel":
        order = [(Version(each["torch"]), each["index"] != "PyPI") for each in rows]
        mine = (Version(row["torch"]), row["index"] != "PyPI")
        return sum(each <= mine for each in order)
    of_name = [at for at, each in enumerate(rows) if each["name"] == row["name"]]
    older = [at for at in of_name if Version(rows[at]["version"]) < Version(row["version"])]
    return older[-1] + 1 if older else of_name[0] if of_name else len(rows)
