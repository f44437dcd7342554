"""Which words of a line announce heredocs, as BuildKit reads them.

``<<EOF``, ``<<-EOF``, ``3<<EOF``, ``<<'EOF'`` and ``<< EOF`` do; ``cat<<EOF`` and ``<<- EOF`` do not.
The escape is a backslash here whatever the escape directive says, and a variable in the name stays as written.
"""

from __future__ import annotations

from typing import NamedTuple

from poetry_gpu_build.documents.dockerfile.expansion import Budget
from poetry_gpu_build.documents.dockerfile.expansion import Lexer
from poetry_gpu_build.documents.dockerfile.expansion import RefusalError
from poetry_gpu_build.documents.dockerfile.expansion import Variable
from poetry_gpu_build.documents.lazy import lazy_pattern

_HEREDOC = lazy_pattern(r"([0-9]*)<<(-?)[\t\n\f\r ]*([^<]*)\Z")


class HeredocWord(NamedTuple):
    """A word that announces a heredoc; ``place`` is where it begins in the line."""

    name: str
    expand: bool
    strip_tabs: bool
    file_descriptor: int
    place: int


def find_heredocs(line: str, budget: Budget) -> list[HeredocWord]:
    """The heredocs that a line announces. A line with an open quote or a bad substitution announces none."""
    if "<<" not in line:
        return []
    try:
        words = _lexer(line, budget, raw_quotes=True, raw_escapes=True).words()
    except RefusalError:
        return []
    found = [heredoc_word(word, budget, place) for word, place in words if "<<" in word]
    return [word for word in found if word is not None]


def heredoc_word(word: str, budget: Budget, place: int = 0) -> HeredocWord | None:
    """The word as a heredoc's, or None."""
    match = _HEREDOC.match(word)
    if match is None or not match[3]:
        return None
    try:
        names = _lexer(match[3], budget).words()
        if len(names) != 1:
            return None
        raw_names = _lexer(match[3], budget, raw_quotes=True).words()
    except RefusalError:
        return None
    name = names[0][0]
    # Quotes that are gone from the name were quotes: then nothing is expanded in the content.
    expand = bool(raw_names) and _quotes(raw_names[0][0]) == _quotes(name)
    return HeredocWord(name, expand, match[2] == "-", int(match[1][:9] or 0), place)


def _quotes(text: str) -> int:
    return text.count("'") + text.count('"')


def _lexer(text: str, budget: Budget, *, raw_quotes: bool = False, raw_escapes: bool = False) -> Lexer:
    return Lexer(text, _unset, "\\", budget, raw_quotes=raw_quotes, raw_escapes=raw_escapes, keep_unset=True)


def _unset(_name: str) -> Variable | None:
    return None
