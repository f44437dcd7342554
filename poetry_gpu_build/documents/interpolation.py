"""Variables in a Compose file: what ``${NAME:-default}`` becomes for given values. Pure.

The rules are the Compose Specification's ("Interpolation") as compose-go carries them out: where a braced expression
ends, for one, is only to be learnt from there. Only what is needed is evaluated: a default that is not taken may hold
a required variable. Mistakes are values, with the place, and never stop the rest of the text.

>>> interpolate("docker/${FILE:-Dockerfile}", {}).text
'docker/Dockerfile'
>>> interpolate("docker/Dockerfile${FROM_SOURCE:+.source}", {"FROM_SOURCE": "false"}).text
'docker/Dockerfile.source'
>>> [str(mistake) for mistake in interpolate("${PORT:?set PORT}", {}).mistakes]
['required variable PORT is missing a value: set PORT']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Literal
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

# No file that a person wrote comes near; a hostile one must not cost more than a moment.
MAXIMUM_NESTING = 10
MAXIMUM_CHARACTERS = 1024 * 1024
MAXIMUM_MISTAKES = 100

# Go folds case as Unicode does: the long s and the Kelvin sign are letters of a name there, and nothing else is.
_NAME = "[_a-zA-Z\u017f\u212a][_a-zA-Z0-9\u017f\u212a]*"
_DOLLAR = lazy_pattern(
    rf"\$(?:(?P<escaped>\$)|(?P<named>{_NAME})|\{{(?:(?P<braced>{_NAME})(?:(?P<closed>\}})|(?P<operator>:?[-+?]))?)?)"
)
_BRACE = lazy_pattern(r"[{}]")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A part of a template that has no value.

    ``offset`` counts characters from the template's start. A *required* variable is a mistake of the values that were
    given; the others are mistakes of the text.
    """

    offset: int
    kind: Literal["invalid", "required", "too much"]
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class Interpolated:
    """What a template becomes. Where there are mistakes, ``text`` lacks the parts that made them."""

    text: str
    used: tuple[str, ...] = ()
    """The variables whose value was asked for, in order: those of a branch that is not taken are not among them."""

    unset: tuple[str, ...] = ()
    """The variables that became an empty text because nobody set them: Compose warns of them."""

    mistakes: tuple[Mistake, ...] = ()


def interpolate(template: str, variables: Mapping[str, str]) -> Interpolated:
    """Evaluate a template. A ``$`` that starts no variable stands for itself; ``$$`` is one ``$``."""
    if "$" not in template:
        return Interpolated(template)
    evaluation = _Evaluation(template, variables)
    text = evaluation.text(0, len(template), 0)
    return Interpolated(text, tuple(evaluation.used), tuple(evaluation.unset), tuple(evaluation.mistakes))


def mentioned(template: str) -> tuple[str, ...]:
    """Every variable that a template names, in defaults and messages too, in the order of their first mention."""
    return tuple(dict.fromkeys(_mentioned(template, 0, len(template), 0)))


def _mentioned(template: str, start: int, end: int, depth: int) -> Iterator[str]:
    if depth > MAXIMUM_NESTING:
        return
    for reference in _references(template, start, end):
        if reference.name:
            yield reference.name
        if reference.operator:
            yield from _mentioned(template, reference.word, reference.word_end, depth + 1)


class _Reference(NamedTuple):
    """One ``$`` with what belongs to it: ``[start, end)`` of the template; ``[word, word_end)`` behind an operator.

    No name: an escaped dollar, or, where ``operator`` is None, an expression that is no valid one.
    """

    start: int
    end: int
    name: str = ""
    operator: str | None = ""
    word: int = 0
    word_end: int = 0


