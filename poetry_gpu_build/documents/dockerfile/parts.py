"""Takes one logical line apart by the rules of its instruction; knows nothing of what stands around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.dockerfile.characters import ASCII_SPACE
from poetry_gpu_build.documents.dockerfile.characters import BLANK
from poetry_gpu_build.documents.dockerfile.forms import NotStringsError
from poetry_gpu_build.documents.dockerfile.forms import json_strings
from poetry_gpu_build.documents.dockerfile.forms import split_blanks
from poetry_gpu_build.documents.dockerfile.forms import split_flags
from poetry_gpu_build.documents.dockerfile.forms import split_keyword
from poetry_gpu_build.documents.dockerfile.forms import split_words

if TYPE_CHECKING:
    from poetry_gpu_build.documents.dockerfile.model import Flag
    from poetry_gpu_build.documents.mapped import MappedText

_SHELL_FORMS = frozenset(("RUN", "CMD", "ENTRYPOINT"))
_JSON_OR_TEXT = frozenset(("RUN", "CMD", "ENTRYPOINT", "SHELL"))
_JSON_OR_WORDS = frozenset(("COPY", "ADD", "VOLUME"))
_WORDS = frozenset(("FROM", "EXPOSE"))
_PAIRS = frozenset(("ENV", "LABEL"))
_TEXT = frozenset(("MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"))

Pair = tuple["MappedText", "MappedText | None"]


class Parts:
    """An instruction's parts while they are found; see Instruction."""

    __slots__ = ("arguments", "flags", "is_json", "keyword", "offset", "pairs", "refusals", "shell_text", "trigger")

    def __init__(self, keyword: str, offset: int) -> None:
        self.keyword = keyword
        self.offset = offset
        self.flags: tuple[Flag, ...] = ()
        self.arguments: tuple[MappedText, ...] = ()
        self.is_json = False
        self.shell_text: MappedText | None = None
        """What is meant for the shell, before heredocs are looked at."""

        self.pairs: tuple[Pair, ...] = ()
        """The names and values of ENV, LABEL and ARG; a value is None where there is no ``=``."""

        self.trigger: Parts | None = None
        self.refusals: list[tuple[int, str]] = []


def bare_parts(line: MappedText) -> Parts:
    """The keyword alone."""
    start, keyword_end, _, _ = split_keyword(line)
    return Parts(line.text[start:keyword_end].upper(), line.original_offset(start))


def take_apart(line: MappedText, escape: str, *, is_trigger: bool = False) -> Parts:
    """The instruction's parts. What BuildKit refuses at this point is in ``refusals``, and reading goes on."""
    start, keyword_end, behind, end = split_keyword(line)
    parts = Parts(line.text[start:keyword_end].upper(), line.original_offset(start))
    if behind >= end:
        return parts
    parts.flags, begin = split_flags(line, behind, end, escape)
    if begin >= end:
        return parts
    keyword = parts.keyword
    if keyword in _JSON_OR_TEXT:
        _text_or_json(parts, line, begin, end)
        if parts.arguments and not parts.is_json and keyword in _SHELL_FORMS and not parts.refusals:
            parts.shell_text = parts.arguments[0]
    elif keyword in _JSON_OR_WORDS:
        if not _json(parts, line, begin, end):
            parts.arguments = split_blanks(line, begin, end)
    elif keyword in _WORDS:
        parts.arguments = split_blanks(line, begin, end)
    elif keyword in _PAIRS:
        _pairs(parts, line, begin, end, escape)
    elif keyword == "ARG":
        parts.arguments = tuple(split_words(line, begin, end, escape))
        parts.pairs = tuple([_pair(word) for word in parts.arguments])
    elif keyword in _TEXT:
        parts.arguments = (line.slice(begin, end),)
    elif keyword == "HEALTHCHECK":
        _healthcheck(parts, line, begin, end)
    elif keyword == "ONBUILD" and not is_trigger:
        # A trigger inside a trigger is refused anyway, and a thousand of them would be a thousand levels.
        parts.trigger = take_apart(line.slice(begin, end), escape, is_trigger=True)
        parts.refusals.extend(parts.trigger.refusals)
    if parts.pairs and not is_trigger:  # BuildKit looks at a trigger's names when it is triggered
        _check_names(parts)
    return parts


def _json(parts: Parts, line: MappedText, begin: int, end: int) -> bool:
    try:
        strings = json_strings(line, begin, end)
    except NotStringsError:
        parts.refusals.append((line.original_offset(begin), "the JSON form holds strings only"))
        return False
    if strings is None:
        return False
    parts.arguments = strings
    parts.is_json = True
    return True


def _text_or_json(parts: Parts, line: MappedText, begin: int, end: int) -> None:
    if not _json(parts, line, begin, end):
        parts.arguments = (line.slice(begin, end),)


def _healthcheck(parts: Parts, line: MappedText, begin: int, end: int) -> None:
    text = line.text
    kind_end = begin
    while kind_end < end and text[kind_end] not in ASCII_SPACE:
        kind_end += 1
    kind = line.slice(begin, kind_end)
    while kind_end < end and text[kind_end] in ASCII_SPACE:
        kind_end += 1
    if kind_end < end:
        _text_or_json(parts, line, kind_end, end)
        if not parts.is_json and kind.text.upper() == "CMD" and not parts.refusals:
            parts.shell_text = parts.arguments[0]
    parts.arguments = (kind, *parts.arguments)


def _pairs(parts: Parts, line: MappedText, begin: int, end: int, escape: str) -> None:
    words = tuple(split_words(line, begin, end, escape))
    if words and "=" not in words[0].text:
        _old_pair(parts, line, begin, end)
        return
    for word in words:
        if "=" not in word.text:
            message = f"{parts.keyword} takes NAME=value; {word.text!r} has no '='"
            parts.refusals.append((word.offset, message))
    parts.arguments = words
    parts.pairs = tuple([_pair(word) for word in words if "=" in word.text])


def _old_pair(parts: Parts, line: MappedText, begin: int, end: int) -> None:
    """``ENV name the whole rest``: the form without ``=``, which takes one name."""
    text = line.text
    name_end = begin
    while name_end < end and text[name_end] not in BLANK:
        name_end += 1
    value = name_end
    while value < end and text[value] in BLANK:
        value += 1
    name = line.slice(begin, name_end)
    if value >= end:
        parts.refusals.append((name.offset, f"{parts.keyword} needs a name and a value"))
        parts.arguments = (name,)
        return
    parts.arguments = (name, line.slice(value, end))
    parts.pairs = (parts.arguments,)


def _pair(word: MappedText) -> Pair:
    name, equals, _ = word.text.partition("=")
    size = len(name)
    return word.slice(0, size), word.slice(size + 1, len(word.text)) if equals else None


def _check_names(parts: Parts) -> None:
    for name, _ in parts.pairs:
        if not name.text:
            parts.refusals.append((name.offset, f"{parts.keyword} needs a name before the '='"))
