"""Compound commands (POSIX XCU 2.9.4, bash's manual 3.2.5): what they enclose, and where each ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.expansions import arithmetic
from poetry_gpu_build.documents.shell.syntax import Scope

if TYPE_CHECKING:
    from poetry_gpu_build.documents.shell.scan import ScriptReader
    from poetry_gpu_build.documents.shell.syntax import Word

_OPENING = lazy_pattern(r"(?:if|while|until|for|select|case|function|coproc|\{|\[\[)(?=[ \t\r\n;&|()<>\\]|$)")
_WORD_AT = lazy_pattern(r"[^ \t\r\n;&|()<>]+")
_IN = lazy_pattern(r"in(?=[ \t\r\n;&|()<>\\]|$)")
_DO = lazy_pattern(r"(?:do|\{)(?=[ \t\r\n;&|()<>\\]|$)")
_TEST_END = lazy_pattern(r"\]\](?=[ \t\r\n;&|()<>]|$)")
_PARENTHESES = lazy_pattern(r"\([ \t]*\)")
_NAMED_COPROCESS = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*[ \t]+(?=[({]|(?:if|while|until|for|case|\[\[)[ \t\r\n])")
_CASE_BREAK = lazy_pattern(r";;&|;;|;&")


def compound(reader: ScriptReader) -> bool:
    """Read the compound command at the position; False where there is none."""
    start = reader.position
    if reader.text[start] == "(":
        _parenthesis(reader)
        return True
    found = _OPENING.match(reader.text, start, reader.limit)
    if not found:
        return False
    reader.step()
    reader.position = found.end()
    match found.group():
        case "{":
            _group(reader, start)
        case "[[":
            _test(reader, start)
        case "if":
            _if(reader, start)
        case "while" | "until":
            reader.enclosed(Scope("condition", start), lambda: _upto(reader, start, "do"))
            reader.enclosed(Scope("loop", start), lambda: _upto(reader, start, "done"))
        case "for" | "select":
            _for(reader, start)
        case "case":
            _case(reader, start)
        case "function":
            _function(reader, start)
        case _:
            _coprocess(reader, start)
    return True


def _upto(reader: ScriptReader, start: int, *closers: str) -> str:
    """Read a list and the word that closes it; gives that word."""
    closing = reader.list_until(*closers)
    if closing:
        reader.position += len(closing)
    else:
        reader.problem(start, f"{closers[-1]} is missing")
    return closing


def _parenthesis(reader: ScriptReader) -> None:
    start = reader.position
    if reader.text.startswith("((", start, reader.limit) and arithmetic(reader, start + 2):
        return
    reader.position = start + 1
    reader.enclosed(Scope("subshell", start), lambda: _upto(reader, start, ")"))


def _group(reader: ScriptReader, start: int) -> None:
    reader.enclosed(Scope("group", start), lambda: _upto(reader, start, "}"))


def _if(reader: ScriptReader, start: int) -> None:
    closing = "elif"
    while closing == "elif":
        reader.enclosed(Scope("condition", start), lambda: _upto(reader, start, "then"))
        closing = reader.enclosed(Scope("branch", start), lambda: _upto(reader, start, "elif", "else", "fi"))
    if closing == "else":
        reader.enclosed(Scope("branch", start), lambda: _upto(reader, start, "fi"))


def _for(reader: ScriptReader, start: int) -> None:
    reader.blanks()
    name, words = "", None
    if not (reader.text.startswith("((", reader.position, reader.limit) and arithmetic(reader, reader.position + 2)):
        if found := _WORD_AT.match(reader.text, reader.position, reader.limit):
            name = found.group()
            reader.position = found.end()
        words = _for_words(reader)
    reader.gap()
    if reader.text.startswith(";", reader.position, reader.limit):
        reader.position += 1
        reader.gap()
    opening = _DO.match(reader.text, reader.position, reader.limit)
    if not opening:
        reader.problem(start, "do is missing")
        return
    reader.position = opening.end()
    closer = "done" if opening.group() == "do" else "}"
    reader.enclosed(Scope("loop", start, name, words), lambda: _upto(reader, start, closer))


def _for_words(reader: ScriptReader) -> tuple[Word, ...] | None:
    reader.gap()
    found = _IN.match(reader.text, reader.position, reader.limit)
    if not found:
        return None
    reader.position = found.end()
    words = []
    reader.blanks()
    while word := reader.word():
        words.append(word)
        reader.blanks()
    return tuple(words)


def _case(reader: ScriptReader, start: int) -> None:
    reader.gap()
    reader.word()
    reader.gap()
    if found := _IN.match(reader.text, reader.position, reader.limit):
        reader.position = found.end()
    else:
        reader.problem(start, "in is missing")
        return
    while True:
        reader.gap()
        if reader.position >= reader.limit:
            reader.problem(start, "esac is missing")
            return
        if _ends_case(reader):
            return
        if not _pattern(reader):
            reader.problem(start, "a pattern of a case is broken")
            return
        closing = reader.enclosed(Scope("case", start), lambda: reader.list_until(";;", "esac"))
        if closing == ";;":
            found = _CASE_BREAK.match(reader.text, reader.position, reader.limit)
            reader.position = found.end() if found else reader.position + 2
        elif closing != "esac":
            reader.problem(start, "esac is missing")
            return


def _ends_case(reader: ScriptReader) -> bool:
    found = _WORD_AT.match(reader.text, reader.position, reader.limit)
    if not found or found.group() != "esac":
        return False
    reader.position = found.end()
    return True


def _pattern(reader: ScriptReader) -> bool:
    """``(a | b)``; False where no closing parenthesis follows on the way."""
    if reader.text.startswith("(", reader.position, reader.limit):
        reader.position += 1
    while reader.position < reader.limit:
        reader.gap()
        character = reader.text[reader.position : reader.position + 1]
        if character == ")":
            reader.position += 1
            return True
        if character == "|":
            reader.position += 1
        elif reader.word() is None:
            return False
    return False


def _function(reader: ScriptReader, start: int) -> None:
    """``function name [()] body`` (bash's manual 3.3)."""
    reader.blanks()
    found = _WORD_AT.match(reader.text, reader.position, reader.limit)
    if not found:
        reader.problem(start, "a function has no name")
        return
    reader.position = found.end()
    reader.blanks()
    if parentheses := _PARENTHESES.match(reader.text, reader.position, reader.limit):
        reader.position = parentheses.end()
    reader.function_body(found.group(), start)


def _coprocess(reader: ScriptReader, start: int) -> None:
    reader.blanks()
    if found := _NAMED_COPROCESS.match(reader.text, reader.position, reader.limit):
        reader.position = found.end()
    reader.enclosed(Scope("coprocess", start), reader.nested_command)


def _test(reader: ScriptReader, start: int) -> None:
    """``[[ … ]]``: no command, but its words hold some. Its patterns have free parentheses and bars."""
    while True:
        reader.gap()
        if reader.position >= reader.limit or reader.text[reader.position] == ";":
            reader.problem(start, "]] is missing")
            return
        if found := _TEST_END.match(reader.text, reader.position, reader.limit):
            reader.position = found.end()
            return
        if reader.word() is None:
            reader.position += 1
