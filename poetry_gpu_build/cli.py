"""`gpu-build-lint`: the linter for pre-commit and editors; it does not import Poetry."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import GpuBuildError
from poetry_gpu_build.lint.formats.load import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.lint.session import Linted
    from poetry_gpu_build.lint.session import Mended

FINDINGS = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Lint; returns 0 without an error among the findings, 1 with one, 2 where something could not be read."""
    asked = _parser().parse_args(arguments)
    try:
        return _lint(asked)
    except GpuBuildError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gpu-build-lint", description="Checks Dockerfiles, Compose files and manifests against the team's policy."
    )
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="what to report on (default: the whole project); - is stdin"
    )
    parser.add_argument("--stdin-filename", metavar="FILE", help="the file that stdin stands for")
    parser.add_argument("--select", metavar="CODES", default="", help="only these rules, or families: GPU101,GPU3")
    parser.add_argument("--ignore", metavar="CODES", default="", help="not these rules")
    parser.add_argument("--format", choices=tuple(FORMATS), default="text", help="how to show the findings")
    parser.add_argument("--fix", action="store_true", help="mend what can be mended safely")
    parser.add_argument("--unsafe-fixes", action="store_true", help="with --fix or --diff: the unsafe ones too")
    parser.add_argument("--diff", action="store_true", help="show what --fix would change, and write nothing")
    parser.add_argument("--statistics", action="store_true", help="a count for each rule instead of the findings")
    parser.add_argument("--exit-zero", action="store_true", help="exit 0 whatever was found")
    return parser


def _lint(asked: argparse.Namespace) -> int:
    from poetry_gpu_build.lint.registry import select_rules
    from poetry_gpu_build.lint.session import lint_files
    from poetry_gpu_build.lint.session import mend
    from poetry_gpu_build.lint.session import project_root

    files, texts = _files(asked)
    root = project_root(files[0] if files else Path.cwd())
    rules = select_rules(_codes(asked.select), _codes(asked.ignore))
    if asked.fix or asked.diff:
        mended = mend(root, rules, files, texts, unsafe=asked.unsafe_fixes)
        if asked.diff:
            return _show_diff(mended)
        _write(mended)
        _show(mended.linted, asked, mended.fixed)
        return _exit_code(mended.linted, asked)
    linted = lint_files(root, rules, files, texts)
    _show(linted, asked)
    return _exit_code(linted, asked)


def _exit_code(linted: Linted, asked: argparse.Namespace) -> int:
    for problem in linted.problems:
        print(f"error: {problem}", file=sys.stderr)  # noqa: T201
    if linted.problems:
        return ConfigurationError.exit_code
    has_errors = any(finding.severity == "error" for finding in linted.findings)
    return FINDINGS if has_errors and not asked.exit_zero else 0


def _show_diff(mended: Mended) -> int:
    """Print what --fix would change; 1 if there is anything, as `diff` itself has it."""
    from poetry_gpu_build.lint.fixes import unified_diff

    for path in sorted(mended.after):
        name = path.relative_to(mended.linted.root).as_posix()
        text = unified_diff(name, mended.before[path], mended.after[path])
        sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
    return FINDINGS if mended.after else 0


def _write(mended: Mended) -> None:
    from poetry_gpu_build.lint.fixes import write_fixed

    for path, text in mended.after.items():
        write_fixed(path, mended.before[path], text, root=mended.linted.root)


def _files(asked: argparse.Namespace) -> tuple[list[Path], dict[Path, str]]:
    """The files as whole paths, and the text that stdin gives for one of them."""
    here = Path.cwd()
    if "-" not in asked.files:
        return [here / name for name in asked.files], {}
    if asked.fix:
        raise ConfigurationError("--fix has no file to write for -", ways_out=("show the change instead: --diff",))
    if asked.stdin_filename is None or len(asked.files) > 1:
        raise ConfigurationError(
            "- reads one file from stdin, and needs its name", ways_out=("add --stdin-filename docker/Dockerfile",)
        )
    path = here / asked.stdin_filename
    return [path], {path: sys.stdin.buffer.read().decode("utf-8", "surrogateescape")}


def _codes(text: str) -> list[str]:
    return [code.strip() for code in text.split(",") if code.strip()]


def _show(linted: Linted, asked: argparse.Namespace, fixed: int = 0) -> None:
    from poetry_gpu_build.lint.formats.interface import Report
    from poetry_gpu_build.lint.formats.interface import Style
    from poetry_gpu_build.lint.formats.load import load_format

    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    report = Report(
        findings=linted.findings,
        root=linted.root,
        sources=linted.sources,
        files=len(linted.sources),
        fixed=fixed,
    )
    load_format(asked.format, Style(color=color, statistics=asked.statistics)).write(report, sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
