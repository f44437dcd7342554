"""What the linter can be asked: one table of options for `gpu-build-lint` and for `poetry gpu-build lint`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from poetry_gpu_build.lint.formats.load import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable


class LintRequest(NamedTuple):
    """What was asked, as it was typed."""

    files: tuple[str, ...] = ()
    stdin_filename: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    format: str = "text"
    output: str | None = None
    fix: bool = False
    unsafe_fixes: bool = False
    diff: bool = False
    statistics: bool = False
    exit_zero: bool = False


class Option(NamedTuple):
    """One option, as both front ends offer it; its field in LintRequest has the same name, with `_`."""

    name: str
    help: str
    value: str = ""
    """What stands for its value in the help; empty: a switch."""
    many: bool = False
    """Whether it may be given more than once; its values are split at commas."""


OPTIONS = (
    Option("fix", "Mend what can be mended safely, in the files."),
    Option("unsafe-fixes", "With --fix or --diff: also the fixes after which the build may mean something else."),
    Option("diff", "Show what would be mended, as a patch, and write nothing."),
    Option("select", "Only these rules, or families of them: GPU101,GPU3.", "CODES", many=True),
    Option("ignore", "Not these rules.", "CODES", many=True),
    Option("format", f"How to show the findings: {', '.join(FORMATS)}.", "FORMAT"),
    Option("output", "Write the report to this file instead of stdout.", "FILE"),
    Option("statistics", "A count for each rule instead of the findings (text only)."),
    Option("stdin-filename", "With - as the file: whose text stdin is.", "FILE"),
    Option("exit-zero", "Exit 0 with errors among the findings too."),
)
FILES = "What to report on: files, - for stdin, or a folder for its whole project. Without any: this project."
EXAMPLES = (
    ("", "check this project"),
    ("docker/Dockerfile", "tell what stands in this file"),
    ("--fix", "mend what can be mended safely"),
    ("--diff --unsafe-fixes", "see what could be mended, and write nothing"),
    ("--select GPU1,GPU401", "a family of rules, and one rule"),
    ("--format sarif --output lint.sarif", "for code scanning"),
    ("- --stdin-filename docker/Dockerfile", "an editor's unsaved text"),
)
EXIT_CODES = (
    (0, "no error was found; with --diff: there is nothing to mend"),
    (1, "errors were found; with --diff: there is something to mend"),
    (2, "an option, the settings or a file cannot be used"),
    (130, "interrupted"),
)


def lint_request(files: tuple[str, ...], value: Callable[[str], Any]) -> LintRequest:
    """The request of a command line; ``value`` answers an option's name with what was given for it."""
    given = {option.name.replace("-", "_"): _given(option, value(option.name)) for option in OPTIONS}
    return LintRequest(files, **{name: each for name, each in given.items() if each is not None})


def _given(option: Option, value: Any) -> Any:
    if option.many:
        return tuple(code.strip() for each in value or () for code in each.split(",") if code.strip())
    return value if option.value else bool(value)
