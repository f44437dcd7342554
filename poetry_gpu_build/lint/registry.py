"""Finds the rules: each file of rules/ holds one, and is named by its code."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint import rules
from poetry_gpu_build.lint.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Sequence


class Selection(NamedTuple):
    """Which rules the command line asks for; each name is a code or the prefix of a family: ``GPU3``."""

    select: tuple[str, ...] = ()
    """In the place of the project's own; empty: what the project selects."""
    ignore: tuple[str, ...] = ()
    """Besides those that the project ignores."""


def known_codes() -> tuple[str, ...]:
    """The codes of all rules, in order; imports none of them."""
    return tuple(sorted(module.name.upper() for module in iter_modules(rules.__path__)))


def load_rule(code: str) -> Rule:
    """Import one rule; the code must be known."""
    module = import_module(f"{rules.__name__}.{code.lower()}")
    [found] = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Rule) and getattr(value, "code", None) == code
    ]
    return found()


def select_rules(select: Sequence[str], ignore: Sequence[str]) -> tuple[Rule, ...]:
    """The rules that ``select`` names (none: all), without those of ``ignore``; a prefix names a family: ``GPU3``.

    Raises ConfigurationError for a name that no rule begins with.
    """
    known = known_codes()
    for name in (*select, *ignore):
        if not any(code.startswith(name.upper()) for code in known):
            raise ConfigurationError(f"there is no rule {name}", ways_out=(f"the rules are: {', '.join(known)}",))
    wanted = tuple(name.upper() for name in select) or ("GPU",)
    unwanted = tuple(name.upper() for name in ignore)
    return tuple(load_rule(code) for code in known if code.startswith(wanted) and not code.startswith(unwanted))
