"""What the policy says of the linter: how bad each rule's findings are, and which rules a project wants, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Literal
from typing import NamedTuple

from poetry_gpu_build.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

# PATH_MAX of Linux: no path that a longer pattern could mean can be opened.
_LONGEST_PATTERN = 4096


class FileIgnores(NamedTuple):
    """Rules whose findings do not count in some files."""

    pattern: str
    """As parse_file_pattern takes it."""
    codes: tuple[str, ...]

    def matcher(self) -> Callable[[str], bool]:
        """Whether a file is meant, by its path relative to the project's root, with ``/``.

        The pattern is one of .dockerignore: one that matches a folder means all that is in it. One without a slash is
        for files of that name in every folder, too.

        >>> FileIgnores("docker", ()).matcher()("docker/Dockerfile")
        True
        >>> is_meant = FileIgnores("*.source", ()).matcher()
        >>> is_meant("docker/Dockerfile.source"), is_meant("docker/Dockerfile")
        (True, False)
        """
        from poetry_gpu_build.documents.path_patterns import compile_path_pattern

        matches = compile_path_pattern(_clean(self.pattern)) or (lambda _path: False)
        is_name = "/" not in self.pattern

        def is_meant(path: str) -> bool:
            parts = path.split("/")
            folders = ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
            return any(map(matches, folders)) or (is_name and matches(parts[-1]))

        return is_meant


class LintPolicy(NamedTuple):
    """The settings of the linter. A name is a rule's code, or the beginning of some: ``GPU3``."""

    severities: Mapping[str, Severity]
    """Of every rule there is, by its code."""
    select: tuple[str, ...] = ()
    """Only these rules; empty: all."""
    ignore: tuple[str, ...] = ()
    """Not these."""
    per_file_ignores: tuple[FileIgnores, ...] = ()


def parse_rule_name(text: str, known: Iterable[str]) -> str:
    """The name of a rule or of a family, in capitals. Raises InvalidValueError where no rule's code begins like that.

    >>> parse_rule_name("gpu3", ["GPU301", "GPU302"])
    'GPU3'
    """
    name = text.upper()
    codes = tuple(known)
    if not name or not any(code.startswith(name) for code in codes):
        shown = f"{text[:40]}…" if len(text) > 40 else text
        raise InvalidValueError(f"there is no rule {shown}", ways_out=(f"the rules are: {', '.join(codes)}",))
    return name


def parse_file_pattern(text: str) -> str:
    """A pattern of FileIgnores, unchanged. Raises InvalidValueError for one that cannot mean a file of the project."""
    from poetry_gpu_build.documents.path_patterns import compile_path_pattern

    if len(text) > _LONGEST_PATTERN:
        raise InvalidValueError(
            f"a pattern of {len(text)} characters is longer than any path", ways_out=("write a shorter one",)
        )
    clean = _clean(text)
    if not text.strip() or clean == ".":
        raise InvalidValueError(
            f"the pattern {text!r} means no file", ways_out=("name one: docker/Dockerfile; all of them are **",)
        )
    if text.startswith("!"):
        raise InvalidValueError(
            f"the pattern {text!r} takes back what nothing has ignored", ways_out=("leave the ! out",)
        )
    if clean == ".." or clean.startswith("../"):
        raise InvalidValueError(
            f"the pattern {text!r} leads out of the project", ways_out=("write it relative to the project's root",)
        )
    if compile_path_pattern(clean) is None:
        raise InvalidValueError(
            f"{text!r} is not a pattern: a bracket or a backslash is wrong",
            ways_out=("write it as in .dockerignore: docker/*, **/Dockerfile",),
        )
    return text


def with_overrides(shipped: Mapping[str, Severity], overrides: Mapping[str, Severity]) -> dict[str, Severity]:
    """The severity of each rule; of the overriding names that it begins with, the longest counts.

    >>> with_overrides({"GPU301": "error", "GPU302": "error"}, {"GPU": "info", "GPU302": "warning"})
    {'GPU301': 'info', 'GPU302': 'warning'}
    """
    by_length = sorted(overrides, key=len, reverse=True)
    return {
        code: next((overrides[name] for name in by_length if code.startswith(name)), severity)
        for code, severity in shipped.items()
    }


def _clean(pattern: str) -> str:
    """Without the slash that says it is relative to the root, and without what changes nothing."""
    from posixpath import normpath

    return normpath(pattern).lstrip("/") or "."
