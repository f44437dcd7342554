"""Expansion (POSIX XCU 2.6) with what is known of the variables: the rest stays unknown, and is said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.shell.arguments import Argument
from poetry_gpu_build.documents.shell.arguments import Piece
from poetry_gpu_build.documents.shell.syntax import Parameter
from poetry_gpu_build.documents.shell.syntax import Substitution
from poetry_gpu_build.documents.shell.syntax import Text

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.documents.shell.syntax import Part
    from poetry_gpu_build.documents.shell.syntax import Word

_PATTERN = lazy_pattern(r"[*?\[]")
_PATTERN_OR_BRACE = lazy_pattern(r"[*?\[]|\{")
_BRACES = lazy_pattern(r"\{[^{}\s]*(?:,|\.\.)[^{}\s]*\}")
_BRACE_LIST = lazy_pattern(r"\{([^{}\s]*,[^{}\s]*)\}|\{(-?[0-9]{1,3})\.\.(-?[0-9]{1,3})\}")
_DEFAULTS = frozenset({":-", "-", ":=", "="})
_BLANKS = " \t\n"
_SLICE = lazy_pattern(r"([0-9]+)(?::([0-9]+))?")
# More words than anybody writes with braces, and in one command.
_MAXIMUM_WORDS = 32
_MAXIMUM_FIELDS = 2_000


class Expander:
    """Expands words with one value for each variable."""

    def __init__(
        self,
        variables: Mapping[str, str | None],
        arrays: Mapping[str, Sequence[str | None]],
        positional: Sequence[Argument] | None,
    ) -> None:
        self._variables = variables
        self._arrays = arrays
        self._positional = positional

    def words(self, words: Sequence[Word]) -> list[Argument]:
        """The fields that the words of a command become."""
        made: list[Argument] = []
        for word in words:
            if word.parts:
                made += self._fields(word.parts)
            else:
                made += _bare(word)
            if len(made) > _MAXIMUM_FIELDS:
                return [*made, Argument((Piece(None, word.start, word.end),), many=True)]
        return made

    def value(self, word: Word) -> str | None:
        """The value of an assignment's word: not split."""
        if word.literal is not None:
            return word.literal
        pieces: list[Piece] = []
        for part in word.parts:
            pieces += self._pieces(part)
        return Argument(tuple(pieces)).value

    def body(self, word: Word) -> Argument:
        """A here-document, or a word that is not split: one argument."""
        if not word.parts:
            return Argument((Piece(word.literal, word.start, word.end),))
        pieces: list[Piece] = []
        for part in word.parts:
            pieces += self._pieces(part)
        return Argument(tuple(pieces))

    def _fields(self, parts: Sequence[Part]) -> list[Argument]:
        fields = _Fields(self._variables.get("IFS"))
        for part in parts:
            if type(part) is Text:
                fields.add(Piece(part.value, part.start, part.end, part.quoted))
                # Braces around quotes are not expanded here: like a pattern they stand for what is not known.
                if not part.quoted and _PATTERN_OR_BRACE.search(part.value):
                    fields.pattern = True
            elif type(part) is Parameter and (part.name in {"@", "*"} or part.subscript in {"@", "*"}):
                self._all(part, fields)
            else:
                for piece in self._pieces(part):
                    fields.add_expanded(piece)
        return fields.finished()

    def _all(self, part: Parameter, fields: _Fields) -> None:
        """``"$@"``, ``"${x[@]}"``: each element is a word of its own."""
        elements: list[Argument] | None = None
        if part.operator:
            elements = None
        elif part.name in {"@", "*"}:
            elements = None if self._positional is None else list(self._positional)
        elif part.name in self._arrays:
            values = self._arrays[part.name]
            elements = [Argument((Piece(value, part.start, part.end, True, part),)) for value in values]
        if elements is None:
            fields.add(Piece(None, part.start, part.end, False, part))
            fields.many = True
            return
        for number, element in enumerate(elements):
            if number:
                fields.close()
            for piece in element.pieces:
                (fields.add if part.quoted else fields.add_expanded)(piece)

    def _pieces(self, part: Part) -> list[Piece]:
        if type(part) is Text:
            return [Piece(part.value, part.start, part.end, part.quoted)]
        if type(part) is not Parameter:
            # A number, whatever it is, is one word.
            quoted = part.quoted or type(part) is not Substitution
            return [Piece(None, part.start, part.end, quoted, part)]
        if part.name.isdigit() and part.name != "0" and not part.operator:
            number = int(part.name)
            if self._positional is not None and not any(each.many for each in self._positional[:number]):
                pieces = self._positional[number - 1].pieces if number <= len(self._positional) else ()
                return [piece._replace(quoted=part.quoted) for piece in pieces]
        value = self._lookup(part)
        if part.operator in _DEFAULTS and self._defaults(part, value):
            pieces = self.body(part.argument).pieces if part.argument is not None else ()
            return [piece._replace(quoted=part.quoted or piece.quoted) for piece in pieces]
        return [Piece(self._operated(part, value), part.start, part.end, part.quoted, part)]

    def _defaults(self, part: Parameter, value: str | None) -> bool:
        """Whether ``${x:-word}`` is its word: a variable that nobody has set counts as unset."""
        if value is None:
            return part.name not in self._variables and part.name not in self._arrays
        return not value and part.operator.startswith(":")

    def _lookup(self, part: Parameter) -> str | None:
        if part.name in self._arrays:
            elements = self._arrays[part.name]
            index = int(part.subscript) if part.subscript.isdigit() else None if part.subscript else 0
            return elements[index] if index is not None and index < len(elements) else None
        if part.subscript:
            return None
        value = self._variables.get(part.name)
        if part.operator == "!" and value is not None:
            return self._variables.get(value)
        return value

    def _operated(self, part: Parameter, value: str | None) -> str | None:
        """What the operator makes of a value (bash's manual 3.5.3); None where that is not known."""
        argument = self.value(part.argument) if part.argument is not None else ""
        if value is None or argument is None:
            return None
        match part.operator:
            case "" | "!" | ":?" | "?" | ":-" | "-" | ":=" | "=":
                return value
            case ":+":
                return argument if value else ""
            case "+":
                return argument
            case "^^" | ",," if not argument:
                return value.upper() if part.operator == "^^" else value.lower()
            case ":" if found := _SLICE.fullmatch(argument):
                start = int(found.group(1))
                return value[start : start + int(found.group(2))] if found.group(2) else value[start:]
        if _PATTERN.search(argument) or not argument:
            return None
        match part.operator:
            case "#" | "##":
                return value.removeprefix(argument)
            case "%" | "%%":
                return value.removesuffix(argument)
            case "/" | "//":
                old, _, new = argument.partition("/")
                return value.replace(old, new, 1 if part.operator == "/" else -1)
        return None


