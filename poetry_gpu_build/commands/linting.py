"""The linter in front of a build: errors stop it, whatever else was found is told in a line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any

from cleo.helpers import option
from cleo.io.outputs.output import Type

from poetry_gpu_build.errors import FindingsError

if TYPE_CHECKING:
    from pathlib import Path

    from cleo.io.inputs.option import Option

    from poetry_gpu_build.commands.base import GpuBuildBaseCommand
    from poetry_gpu_build.lint.formats.interface import Report

COMMAND = "poetry gpu-build lint"


def no_lint_option() -> Option:
    """The option that a command offers if it lints first."""
    return option("no-lint", None, "Do not lint the project first.")


def lint_first(command: GpuBuildBaseCommand, root: Path, *, dry_run: bool) -> dict[str, Any]:
    """Lint the project unless `--no-lint` is given; what the command's JSON document holds of it.

    Raises FindingsError where it finds errors, and ConfigurationError for a file that cannot be read; a dry run says on
    stderr that the build would be stopped, and goes on.
    """
    if command.option("no-lint"):
        return {}
    from poetry_gpu_build.lint.main import lint_project

    report, problems = lint_project(root)
    errors = report.number("error")
    findings = _findings(report)
    if dry_run:
        if errors or problems:
            what = _counted(errors, "error") if errors else "a file that it cannot read"
            command.note(f"note: the linter finds {what}, which would stop this build: {COMMAND}")
        return {"findings": findings}
    if errors:
        _show(command, report)
    for problem in problems[1:]:
        command.note(f"error: {problem}")
    if problems:
        raise problems[0]
    if errors:
        raise FindingsError(
            f"the linter found {_counted(errors, 'error')}, and nothing is built",
            ways_out=(f"mend what can be mended: {COMMAND} --fix", "build all the same: --no-lint"),
            findings=findings,
        )
    if warnings := report.number("warning"):
        command.note(f"{_counted(warnings, 'warning')}: {COMMAND}")
    return {"findings": findings}


def _show(command: GpuBuildBaseCommand, report: Report) -> None:
    """The findings as the linter shows them, on stderr."""
    from poetry_gpu_build.lint.formats.interface import Style
    from poetry_gpu_build.lint.formats.text import TextFormat

    output = command.io.error_output
    for piece in TextFormat(Style(color=output.is_decorated())).render(report):
        output.write(piece, type=Type.RAW)


def _findings(report: Report) -> Any:
    """As in the document of `lint --format json`."""
    from poetry_gpu_build.lint.formats.interface import Style
    from poetry_gpu_build.lint.formats.json import JsonFormat

    return json.loads("".join(JsonFormat(Style()).render(report)))["findings"]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
