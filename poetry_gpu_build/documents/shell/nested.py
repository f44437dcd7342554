"""Nested shells: what ``bash -euxo pipefail -c script`` runs, and what ``echo``, ``printf`` and ``cat`` print."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.shell.arguments import UNKNOWN
from poetry_gpu_build.documents.shell.arguments import joined
from poetry_gpu_build.documents.shell.escapes import ansi_c
from poetry_gpu_build.documents.shell.offsets import OffsetMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.arguments import Argument

SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "rbash", "posh", "yash"})
_LONG_WITH_VALUE = frozenset({"--rcfile", "--init-file"})
_SHORT_OPTIONS = {"e": "errexit", "u": "nounset", "x": "xtrace"}


class ShellCall(NamedTuple):
    """The command line of a shell (POSIX XCU sh, bash's manual 6.1)."""

    script: Argument | None
    """What ``-c`` says."""
    file: Argument | None
    """The file that it reads."""
    rest: Sequence[Argument]
    """``$0`` and the positional parameters for a script; the positional parameters for a file."""
    options: frozenset[str]
    """The options of ``set -o`` that are on."""
    unclear: bool
    """A word of which nobody knows what it is stands where the script or the file is looked for."""


def shell_call(words: Sequence[Argument]) -> ShellCall:
    """Read the command line of a shell; the first word is the shell."""
    options: set[str] = set()
    runs_script = reads_input = False
    at = 1
    while at < len(words):
        text = words[at].text
        if text in {"--", "-"}:
            at += 1
            break
        if words[at].many and UNKNOWN in text and words[at].substitution is None:
            return ShellCall(None, None, words[at + 1 :], frozenset(options), unclear=True)
        if text[:1] not in {"-", "+"} or len(text) < 2:
            break
        at += 1
        if text.startswith("--"):
            at += text in _LONG_WITH_VALUE
            continue
        for letter in text[1:]:
            if letter in "oO" and at < len(words):
                (options.add if text[0] == "-" else options.discard)(words[at].text)
                at += 1
            elif text[0] == "-":
                options.add(_SHORT_OPTIONS.get(letter, letter))
                runs_script |= letter == "c"
                reads_input |= letter == "s"
            else:
                options.discard(_SHORT_OPTIONS.get(letter, letter))
    rest = words[at:]
    found = frozenset(options)
    if runs_script:
        return ShellCall(rest[0] if rest else None, None, rest[1:], found, unclear=False)
    if rest and not reads_input:
        return ShellCall(None, rest[0], rest[1:], found, unclear=False)
    return ShellCall(None, None, rest, found, unclear=False)


def printed(words: Sequence[Argument], body: OffsetMap | None) -> OffsetMap | None:
    """What a command prints, where that can be said; ``body`` is what it reads. The first word is the command."""
    match words[0].name:
        case "echo":
            return _echo(words[1:])
        case "printf":
            return _printf(words[1:])
        case "cat" if body is not None and all(word.text == "-" for word in words[1:]):
            return body
    return None


def _echo(words: Sequence[Argument]) -> OffsetMap:
    escapes = False
    while words and words[0].text in {"-n", "-e", "-E", "-ne", "-en"}:
        escapes |= "e" in words[0].text
        words = words[1:]
    # dash's echo reads escapes without being asked to; a script that holds one means the same either way.
    return _with_escapes(words) if escapes or any("\\n" in word.text for word in words) else joined(words)


def _with_escapes(words: Sequence[Argument]) -> OffsetMap:
    pieces: list[tuple[str, int, int]] = []
    for word in words:
        if pieces:
            pieces.append((" ", word.start, word.start))
        for piece in word.pieces:
            text = UNKNOWN if piece.value is None else piece.value
            same = piece.end - piece.start == len(text)
            for part in ansi_c(text, piece.start if same else 0):
                pieces.append((part.value, part.start, part.end) if same else (part.value, piece.start, piece.end))
    return OffsetMap(pieces)


def _printf(words: Sequence[Argument]) -> OffsetMap | None:
    """``printf`` with ``%s`` and ``%b``; the format is used again while words are left."""
    if words and words[0].text == "--":
        words = words[1:]
    if not words or words[0].value is None:
        return None
    template, left = words[0], list(words[1:])
    if "%" not in template.text:
        return _with_escapes([template])
    pieces: list[tuple[str, int, int]] = []
    while True:
        chunks = "".join([part.value for part in ansi_c(template.text, 0)]).split("%")
        pieces.append((chunks[0], template.start, template.end))
        taken = False
        percent = False
        for chunk in chunks[1:]:
            if percent:
                pieces.append(("%" + chunk, template.start, template.end))
                percent = False
            elif not chunk:
                percent = True
            elif chunk[0] in "sbq":
                if left:
                    pieces += joined([left.pop(0)]).pieces()
                    taken = True
                pieces.append((chunk[1:], template.start, template.end))
            else:
                return None
        if not left or not taken:
            return OffsetMap(pieces)
