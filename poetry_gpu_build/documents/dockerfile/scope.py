"""What holds while a Dockerfile is read from top to bottom: stage, variables, shell, working directory."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.dockerfile.environment import Environment
from poetry_gpu_build.documents.dockerfile.environment import History
from poetry_gpu_build.documents.dockerfile.expansion import Budget
from poetry_gpu_build.documents.dockerfile.expansion import Expansion
from poetry_gpu_build.documents.dockerfile.expansion import Variable
from poetry_gpu_build.documents.dockerfile.model import DEFAULT_SHELL
from poetry_gpu_build.documents.dockerfile.model import Assignment
from poetry_gpu_build.documents.dockerfile.model import Instruction
from poetry_gpu_build.documents.dockerfile.model import Stage
from poetry_gpu_build.documents.mapped import MappedText

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.documents.dockerfile.parts import Pair
    from poetry_gpu_build.documents.dockerfile.parts import Parts


class Scope:
    """Follows ARG, ENV, FROM, SHELL and WORKDIR, as BuildKit's dockerfile2llb (convert.go) does.

    The triggers that a base image brings along (ONBUILD) are not followed.
    """

    def __init__(self, escape: str, build_args: Mapping[str, str], budget: Budget) -> None:
        self.stages: list[Stage] = []
        self.stage_number = -1
        self.shell: tuple[str, ...] = DEFAULT_SHELL
        self.working_directory: str | None = None
        self.moment = 0
        """The number of the instruction that is read."""

        self.refusals: list[tuple[int, str]] = []

        self._escape = escape
        self._build_args = build_args
        self._budget = budget
        self._global = History()
        self._history = self._global
        self._head: tuple[str, MappedText, Expansion, Expansion, Stage | None] | None = None
        self._instructions: list[Instruction] = []
        self._by_name: dict[str, int] = {}
        self._ends: list[tuple[History, int, tuple[str, ...], str | None]] = []

    @property
    def environment(self) -> Environment:
        """The variables before the instruction that is read."""
        return Environment(self._history, self.moment, self._escape)

    def add(self, instruction: Instruction) -> None:
        """Count an instruction to its stage."""
        self.moment += 1
        if self.stage_number >= 0:
            self._instructions.append(instruction)

    def follow(self, parts: Parts) -> tuple[Assignment, ...]:
        """Do what the instruction does; what it assigns is returned."""
        match parts.keyword:
            case "ENV":
                return self._env(parts.pairs)
            case "ARG":
                return tuple([self._arg(name, value) for name, value in parts.pairs])
            case "WORKDIR" if parts.arguments:
                self._workdir(self._expand(parts.arguments[0]))
            case "SHELL" if parts.is_json and parts.arguments:
                self.shell = tuple([argument.text for argument in parts.arguments])
        return ()

    def begin_stage(self, parts: Parts) -> None:
        """A FROM: the stage before it ends, the next begins."""
        self.end_stage()
        arguments = parts.arguments
        base = arguments[0] if arguments else MappedText.at("", parts.offset)
        globals_ = Environment(self._global, self.moment, self._escape)
        image = globals_.expand(base.text, self._budget)
        if image.error:
            self.refusals.append((base.offset, f"the image's name: {image.error}"))
        elif not image.value and not image.unknown:
            self.refusals.append((base.offset, "the image's name is empty"))
        name = arguments[2].text.lower() if len(arguments) == 3 and arguments[1].text.lower() == "as" else ""
        platform = next((flag.value for flag in parts.flags if flag.name == "platform"), None)
        parent = self._by_name.get(image.value)
        self._head = (
            name,
            base,
            image,
            globals_.expand(platform.text if platform is not None else "", self._budget),
            self.stages[parent] if parent is not None else None,
        )
        self.stage_number += 1
        self.shell, self.working_directory = DEFAULT_SHELL, "/" if image.value == "scratch" else None
        self._history = History()
        if parent is not None:
            history, end, self.shell, self.working_directory = self._ends[parent]
            self._history = History(history, end)

    def end_stage(self) -> None:
        """Close the stage that is open, if any."""
        if self._head is None:
            return
        name, base, image, platform, parent = self._head
        self.stages.append(Stage(self.stage_number, name, base, image, platform, parent, tuple(self._instructions)))
        self._ends.append((self._history, self.moment, self.shell, self.working_directory))
        if name:
            self._by_name[name] = self.stage_number
        self._head = None
        self._instructions = []

    def _expand(self, word: MappedText, *, moment: int | None = None) -> Expansion:
        environment = Environment(self._history, self.moment if moment is None else moment, self._escape)
        expansion = environment.expand(word.text, self._budget)
        if expansion.error:
            self.refusals.append((word.offset, expansion.error))
        return expansion

    def _env(self, pairs: tuple[Pair, ...]) -> tuple[Assignment, ...]:
        """All values of one ENV are worked out before the first is set."""
        assignments = []
        for name, raw in pairs:
            assert raw is not None  # a pair of ENV has a value
            expansion = self._expand(raw)
            key = self._expand(name).value if "$" in name.text else name.text
            value = None if expansion.error else expansion.value
            assignments.append((key, Assignment(key, raw, value, expansion.unknown, name.offset)))
        for key, assignment in assignments:
            self._history.set(
                self.moment, Variable(key, assignment.value, "ENV", assignment.offset, assignment.unknown)
            )
        return tuple([assignment for _, assignment in assignments])

    def _arg(self, name: MappedText, raw: MappedText | None) -> Assignment:
        """A build argument beats the default, which beats the global ARG; without any of them nothing changes."""
        value: str | None = None
        unknown: tuple[str, ...] = ()
        if name.text in self._build_args:
            value = self._build_args[name.text]
        elif raw is not None:
            # The names that this ARG has set already count.
            expansion = self._expand(raw, moment=self.moment + 1)
            value, unknown = None if expansion.error else expansion.value, expansion.unknown
        elif self._history is not self._global:
            inherited = Environment(self._global, self.moment).find(name.text)
            if inherited is not None:
                value, unknown = inherited.value, inherited.unknown
        if value is not None or self.environment.find(name.text) is None:
            self._history.set(self.moment, Variable(name.text, value, "ARG", name.offset, unknown))
        return Assignment(name.text, raw, value, unknown, name.offset)

    def _workdir(self, expansion: Expansion) -> None:
        if not expansion.is_known:
            self.working_directory = None
        elif expansion.value.startswith("/"):
            self.working_directory = posixpath.normpath("/" + expansion.value.lstrip("/"))
        elif self.working_directory is not None:
            self.working_directory = posixpath.normpath(posixpath.join(self.working_directory, expansion.value))
