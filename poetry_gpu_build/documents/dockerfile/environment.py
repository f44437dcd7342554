"""The variables of a Dockerfile: what ARG and ENV have set when an instruction runs."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.dockerfile.expansion import Budget
from poetry_gpu_build.documents.dockerfile.expansion import Expansion
from poetry_gpu_build.documents.dockerfile.expansion import Variable
from poetry_gpu_build.documents.dockerfile.expansion import expand

if TYPE_CHECKING:
    from collections.abc import Iterator

# How far a variable is looked for along `FROM stage` … `FROM stage`: no real file goes half as far.
MAXIMUM_ANCESTORS = 20


class History:
    """Everything that one stage (or the part before the first FROM) sets, in order; it grows while the file is read.

    ``parent`` is the history of the parent stage, which ended at ``parent_end``.
    """

    __slots__ = ("moments", "parent", "parent_end", "variables")

    def __init__(self, parent: History | None = None, parent_end: int = 0) -> None:
        self.parent = parent
        self.parent_end = parent_end
        self.moments: dict[str, list[int]] = {}
        self.variables: dict[str, list[Variable]] = {}

    def set(self, moment: int, variable: Variable) -> None:
        """Record a value; ``moment`` is the number of the instruction that sets it, and never goes down."""
        self.moments.setdefault(variable.name, []).append(moment)
        self.variables.setdefault(variable.name, []).append(variable)

    def lineage(self, moment: int) -> Iterator[tuple[History, int]]:
        """This history and those of the parent stages, each with the moment before which it counts."""
        history = self
        for _ in range(MAXIMUM_ANCESTORS):
            yield history, moment
            if history.parent is None:
                return
            history, moment = history.parent, history.parent_end

    def find(self, name: str, moment: int) -> Variable | None:
        """The newest value that was set here before ``moment``."""
        moments = self.moments.get(name)
        if moments is None:
            return None
        newest = bisect_left(moments, moment)
        return self.variables[name][newest - 1] if newest else None


class Environment:
    """The variables as they stand before one instruction, those that the stage inherits from its parent stage included.

    What the base image itself sets is not known here.
    """

    __slots__ = ("_escape", "_history", "_moment")

    def __init__(self, history: History, moment: int, escape: str = "\\") -> None:
        self._history = history
        self._moment = moment
        self._escape = escape

    def find(self, name: str) -> Variable | None:
        """The variable, if an ARG or ENV names it."""
        for history, moment in self._history.lineage(self._moment):
            variable = history.find(name, moment)
            if variable is not None:
                return variable
        return None

    def get(self, name: str) -> str | None:
        """The variable's value, if the file tells it completely."""
        variable = self.find(name)
        if variable is None or variable.unknown:
            return None
        return variable.value

    def variables(self) -> dict[str, Variable]:
        """All variables by name; of one that is set twice, the newer."""
        found: dict[str, Variable] = {}
        for history, moment in self._history.lineage(self._moment):
            for name in history.moments:
                variable = history.find(name, moment)
                if variable is not None:
                    found.setdefault(name, variable)
        return found

    def expand(self, word: str, budget: Budget | None = None) -> Expansion:
        """The word as BuildKit would read it here: quotes and escapes off, variables in."""
        return expand(word, self.find, self._escape, budget)