def _references(template: str, start: int, end: int) -> Iterator[_Reference]:
    """The references of a part of a template, from left to right, not those inside them."""
    line_end = last_brace = -1
    at = start
    while True:
        found = _DOLLAR.search(template, at, end)
        if found is None:
            return
        at = found.end()
        if found["escaped"]:
            yield _Reference(found.start(), at)
        elif found["named"] or found["closed"]:
            yield _Reference(found.start(), at, found["named"] or found["braced"])
        else:
            if line_end < at:
                line_end = template.find("\n", at, end)
                line_end = end if line_end < 0 else line_end
                last_brace = template.rfind("}", at, line_end)
            if not found["operator"] or last_brace < at:
                # Only the two characters are lost: what follows is read again.
                at = found.start() + 2
                yield _Reference(found.start(), at, operator=None)
                continue
            word_end = _closing_brace(template, found.start() + 1, last_brace + 1)
            yield _Reference(found.start(), word_end + 1, found["braced"], found["operator"], at, word_end)
            at = word_end + 1


def _closing_brace(template: str, opening: int, end: int) -> int:
    """The brace that closes an expression; the line's last one (at ``end - 1``) where they do not balance.

    The character behind an opening brace is not looked at, so ``{}`` in a default opens and never closes: that is how
    compose-go counts.
    """
    depth = 0
    at = opening
    while (found := _BRACE.search(template, at, end)) is not None:
        at = found.end()
        if found[0] == "{":
            depth += 1
            at += 1
        else:
            depth -= 1
            if depth == 0:
                return found.start()
    return end - 1


class _Evaluation:
    """One evaluation of one template: what was asked for, and what went wrong."""

    def __init__(self, template: str, variables: Mapping[str, str]) -> None:
        self._template = template
        self._variables = variables
        self._room = MAXIMUM_CHARACTERS
        self.used: dict[str, None] = {}
        self.unset: dict[str, None] = {}
        self.mistakes: list[Mistake] = []

    def text(self, start: int, end: int, depth: int) -> str:
        """The value of a part of the template."""
        if depth > MAXIMUM_NESTING:
            self._mistake(start, "too much", f"variables are nested more than {MAXIMUM_NESTING} deep")
            return ""
        parts: list[str] = []
        at = start
        for reference in _references(self._template, at, end):
            parts.append(self._template[at : reference.start])
            parts.append(self._value(reference, depth))
            at = reference.end
            self._room -= len(parts[-1])
            if self._room < 0:
                self._mistake(reference.start, "too much", f"the text grows past {MAXIMUM_CHARACTERS} characters")
            if self._room < 0 or len(self.mistakes) >= MAXIMUM_MISTAKES:
                return ""
        parts.append(self._template[at:end])
        return "".join(parts)

    def _value(self, reference: _Reference, depth: int) -> str:
        if not reference.name:
            if reference.operator is None:
                shown = self._template[reference.start : reference.start + 40]
                self._mistake(reference.start, "invalid", f"invalid template: {shown!r} begins no valid variable")
                return ""
            return "$"
        value = self._variables.get(reference.name)
        self.used[reference.name] = None
        if not reference.operator:
            if value is None:
                self.unset[reference.name] = None
            return value or ""
        # With a colon an empty value counts as none.
        present = value is not None if len(reference.operator) == 1 else bool(value)
        match reference.operator[-1]:
            case "+":
                return self._word(reference, depth) if present else ""
            case "-" if not present:
                return self._word(reference, depth)
            case "?" if not present:
                self._require(reference, depth)
        return value or ""

    def _word(self, reference: _Reference, depth: int) -> str:
        return self.text(reference.word, reference.word_end, depth + 1)

    def _require(self, reference: _Reference, depth: int) -> None:
        before = len(self.mistakes)
        reason = self._word(reference, depth)
        if len(self.mistakes) == before:
            message = f"required variable {reference.name} is missing a value"
            self._mistake(reference.start, "required", f"{message}: {reason}" if reason else message)

    def _mistake(self, offset: int, kind: Literal["invalid", "required", "too much"], message: str) -> None:
        self.mistakes.append(Mistake(offset, kind, message))