class _Fields:
    """Words being put together: an unquoted value is split where it has blanks (POSIX XCU 2.6.5)."""

    def __init__(self, separators: str | None) -> None:
        self._separators = separators
        self._made: list[Argument] = []
        self._pieces: list[Piece] = []
        self.many = False
        self.pattern = False

    def add(self, piece: Piece) -> None:
        self._pieces.append(piece)

    def add_expanded(self, piece: Piece) -> None:
        if piece.quoted or (piece.value is None):
            self.many |= piece.value is None and not piece.quoted
            self.add(piece)
            return
        text = piece.value or ""
        if self._separators not in {None, _BLANKS}:
            # Only blanks split below: other separators become one, and blanks that do not separate are rare enough.
            text = text.translate(dict.fromkeys(map(ord, self._separators or ""), " "))
        if text[:1].isspace():
            self.close()
        for number, field in enumerate(text.split()):
            if number:
                self.close()
            self.add(piece._replace(value=field))
            self.pattern |= bool(_PATTERN.search(field))
        if text[-1:].isspace():
            self.close()

    def close(self) -> None:
        if self._pieces:
            self._made.append(Argument(tuple(self._pieces), self.many, self.pattern))
            self._pieces, self.many, self.pattern = [], False, False

    def finished(self) -> list[Argument]:
        self.close()
        return self._made


def _bare(word: Word) -> Iterator[Argument]:
    text = word.literal or ""
    if "{" in text and _BRACES.search(text):
        for each in braces(text):
            yield Argument((Piece(each, word.start, word.end),), pattern=bool(_PATTERN.search(each)))
        return
    pattern = ("*" in text or "?" in text or "[" in text) and text not in {"[", "[["}
    yield Argument((Piece(text, word.start, word.end),), pattern=pattern)


def braces(text: str) -> list[str]:
    """Brace expansion (bash's manual 3.5.1), the innermost braces first.

    >>> braces("{pip,install}"), braces("p{ip,ip{2..3}}")
    (['pip', 'install'], ['pip', 'pip2', 'pip3'])
    """
    made = [text]
    while len(made) < _MAXIMUM_WORDS:
        for index, each in enumerate(made):
            if found := _BRACE_LIST.search(each):
                before, behind = each[: found.start()], each[found.end() :]
                made[index : index + 1] = [before + choice + behind for choice in _choices(found)]
                break
        else:
            break
    # `p{ip,ip{2..3}}` expands from the inside: the outer list is made again for each inner choice.
    return list(dict.fromkeys(made))


def _choices(found: re.Match[str]) -> list[str]:
    if found.group(1) is not None:
        return found.group(1).split(",")
    first, last = int(found.group(2)), int(found.group(3))
    step = 1 if last >= first else -1
    return [str(number) for number in range(first, last + step, step)]
