"""What a case is: an error by its words, what it means, what to do, and examples that are its tests and its page."""

from __future__ import annotations

from abc import ABC
from abc import abstractmethod
from textwrap import dedent
from typing import TYPE_CHECKING
from typing import ClassVar
from typing import NamedTuple

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.explain.situation import Situation

#: Groups of a pattern whose names begin so gather every value around the place, not the first alone.
GATHERED = "each_"
_ISSUE = "https://github.com/{}/issues/{}"


class Example(NamedTuple):
    """A piece of a real text, and what it tells."""

    text: str
    values: Mapping[str, str] = {}
    """The values that are taken out of it, no more and no less."""


class Case(ABC):
    """One error that people meet. The class's docstring is what it means: a title, and why it happens.

    Regular expressions must take time that is linear in the line: every repetition of what is not a fixed text has an
    upper bound.
    """

    name: ClassVar[str]
    """``no-kernel-image``."""
    hints: ClassVar[tuple[str, ...]]
    """One of these stands in every line that a pattern finds: most lines are done with after looking for them."""
    patterns: ClassVar[tuple[re.Pattern[str], ...]]
    """Any of these tells the case by one line; a named group is a value."""
    details: ClassVar[tuple[re.Pattern[str], ...]] = ()
    """Further values, from the lines around."""
    identity: ClassVar[tuple[str, ...]] = ()
    """The values of a pattern that make two places two: each GPU that torch warns of is told."""
    needs: ClassVar[tuple[str, ...]] = ()
    """The values without which it is another thing."""
    weak: ClassVar[bool] = False
    """Whether it says little, and is told only where nothing else was recognised."""
    references: ClassVar[tuple[str, ...]] = ()
    """Where it was met: ``pytorch/pytorch#42301``, or an address."""
    examples: ClassVar[tuple[Example, ...]]
    lookalikes: ClassVar[tuple[str, ...]]
    """Texts that look like it and are another thing."""

    @property
    def title(self) -> str:
        """The first line of the docstring, without its full stop."""
        return self._told.partition("\n")[0].rstrip(".")

    @property
    def meaning(self) -> str:
        """The rest of the docstring: what it means, for every project; its paragraphs apart by empty lines."""
        return self._told.partition("\n")[2].strip()

    @property
    def _told(self) -> str:
        summary, _, rest = (self.__doc__ or "").partition("\n")
        return f"{summary}\n{dedent(rest)}"

    def applies(self, _values: Mapping[str, str], _situation: Situation) -> bool:
        """Whether it is this case, all values known; of two cases with the same words one applies."""
        return True

    def is_weak(self, _situation: Situation) -> bool:
        """Whether it is told only where nothing else was recognised."""
        return self.weak

    def here(self, _values: Mapping[str, str], _situation: Situation) -> Iterator[str]:
        """What it means for this project, a sentence each; nothing where nothing is known."""
        return iter(())

    @abstractmethod
    def ways(self, values: Mapping[str, str], situation: Situation) -> Iterator[str]:
        """What to do: each a command or a line to write, the likeliest first."""


def link(reference: str) -> str:
    """Where a reference leads.

    >>> link("pytorch/pytorch#42301")
    'https://github.com/pytorch/pytorch/issues/42301'
    """
    repository, mark, number = reference.partition("#")
    if reference.startswith("https://") or not mark:
        return reference
    return _ISSUE.format(repository, number)
