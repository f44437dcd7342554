"""What a `poetry install` call is: its options and settings, however they are written.

The options are those of Poetry 2.5.1 (`poetry install --help`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.lint.image import Step

    Setting = tuple[str, str]
    """``("--with", "dev")``, ``("--no-root", "")``, ``("POETRY_CACHE_DIR", "/cache")``."""

UNKNOWN = "…"
"""Stands for what only the build knows."""

_LETTERS = {
    "C": "--directory",
    "E": "--extras",
    "P": "--project",
    "n": "--no-interaction",
    "q": "--quiet",
    "v": "--verbose",
}
_GROUPS = frozenset(("--with", "--without", "--only"))
_VALUES = _GROUPS | {"--extras", "--directory", "--project"}
_TOGGLES = frozenset(("POETRY_WITH", "POETRY_WITHOUT"))
# They choose which Poetry is installed and where; `poetry install` does not look at them.
_NO_SETTINGS = frozenset(("POETRY_HOME", "POETRY_REQUIREMENT", "POETRY_VERSION"))


class PoetryInstall(NamedTuple):
    """One call of `poetry install`, or of `poetry sync`, which is `poetry install --sync`."""

    step: Step
    options: frozenset[Setting]
    environment: frozenset[Setting]
    """Poetry's settings of ENV and ARG, and all that is set for the call alone."""

    def has(self, option: str) -> bool:
        """Whether an option is given, whatever its value."""
        return any(name == option for name, _ in self.options)

    @property
    def takes_dependencies(self) -> bool:
        """Whether it installs more than the project itself."""
        return not self.has("--only-root") and not self.has("--dry-run")


def poetry_installs(image: Image) -> tuple[PoetryInstall, ...]:
    """The calls of a Dockerfile, in order."""
    return tuple(found for step in image.steps if (found := _install(step)) is not None)


def first_installs(image: Image) -> Iterator[Step]:
    """The first step of each stage that installs dependencies, those of its parents counted."""
    installing: dict[int, Step] = {}
    for each in poetry_installs(image):
        if each.takes_dependencies:
            installing.setdefault(each.step.instruction.offset, each.step)
    installed: set[int] = set()
    for stage in image.dockerfile.stages:
        if stage.parent is not None and stage.parent.number in installed:
            installed.add(stage.number)
            continue
        first = next((each for each in stage.instructions if each.offset in installing), None)
        if first is not None:
            installed.add(stage.number)
            yield installing[first.offset]


def run_of(instruction: Instruction) -> Instruction:
    """The RUN itself, where it stands behind an ONBUILD."""
    return instruction.trigger or instruction


def groups_of(value: str) -> frozenset[str]:
    """The dependency groups of a list, by their normalised names (PEP 503).

    >>> sorted(groups_of("Dev, binary_torch"))
    ['binary-torch', 'dev']
    """
    return frozenset(re.sub(r"[-_.]+", "-", name).lower() for name in re.split(r"[,\s]+", value) if name)


def settings_of(install: PoetryInstall, own_groups: Collection[str]) -> frozenset[Setting]:
    """All that decides what the call does, but for the groups in POETRY_WITH and POETRY_WITHOUT that modes switch."""
    settings = set(install.options)
    for name, value in install.environment:
        if name not in _TOGGLES:
            settings.add((name, value))
            continue
        settings.update((name, group) for group in groups_of(value) - groups_of(",".join(own_groups)))
    return frozenset(settings)


def _install(step: Step) -> PoetryInstall | None:
    if step.program != "poetry":
        return None
    words = list(step.arguments)
    subcommand, options = parse_options(words)
    if subcommand not in ("install", "sync"):
        return None
    if subcommand == "sync":
        options |= {("--sync", "")}
    return PoetryInstall(step, options, frozenset(_environment(step)))


def parse_options(words: list[str | None]) -> tuple[str | None, frozenset[Setting]]:
    """The subcommand and the options of Poetry's command line, each in its long form.

    >>> subcommand, options = parse_options(["-C", "/app", "install", "-nE", "a b", "--with=Dev,test"])
    >>> subcommand, sorted(options)[:3]
    ('install', [('--directory', '/app'), ('--extras', 'a'), ('--extras', 'b')])
    >>> sorted(options)[3:]
    [('--no-interaction', ''), ('--with', 'dev'), ('--with', 'test')]
    """
    subcommand: str | None = None
    found: set[Setting] = set()
    rest = iter(words)
    for word in rest:
        if word is None:
            found.add((UNKNOWN, ""))
        elif word.startswith("--"):
            found.update(_long(word, rest))
        elif word.startswith("-") and len(word) > 1:
            found.update(_letters(word[1:], rest))
        elif subcommand is None:
            subcommand = word
        else:
            found.add((word, ""))
    return subcommand, frozenset(found)


def _long(word: str, rest: Iterator[str | None]) -> Iterator[Setting]:
    name, equals, value = word.partition("=")
    if name == "--":
        return
    if name not in _VALUES:
        yield word, ""
        return
    yield from _valued(name, value if equals else next(rest, None))


def _letters(letters: str, rest: Iterator[str | None]) -> Iterator[Setting]:
    for at, letter in enumerate(letters):
        name = _LETTERS.get(letter, f"-{letter}")
        if name in _VALUES:
            yield from _valued(name, letters[at + 1 :].removeprefix("=") or next(rest, None))
            return
        yield name, ""


def _valued(name: str, value: str | None) -> Iterator[Setting]:
    if value is None:
        yield name, UNKNOWN
    elif name in _GROUPS:
        yield from ((name, group) for group in groups_of(value))
    elif name == "--extras":
        yield from ((name, extra) for extra in groups_of(value))
    else:
        yield name, value


def _environment(step: Step) -> Iterator[Setting]:
    own = dict(step.command.environment) if step.command is not None else {}
    for name, variable in run_of(step.instruction).environment.variables().items():
        is_setting = name.startswith("POETRY_") and name not in _NO_SETTINGS
        if is_setting and name not in own and (variable.value is not None or variable.unknown):
            yield name, UNKNOWN if variable.unknown else variable.value or ""
    yield from ((name, UNKNOWN if value is None else value) for name, value in own.items())
