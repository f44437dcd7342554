"""Finds the rules: each file of rules/ holds one, and is named by its code."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.lint import rules
from poetry_gpu_build.lint.documents import KINDS
from poetry_gpu_build.lint.rule import Rule
from poetry_gpu_build.lint_policy import parse_rule_name

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Mapping

    from poetry_gpu_build.lint.documents import Kind
    from poetry_gpu_build.lint_policy import LintPolicy


FAMILIES: Mapping[str, Kind] = MappingProxyType(
    {"GPU1": "image", "GPU2": "source-image", "GPU3": "image", "GPU4": "compose", "GPU5": "manifest"}
)
"""In which kind of file the rules of a family find something; those of the others do in all."""


class Selection(NamedTuple):
    """Which rules the command line asks for; each name is a code or the prefix of a family: ``GPU3``."""

    select: tuple[str, ...] = ()
    """In the place of the project's own; empty: what the project selects."""
    ignore: tuple[str, ...] = ()
    """Besides those that the project ignores."""


def known_codes() -> tuple[str, ...]:
    """The codes of all rules, in order; imports none of them."""
    from pkgutil import iter_modules

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


def select_rules(
    selection: Selection, policy: LintPolicy | None = None, kinds: Collection[Kind] = KINDS
) -> tuple[Rule, ...]:
    """The rules that the command line and the project's settings want; without a word of either all of them.

    Of those only the ones that may find something in a file of these ``kinds`` are imported. Raises ConfigurationError
    for a name of the command line that no rule begins with.
    """
    known = known_codes() if policy is None else tuple(policy.severities)
    select = tuple(parse_rule_name(name, known) for name in selection.select)
    ignore = tuple(parse_rule_name(name, known) for name in selection.ignore)
    if policy is not None:
        select = select or policy.select
        ignore += policy.ignore
    others = tuple(family for family, kind in FAMILIES.items() if kind not in kinds)
    return tuple(
        load_rule(code) for code in known if code.startswith(select or "") and not code.startswith(ignore + others)
    )
