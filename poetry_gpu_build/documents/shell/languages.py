"""Interpreters of other languages: where their code stands on a command line. It is not read, only shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.arguments import Argument
from poetry_gpu_build.documents.shell.programs import program_name
from poetry_gpu_build.documents.shell.programs import python_runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.state import State
    from poetry_gpu_build.documents.shell.syntax import Redirection

# The options that take code, and those that take another word.
_CODE = {
    "perl": ({"-e", "-E"}, {"-I", "-M", "-m"}),
    "ruby": ({"-e"}, {"-I", "-r", "-C"}),
    "node": ({"-e", "--eval", "-p", "--print"}, {"-r", "--require"}),
    "php": ({"-r"}, {"-c", "-d"}),
    "lua": ({"-e"}, {"-l"}),
    "tclsh": (set[str](), set[str]()),
    "Rscript": ({"-e"}, set[str]()),
    "pwsh": ({"-c", "-Command"}, set[str]()),
}
_AWK = frozenset({"awk", "gawk", "mawk", "nawk"})
# awk runs a shell only by these (POSIX XCU awk).
_AWK_RUNS = lazy_pattern(r"system *\(|\"[^\"\n]*\" *\| *getline|\| *\"|\$\{_\}")
_AWK_MAKES = lazy_pattern(r"system *\( *[^\s\")]")
_AWK_VALUES = frozenset({"-F", "-v", "-f"})


class Code(NamedTuple):
    """What an interpreter is given."""

    language: str
    code: Argument | None = None
    file: Argument | None = None
    rest: Sequence[Argument] = ()
    reads_input: bool = False


def code_of(name: str, words: Sequence[Argument]) -> Code | None:
    """What an interpreter runs; None where the program is none, or runs no code of its own."""
    language = program_name(name)
    if language == "python":
        return _python(words)
    if language in _AWK:
        return _awk(words)
    if language not in _CODE:
        return None
    code_options, valued = _CODE[language]
    at = 1
    while at < len(words):
        text = words[at].text
        at += 1
        # perl -pe, -ne: the letters may be run together.
        if text in code_options or (language in {"perl", "ruby"} and re.fullmatch(r"-[a-zA-Z0-9]*[eE]", text)):
            return Code(language, code=words[at] if at < len(words) else None)
        if text == "-":
            return Code(language, reads_input=True)
        if not text.startswith("-"):
            return Code(language, file=words[at - 1], rest=words[at:])
        at += text in valued
    return Code(language, reads_input=True)


def _python(words: Sequence[Argument]) -> Code | None:
    arguments = [word.value if word.value is not None or word.many else word.text for word in words[1:]]
    kind, _, rest = python_runs(arguments)
    behind = len(words) - len(rest)
    match kind:
        case "-c":
            return Code("python", code=words[behind - 1])
        case "file" | "unknown":
            return Code("python", file=words[behind - 1], rest=words[behind:])
        case "stdin":
            return Code("python", reads_input=True)
    return None


def made_by_awk(code: str) -> bool:
    """Whether an awk program runs a script that it makes itself, out of its input."""
    return _AWK_MAKES.search(code) is not None


def renamed(words: list[Argument], state: State, redirection: Redirection | None) -> list[Argument]:
    """``python x`` where ``x`` is a copy of get-pip.py, ``python < get-pip.py``, and pip's own ``__main__.py``."""
    code = _python(words)
    if code is None or (code.file is None and not code.reads_input):
        return words
    if code.file is None:
        target = redirection.target if redirection is not None and redirection.operator == "<" else None
        if target is None or not (target.literal or "").endswith("get-pip.py"):
            return words
        return [words[0], Argument.of(target.literal or "", target.start, target.end)]
    file = code.file
    path = state.path(file.value) if file.value is not None else ""
    made = state.copies.get(path)
    if (made is not None and made.pieces) or path.endswith("/pip/__main__.py"):
        named = Argument.of(made.text if made is not None and made.pieces else path, file.start, file.end)
        return [named if word is file else word for word in words]
    return words


def _awk(words: Sequence[Argument]) -> Code | None:
    at = 1
    while at < len(words) and words[at].text.startswith("-") and len(words[at].text) > 1:
        if words[at].text == "-f":
            return Code("awk", file=words[at + 1]) if at + 1 < len(words) else None
        at += 2 if words[at].text in _AWK_VALUES else 1
    if at < len(words) and _AWK_RUNS.search(words[at].text):
        return Code("awk", code=words[at])
    return None
