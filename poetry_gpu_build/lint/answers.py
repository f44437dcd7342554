"""Answers of earlier runs: a run with the same arguments over files that have not changed prints the same again.

Python alone takes 12 ms to start, and what the linter imports another 50; a pre-commit hook or an editor asks again and
again. So the first thing that the script does is to look here, and nothing that costs time is imported for it: neither
``typing`` nor ``re``, ``json`` or ``hashlib``.

An answer holds for as long as every file that the run looked at is what it was: size, both times, inode, or missing.
The form is text, with lengths: a file that is cut short or of another version is no answer.
"""

from __future__ import annotations

import os
from binascii import crc32

# What type checkers read as typing.TYPE_CHECKING, without importing typing.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping

    Stamp = tuple[int, int, int, int] | None
    """Size in bytes, last change of content and of inode in ns, inode; None: there is no such file."""

_FORM = b"gpu-build-lint answer 1\n"
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_MOST_ANSWERS = 200
_LONGEST = 4 * 1024 * 1024
# Some file systems keep times in steps of 2 s: what changed less than that ago may change again and look the same.
_SETTLED = 2_000_000_000


class Answer:
    """What a run printed to stdout, and its exit code."""

    __slots__ = ("exit_code", "output")

    def __init__(self, output: bytes, exit_code: int) -> None:
        self.output = output
        self.exit_code = exit_code


def folder(environment: Mapping[str, str]) -> str | None:
    """Where answers are kept; None where none are: in a checkout, whose code changes, or with no home."""
    if not os.path.isdir(os.path.join(_PACKAGE, "policies")):
        return None
    base = environment.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "poetry-gpu-build", "lint") if os.path.isabs(base) else None


def stamp(path: str) -> Stamp:
    """What tells one state of a file from another."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def program() -> str:
    """What the answer depends on besides its files: this installation of the program."""
    return repr(stamp(os.path.abspath(__file__)))


def recall(place: str, question: str) -> Answer | None:
    """The answer to a question, if there is one and it still holds. ``question`` is everything that was asked."""
    try:
        with open(_path(place, question), "rb") as file:
            raw = file.read(_LONGEST)
    except OSError:
        return None
    try:
        return _parse(raw, question)
    except ValueError:
        return None


def keep(place: str, question: str, answer: Answer, looked_at: Mapping[str, bool], started_ns: int) -> None:
    """Keep an answer, with the stamps of the files that it depends on: ``looked_at`` says which were there.

    ``started_ns`` is the time of day at which the run began. Nothing is kept where a file has changed since, or cannot
    be written: the next run works it out again.
    """
    stamps = {path: stamp(path) for path in looked_at}
    if any((each is not None) != looked_at[path] for path, each in stamps.items()):
        return
    if any(each is not None and max(each[1], each[2]) > started_ns - _SETTLED for each in stamps.values()):
        return
    raw = _form(question, answer, stamps)
    if raw is None or len(raw) >= _LONGEST:
        return
    path = _path(place, question)
    beside = f"{path}.{os.getpid()}"
    try:
        os.makedirs(place, mode=0o700, exist_ok=True)
        with open(beside, "wb") as file:
            file.write(raw)
        os.replace(beside, path)
        _forget_the_oldest(place)
    except OSError:
        return


def _path(place: str, question: str) -> str:
    return os.path.join(place, f"{crc32(question.encode('utf-8', 'surrogateescape')):08x}")


def _form(question: str, answer: Answer, stamps: Mapping[str, Stamp]) -> bytes | None:
    lines = []
    for path, each in stamps.items():
        if "\n" in path:
            return None
        lines.append(f"{' '.join(map(str, each)) if each is not None else '-'} {path}\n")
    asked = question.encode("utf-8", "surrogateescape")
    files = "".join(lines).encode("utf-8", "surrogateescape")
    parts = (asked, files, answer.output)
    lengths = " ".join(str(len(part)) for part in parts)
    return _FORM + f"{answer.exit_code} {lengths}\n".encode() + b"".join(parts)


def _parse(raw: bytes, question: str) -> Answer | None:
    """Raises ValueError for what is no answer."""
    if not raw.startswith(_FORM):
        return None
    end = raw.index(b"\n", len(_FORM))
    exit_code, *lengths = map(int, raw[len(_FORM) : end].split())
    parts = []
    at = end + 1
    for length in lengths:
        parts.append(raw[at : at + length])
        at += length
    if len(parts) != 3 or at != len(raw) or parts[0] != question.encode("utf-8", "surrogateescape"):
        return None
    lines: Iterable[str] = parts[1].decode("utf-8", "surrogateescape").split("\n")[:-1]
    if not all(_holds(line) for line in lines):
        return None
    return Answer(parts[2], exit_code)


def _holds(line: str) -> bool:
    if line.startswith("- "):
        return stamp(line[2:]) is None
    size, changed, inode_changed, inode, path = line.split(" ", 4)
    return stamp(path) == (int(size), int(changed), int(inode_changed), int(inode))


def _forget_the_oldest(place: str) -> None:
    with os.scandir(place) as entries:
        found = [(entry.stat().st_mtime_ns, entry.path) for entry in entries]
    if len(found) > _MOST_ANSWERS:
        for _, path in sorted(found)[: len(found) // 2]:
            os.unlink(path)
