"""The toggle: ``POETRY_WITH`` and ``POETRY_WITHOUT`` made true, by deciding which dependency groups are optional.

Poetry reads neither variable, in any version, and an image that relies on them installs the binary torch without a
word. ``POETRY_WITH=a`` makes group ``a`` count as not optional for this one command, ``POETRY_WITHOUT=a`` as optional,
exactly as if pyproject.toml said so; nothing is written. What follows from that, and is tested on the oldest and the
newest Poetry:

- A group in both is left out, as in ``poetry install --with a --without a``
  (``GroupCommand.activated_groups`` takes ``(not optional | with) - without``).
- The command line has the last word, because Poetry applies it on top: ``--with``, ``--without``, ``--only``,
  ``--all-groups`` and ``--only-root`` mean what they always meant.
- The lock knows no optional groups: poetry.lock and its content hash stay byte for byte what they were.
- As with ``--without``, a group that includes another (PEP 735) still installs the other's packages.
- ``poetry export`` starts from the group ``main`` alone, so neither variable changes what it exports.
- ``poetry self …`` and ``poetry --no-plugins …`` do not pass through here; nor does pip when it builds the project.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Mapping

    from cleo.io.io import IO
    from packaging.utils import NormalizedName
    from poetry.core.packages.dependency_group import DependencyGroup
    from poetry.core.packages.project_package import ProjectPackage
    from poetry.poetry import Poetry

WITH = "POETRY_WITH"
WITHOUT = "POETRY_WITHOUT"


def named_groups(value: str) -> list[NormalizedName]:
    """Return the groups that one variable names, normalised (PEP 503), in the order written.

    Commas separate them, as in Poetry's own ``--with``; so do blanks, which no group's name holds.

    >>> named_groups("Binary_Torch, docs dev")
    ['binary-torch', 'docs', 'dev']
    >>> named_groups(" , ")
    []
    """
    return [canonicalize_name(name) for name in re.split(r"[,\s]+", value) if name]


def optional_groups(with_: str, without: str, groups: Collection[str]) -> dict[NormalizedName, bool]:
    """Return which of the project's ``groups`` (normalised) become optional (True) or not optional (False).

    A group that neither variable names is not in the answer, and neither is one that the project does not have.

    >>> optional_groups("binary-torch", "docs", ["main", "binary-torch", "docs"])
    {'binary-torch': False, 'docs': True}
    >>> optional_groups("docs", "docs", ["main", "docs"])
    {'docs': True}
    """
    wanted = dict.fromkeys(named_groups(with_), False) | dict.fromkeys(named_groups(without), True)
    return {name: optional for name, optional in wanted.items() if name in groups}


def unknown_groups(value: str, groups: Collection[str]) -> list[NormalizedName]:
    """Return the groups that one variable names and the project does not have, each once.

    >>> unknown_groups("binary-tourch,binary-tourch,docs", ["main", "docs"])
    ['binary-tourch']
    """
    return [name for name in dict.fromkeys(named_groups(value)) if name not in groups]


def toggle(poetry: Poetry, io: IO, environ: Mapping[str, str]) -> None:
    """Apply both variables of ``environ`` to this command's dependency groups.

    Never raises and never writes to stdout: a word in the environment must not break a command that has no use for it.
    An unknown group, or a Poetry whose groups cannot be switched, is a warning on stderr.
    """
    with_, without = environ.get(WITH, ""), environ.get(WITHOUT, "")
    if not named_groups(with_ + "," + without):
        return
    try:
        groups = poetry.package.dependency_group_names(include_optional=True)
        stuck = _switch(poetry.package, optional_groups(with_, without, groups))
    except (AttributeError, TypeError) as error:
        _warn(io, f"{WITH} and {WITHOUT} are ignored: this Poetry keeps its dependency groups otherwise ({error}).")
        return
    known = {"main", *groups}  # Poetry makes the group main only for a project that has requirements
    for variable, value in ((WITH, with_), (WITHOUT, without)):
        if unknown := unknown_groups(value, known):
            message = f"this project has no dependency group {', '.join(unknown)}. It has: {', '.join(sorted(known))}."
            _warn(io, f"{variable}: {message}")
    if stuck:
        _warn(
            io,
            f"{WITH} and {WITHOUT} have no effect on {', '.join(stuck)}: this Poetry cannot switch a dependency group. "
            "Say --with or --without on the command line instead.",
        )


def _switch(package: ProjectPackage, wanted: Mapping[NormalizedName, bool]) -> list[NormalizedName]:
    """Set each group's ``optional``, and return the groups whose public answer did not follow."""
    return [name for name, optional in wanted.items() if not _set_optional(package.dependency_group(name), optional)]


def _set_optional(group: DependencyGroup, optional: bool) -> bool:  # noqa: FBT001 - the value that is set
    # There is no public setter. is_optional() is asked afterwards, to notice a Poetry that renamed the attribute.
    try:
        group._optional = optional  # noqa: SLF001
    except AttributeError:
        return False
    return group.is_optional() is optional


def _warn(io: IO, message: str) -> None:
    from cleo.formatters.formatter import Formatter

    io.write_error_line(f"<warning>poetry-gpu-build: {Formatter.escape(message)}</warning>")
