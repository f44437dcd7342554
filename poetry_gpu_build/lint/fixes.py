"""Applies fixes to texts, and shows them as a diff. Writing them is durable's."""

from __future__ import annotations

from bisect import bisect_left
from bisect import insort
from types import MappingProxyType
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint.finding import Edit
    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.finding import Fix

_TO_QUOTE = lazy_pattern(r"[^ !#-\[\]-~]")
_C_ESCAPES: Mapping[str, str] = MappingProxyType(
    {
        "\a": r"\a",
        "\b": r"\b",
        "\t": r"\t",
        "\n": r"\n",
        "\v": r"\v",
        "\f": r"\f",
        "\r": r"\r",
        '"': r"\"",
        "\\": r"\\",
    }
)
_NO_NEWLINE = "\\ No newline at end of file\n"


class FixResult(NamedTuple):
    """What became of the texts."""

    texts: Mapping[Path, str]
    """By path, only those that changed; a path that had no source is a file to be made."""
    applied: tuple[Finding, ...]
    """The findings that were mended."""
    left: tuple[Finding, ...]
    """Those whose fix may be made, but stands in the way of one that was: lint again, and they come back."""


def apply_fixes(sources: Mapping[Path, Source], findings: Iterable[Finding], *, unsafe: bool) -> FixResult:
    """Make the fixes of these findings, in the findings' order: a fix is made as a whole or not at all.

    A fix is left out if one of its edits overlaps an edit made before, or touches it where one of the two inserts only:
    there the order would matter. A fix that is the same as one made before counts as made. With ``unsafe`` the fixes
    that are not safe are made too. An edit of a path without a source makes that file, and inserts at 0.
    Raises ValueError for edits that overlap within one fix or lie outside the text: a mistake in the rule.
    """
    taken: dict[Path, list[tuple[int, int]]] = {}
    made: dict[tuple[Edit, ...], None] = {}
    applied: list[Finding] = []
    left: list[Finding] = []
    for finding in sorted(findings, key=lambda finding: finding.order):
        fix = finding.fix
        if fix is None or not fix.edits or not (fix.is_safe or unsafe):
            continue
        _check(finding.code, fix, sources)
        if fix.edits in made:
            applied.append(finding)
        elif any(_conflicts(edit, taken.get(edit.path, [])) for edit in fix.edits):
            left.append(finding)
        else:
            for edit in fix.edits:
                insort(taken.setdefault(edit.path, []), (edit.start, edit.end))
            made[fix.edits] = None
            applied.append(finding)
    return FixResult(_edited(sources, [edit for edits in made for edit in edits]), tuple(applied), tuple(left))


def unified_diff(path: str, old_text: str | None, new_text: str) -> str:
    r"""The change as `git diff` shows it, which `git apply` and `patch -p1` take; empty if there is none.

    ``path`` is relative to the root, with `/`; with ``old_text`` None the file is new. Lines end in ``\n`` only. The
    text is the file's own: write it with the error handler ``surrogateescape``.

    >>> print(unified_diff("docker/Dockerfile", "FROM a\nRUN b\n", "FROM a\n"), end="")
    --- a/docker/Dockerfile
    +++ b/docker/Dockerfile
    @@ -1,2 +1 @@
     FROM a
    -RUN b
    """
    # Loaded only for --diff.
    from difflib import unified_diff as difference

    before = "/dev/null" if old_text is None else _quoted(f"a/{path}")
    lines = difference(_lines(old_text or ""), _lines(new_text), before, _quoted(f"b/{path}"))
    return "".join(line if line.endswith("\n") else f"{line}\n{_NO_NEWLINE}" for line in lines)


def _check(code: str, fix: Fix, sources: Mapping[Path, Source]) -> None:
    last: dict[Path, int] = {}
    for edit in sorted(fix.edits, key=_edit_order):
        source = sources.get(edit.path)
        place = f"{edit.path.name} from {edit.start} to {edit.end}"
        if not 0 <= edit.start <= edit.end <= (0 if source is None else len(source.text)):
            raise ValueError(f"the fix of {code} edits {place}, outside its text")
        if edit.start < last.get(edit.path, 0):
            raise ValueError(f"the fix of {code} edits {place}, and more than once")
        last[edit.path] = edit.end


def _conflicts(edit: Edit, taken: list[tuple[int, int]]) -> bool:
    """Whether an edit overlaps a place that is taken; those are sorted and apart, so its neighbours decide."""
    index = bisect_left(taken, (edit.start, edit.end))
    return any(_meet(edit.start, edit.end, *place) for place in taken[max(0, index - 1) : index + 1])


def _meet(start: int, end: int, other_start: int, other_end: int) -> bool:
    if start == end or other_start == other_end:
        return start <= other_end and other_start <= end
    return start < other_end and other_start < end


def _edited(sources: Mapping[Path, Source], edits: list[Edit]) -> dict[Path, str]:
    by_path: dict[Path, list[Edit]] = {}
    for edit in edits:
        by_path.setdefault(edit.path, []).append(edit)
    texts = {}
    for path in sorted(by_path):
        old = sources[path].text if path in sources else ""
        new = "".join(_pieces(old, sorted(by_path[path], key=_edit_order)))
        if new != old or path not in sources:
            texts[path] = new
    return texts


def _pieces(text: str, edits: Iterable[Edit]) -> Iterator[str]:
    at = 0
    for edit in edits:
        yield text[at : edit.start]
        yield edit.text
        at = edit.end
    yield text[at:]


def _edit_order(edit: Edit) -> tuple[str, int, int]:
    return (edit.path.as_posix(), edit.start, edit.end)


def _lines(text: str) -> list[str]:
    r"""The lines with their ends; unlike `str.splitlines`, only ``\n`` ends one, as for `git`."""
    lines = text.split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _quoted(name: str) -> str:
    r"""A name in a diff's header, quoted as git does (core.quotePath): C escapes, bytes beyond ASCII in octal.

    >>> print(_quoted("a/docker/Dockerfile"), _quoted('a/caf\xe9\n"'))
    a/docker/Dockerfile "a/caf\303\251\n\""
    """
    raw = name.encode("utf-8", "surrogateescape").decode("latin-1")
    if not _TO_QUOTE.search(raw):
        return name
    return '"' + _TO_QUOTE.sub(lambda match: _C_ESCAPES.get(match[0], f"\\{ord(match[0]):03o}"), raw) + '"'
