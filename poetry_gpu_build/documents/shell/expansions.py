"""Expansions and substitutions (POSIX XCU 2.6, bash's manual 3.5): what starts with a dollar or a backtick."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.escapes import ansi_c
from poetry_gpu_build.documents.shell.offsets import OffsetMap
from poetry_gpu_build.documents.shell.offsets import relocated
from poetry_gpu_build.documents.shell.syntax import Arithmetic
from poetry_gpu_build.documents.shell.syntax import Parameter
from poetry_gpu_build.documents.shell.syntax import Scope
from poetry_gpu_build.documents.shell.syntax import Substitution
from poetry_gpu_build.documents.shell.syntax import Text

if TYPE_CHECKING:
    from poetry_gpu_build.documents.shell.reader import WordReader
    from poetry_gpu_build.documents.shell.syntax import Part

_NAME = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]|[@*#?$!-]")
_BRACED_NAME = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]")
_OPERATOR = lazy_pattern(r":?[-=?+]|##?|%%?|//?|\^\^?|,,?|@|:")
_IN_SUBSCRIPT = lazy_pattern(r"[^\]\"'\\$`]+")
_QUOTE_ENDS = {"'": re.compile(r"\\.|'", re.DOTALL), "`": re.compile(r"\\.|`", re.DOTALL)}
_ARITHMETIC = lazy_pattern(r"\\.|['\"()]", re.DOTALL)
_IN_BRACES = lazy_pattern(r"[^\\'\"$`}]+")


def dollar(reader: WordReader, parts: list[Part], *, quoted: bool) -> None:
    """Read what starts with a dollar: a parameter, a substitution, arithmetic, ``$'…'``, or a mere dollar."""
    text, at = reader.text, reader.position
    following = text[at + 1] if at + 1 < reader.limit else ""
    if following == "(":
        if text.startswith("(", at + 2, reader.limit) and arithmetic(reader, at + 3):
            parts.append(Arithmetic(at, reader.position, quoted))
        else:
            _substitution(reader, parts, "$(", ")", quoted=quoted)
    elif following == "{":
        if text[at + 2 : min(at + 3, reader.limit)] in {" ", "\t", "\n", "|"}:
            _substitution(reader, parts, "${" + text[at + 2], "}", quoted=quoted)
        else:
            _braced(reader, parts, quoted=quoted)
    elif following == "'" and not quoted:
        _ansi_c_quoted(reader, parts)
    elif following == '"' and not quoted:
        reader.position += 1
        reader.double_quoted(parts)
    elif following == "[":
        reader.position = at + 1
        subscript(reader)
        parts.append(Arithmetic(at, reader.position, quoted))
    elif found := _NAME.match(text, at + 1, reader.limit):
        parts.append(Parameter(at, found.end(), found.group(), quoted=quoted))
        reader.position = found.end()
    else:
        parts.append(Text(at, at + 1, "$", quoted))
        reader.position = at + 1


def _ansi_c_quoted(reader: WordReader, parts: list[Part]) -> None:
    at = reader.position + 1
    stop = _quote_end(reader, "'", at + 1)
    if stop is None:
        stop = reader.lost(at - 1, "a single quote is not closed")
    parts.append(Text(at - 1, at + 1, "", quoted=True))
    parts.extend(ansi_c(reader.text[at + 1 : stop], at + 1))
    reader.position = min(stop + 1, reader.limit)
    parts.append(Text(stop, reader.position, "", quoted=True))


def _quote_end(reader: WordReader, quote: str, start: int) -> int | None:
    """Where the next ``quote`` stands that no backslash escapes."""
    for found in _QUOTE_ENDS[quote].finditer(reader.text, start, reader.limit):
        reader.step()
        if found.group() == quote:
            return found.start()
    return None


def _braced(reader: WordReader, parts: list[Part], *, quoted: bool) -> None:
    """``${…}`` (POSIX XCU 2.6.2, bash's manual 3.5.3)."""
    text, start = reader.text, reader.position
    reader.deeper()
    reader.position = start + 2
    operator = ""
    if text[reader.position : reader.position + 1] in {"!", "#"} and not text.startswith("}", reader.position + 1):
        operator = text[reader.position]
        reader.position += 1
    found = _BRACED_NAME.match(text, reader.position, reader.limit)
    name = found.group() if found else ""
    reader.position += len(name)
    index = subscript(reader) if reader.text.startswith("[", reader.position, reader.limit) else ""
    argument = None
    if found := _OPERATOR.match(text, reader.position, reader.limit):
        operator += found.group()
        reader.position = found.end()
    argument_start = reader.position
    inner = _until_brace(reader, start, quoted=quoted)
    if inner or operator:
        argument = reader.word_of(argument_start, inner)
    if inner and not operator:
        operator = "?"
        reader.problem(start, "a parameter expansion that no shell knows")
    if reader.position < reader.limit:
        reader.position += 1
    reader.depth -= 1
    parts.append(Parameter(start, reader.position, name, operator, argument, index, quoted))


def subscript(reader: WordReader) -> str:
    """Read ``[…]`` and give what is written inside."""
    start = reader.position
    reader.position += 1
    reader.deeper()
    while reader.position < reader.limit:
        if reader.text[reader.position] == "]":
            reader.position += 1
            reader.depth -= 1
            return reader.text[start + 1 : reader.position - 1]
        if reader.text[reader.position] in "\"'":
            reader.special([])
        else:
            reader.quoted_piece([], _IN_SUBSCRIPT, "$`\\")
    reader.lost(start, "a subscript is not closed")
    reader.depth -= 1
    return ""


def _until_brace(reader: WordReader, start: int, *, quoted: bool) -> list[Part]:
    """The word of a parameter expansion; inside double quotes a single quote is a character like others."""
    parts: list[Part] = []
    while reader.position < reader.limit:
        reader.step()
        at = reader.position
        found = _IN_BRACES.match(reader.text, at, reader.limit)
        if found:
            parts.append(Text(at, found.end(), found.group(), quoted))
            reader.position = found.end()
        elif reader.text[at] == "}":
            return parts
        elif reader.text[at] == "'" and quoted:
            parts.append(Text(at, at + 1, "'", quoted))
            reader.position = at + 1
        elif reader.text[at] in "$`":
            (dollar if reader.text[at] == "$" else backticks)(reader, parts, quoted=quoted)
        else:
            reader.special(parts)
    reader.lost(start, "a parameter expansion is not closed")
    return parts


def _substitution(reader: WordReader, parts: list[Part], opener: str, closer: str, *, quoted: bool) -> None:
    start, first = reader.position, len(reader.drafts)
    reader.position += len(opener)
    _inside(reader, start, closer, opener if opener == ">(" else "")
    if reader.text.startswith(closer, reader.position, reader.limit):
        reader.position += 1
    else:
        reader.problem(start, "a command substitution is not closed")
    parts.append(Substitution(start, reader.position, opener, first, len(reader.drafts), quoted))


def _inside(reader: WordReader, start: int, closer: str, name: str = "") -> None:
    scopes = reader.scopes
    reader.scopes = (*scopes, Scope("substitution", start, name))
    reader.read_commands(closer)
    reader.scopes = scopes


def process_substitution(reader: WordReader, parts: list[Part]) -> None:
    """Read ``<(…)`` or ``>(…)`` (bash's manual 3.5.6)."""
    _substitution(reader, parts, reader.text[reader.position] + "(", ")", quoted=False)


def backticks(reader: WordReader, parts: list[Part], *, quoted: bool) -> None:
    """`` `…` ``: inside, a backslash before ``$``, a backtick or a backslash is taken away first (POSIX XCU 2.6.3)."""
    start, first = reader.position, len(reader.drafts)
    stop = _quote_end(reader, "`", start + 1)
    if stop is None:
        # Its commands count: they are read as if the substitution ended with the text.
        reader.problem(start, "a backtick is not closed")
        stop = reader.limit
    written = reader.text[start + 1 : stop]
    escapable = '$`\\"' if quoted else "$`\\"
    if any(f"\\{character}" in written for character in escapable):
        _unescaped_backticks(reader, written, start, escapable)
    else:
        limit, reader.limit = reader.limit, stop
        reader.position = start + 1
        _inside(reader, start, "")
        reader.limit = limit
    reader.position = min(stop + 1, reader.limit)
    parts.append(Substitution(start, reader.position, "`", first, len(reader.drafts), quoted))


def _unescaped_backticks(reader: WordReader, written: str, start: int, escapable: str) -> None:
    """The inside is a text of its own; what is found in it is put back to where it is written."""
    inner, places = OffsetMap.unescaped(written, start + 1, escapable)
    inside = reader.nested(inner)
    inside.depth, inside.steps = reader.depth, reader.steps
    try:
        inside.read_commands("")
    finally:
        reader.steps = inside.steps
        reader.problems += relocated(inside.problems, places)
        scopes = (*reader.scopes, Scope("substitution", start))
        reader.drafts += [draft.moved(places, len(reader.drafts), scopes) for draft in inside.drafts]


def arithmetic(reader: WordReader, start: int) -> bool:
    """Read ``…))`` from ``start``; False, and nothing read, where it is no arithmetic but a subshell in a substitution.

    The shells decide likewise: arithmetic if the parentheses come out so (bash's manual 3.5.5, POSIX XCU 2.6.3).
    """
    depth, quote = 0, ""
    for found in _ARITHMETIC.finditer(reader.text, start, reader.limit):
        reader.step()
        character = found.group()
        if character in {"'", '"'}:
            quote = "" if quote == character else quote or character
        elif quote:
            continue
        elif character == "(":
            depth += 1
        elif character == ")" and depth:
            depth -= 1
        elif character == ")":
            return _arithmetic_until(reader, start, found.start())
    return False


def _arithmetic_until(reader: WordReader, start: int, stop: int) -> bool:
    if not reader.text.startswith("))", stop, reader.limit):
        return False
    reader.deeper()
    reader.position = start
    reader.expanded(stop)
    reader.position = stop + 2
    reader.depth -= 1
    return True
