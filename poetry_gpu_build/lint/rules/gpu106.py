"""GPU106: Poetry removes what it does not know, itself included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.commands import is_poetry
from poetry_gpu_build.lint.commands import place
from poetry_gpu_build.lint.commands import subcommand
from poetry_gpu_build.lint.commands import uses
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.shell.arguments import Argument
    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_NO = frozenset({"false", "0"})
_CREATE = "POETRY_VIRTUALENVS_CREATE"
_REMOVES = frozenset({"--sync", "--remove-untracked"})
_TOML = "[virtualenvs]\ncreate = false\n"
_BLANK_BEFORE = lazy_pattern(r"(?<=[^\s\\])[ \t]+\Z")


class PoetrySync(ImageRule):
    """`poetry sync` uninstalls everything that the lock does not name.

    With `virtualenvs.create = false` that is Poetry itself, and pip, and in the source mode what stands in for torch
    (Poetry 2.5.1: 49 removals, exit code 0). The next instruction that calls Poetry fails.
    """

    code = "GPU106"
    name = "poetry-sync"
    valid = (
        Example(binary("FROM a\nRUN poetry install && poetry self sync\n", **{"poetry.toml": _TOML})),
        Example(binary("FROM a\nRUN poetry sync\n")),
    )
    invalid = (
        Example(
            binary("FROM a\nRUN poetry -C /app sync --no-root\n", **{"poetry.toml": _TOML}),
            ("docker/Dockerfile:2:5",),
            {"docker/Dockerfile": "FROM a\nRUN poetry -C /app install --no-root\n"},
        ),
        Example(
            binary("FROM a\nENV POETRY_VIRTUALENVS_CREATE=0\nRUN a && poetry install \\\n  -n --sync\n"),
            ("docker/Dockerfile:3:10",),
            {"docker/Dockerfile": "FROM a\nENV POETRY_VIRTUALENVS_CREATE=0\nRUN a && poetry install \\\n  -n\n"},
        ),
        Example(
            binary("FROM a\nRUN poetry config virtualenvs.create false\nRUN poetry install \\\n  --sync\n"),
            ("docker/Dockerfile:3:5",),
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find `poetry sync` and `poetry install --sync` where Poetry makes no environment of its own."""
        found = uses(image, documents)
        in_project = _in_poetry_toml(documents) or any(_configures(use) for use in found)
        seen: set[tuple[str, int, int]] = set()
        for use in found:
            word = _removing(use)
            if word is None or use.where in seen or not (in_project or _in_environment(use)):
                continue
            seen.add(use.where)
            message = "poetry sync removes Poetry itself, for virtualenvs.create is false"
            yield Hit(use.source, use.step.start, use.step.end, message, "write poetry install", _fix(use, word))


def _in_poetry_toml(documents: Documents) -> bool:
    settings = documents.poetry_toml
    table = settings.data.get("virtualenvs") if settings is not None else None
    return isinstance(table, dict) and table.get("create") is False


def _configures(use: Use) -> bool:
    """``poetry config virtualenvs.create false``."""
    return is_poetry(use) and "config" in use.texts[:1] and {"virtualenvs.create", "false"} <= set(use.texts)


def _in_environment(use: Use) -> bool:
    command = use.step.command
    run = use.step.instruction.trigger or use.step.instruction
    own = dict(command.environment) if command is not None else {}
    if _CREATE in own:
        return (own[_CREATE] or "").lower() in _NO
    variable = run.environment.variables().get(_CREATE)
    return variable is not None and (variable.value or "").lower() in _NO


def _removing(use: Use) -> Argument | None:
    """The word that makes Poetry remove packages."""
    command = use.step.command
    if command is None or not is_poetry(use) or not use.texts:
        return None
    name, rest = subcommand("poetry", use.texts)
    words = command.words[-len(use.texts) :]
    if name == "sync":
        return words[len(words) - len(rest) - 1]
    if name != "install":
        return None
    behind = words[len(words) - len(rest) :]
    return next((word for word in behind if word.text in _REMOVES), None)


def _fix(use: Use, word: Argument) -> Fix | None:
    """Only where the word is written out, and leaves no dangling backslash behind."""
    if use.step.instruction.is_json:
        return None
    text = use.source.text
    start, end = place(use, word)
    if text[start:end] != word.text:
        return None
    if word.text == "sync":
        return Fix("write install", (Edit(use.source.path, start, end, "install"),), is_safe=True)
    blank = _BLANK_BEFORE.search(text[max(0, start - 100) : start])
    if blank is None:
        return None
    return Fix(f"remove {word.text}", (Edit(use.source.path, start - len(blank[0]), end, ""),), is_safe=True)
