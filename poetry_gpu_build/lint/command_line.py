"""The command line of `gpu-build-lint`, with the standard library's parser: options into a request."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from poetry_gpu_build.lint.options import EXAMPLES
from poetry_gpu_build.lint.options import EXIT_CODES
from poetry_gpu_build.lint.options import FILES
from poetry_gpu_build.lint.options import OPTIONS
from poetry_gpu_build.lint.options import lint_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.lint.options import LintRequest

PROGRAM = "gpu-build-lint"


def parse(arguments: Sequence[str]) -> LintRequest:
    """The request of a command line. Exits with 2 for one that is none, with 0 behind --help."""
    asked = vars(parser().parse_args(arguments))
    return lint_request(tuple(asked["files"]), lambda name: asked[name.replace("-", "_")])


def parser() -> argparse.ArgumentParser:
    """The options of lint/options.py."""
    made = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Checks Dockerfiles, Compose files and manifests against the team's policy.",
        epilog=_epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("files", nargs="*", metavar="FILE", help=FILES)
    for option in OPTIONS:
        flag = f"--{option.name}"
        if option.many:
            made.add_argument(flag, metavar=option.value, action="append", help=option.help)
        elif option.value:
            made.add_argument(flag, metavar=option.value, help=option.help)
        else:
            made.add_argument(flag, action="store_true", help=option.help)
    return made


def _epilog() -> str:
    width = max(len(example) for example, _ in EXAMPLES)
    lines = ["examples:"]
    lines += [f"  {PROGRAM} {example:<{width}}  {meaning}" for example, meaning in EXAMPLES]
    lines += ["", "exit codes:"]
    lines += [f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES]
    lines += ["", "A rule's page: poetry gpu-build rule GPU401. Settings: [tool.gpu-build.lint] in pyproject.toml."]
    return "\n".join(lines)
