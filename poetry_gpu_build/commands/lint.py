"""`poetry gpu-build lint`: the policy linter."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import ClassVar
from typing import TextIO
from typing import cast

from cleo.helpers import argument
from cleo.helpers import option
from cleo.io.outputs.output import Type
from cleo.io.outputs.stream_output import StreamOutput

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.lint.options import EXAMPLES
from poetry_gpu_build.lint.options import EXIT_CODES
from poetry_gpu_build.lint.options import FILES
from poetry_gpu_build.lint.options import OPTIONS
from poetry_gpu_build.lint.options import lint_request

if TYPE_CHECKING:
    from cleo.io.inputs.argument import Argument
    from cleo.io.inputs.option import Option
    from cleo.io.outputs.output import Output

_EXAMPLES = "\n".join(
    f"  <comment>poetry gpu-build lint {example:<40}</comment>{meaning}" for example, meaning in EXAMPLES
)
_EXIT_CODES = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES)


class GpuBuildLintCommand(GpuBuildBaseCommand):
    """Checks a project against the policy."""

    name = "gpu-build lint"
    description = "Checks Dockerfiles, Compose files and manifests against the team's policy."
    help = f"""\
Tells where the project breaks the policy, why, and what to do; mends what can be mended:

{_EXAMPLES}

Exit codes:
{_EXIT_CODES}

A rule's page: <info>poetry gpu-build rule GPU401</info>. Settings: <info>[tool.gpu-build.lint]</info>.
<info>gpu-build-lint</info> is the same command without Poetry, for hooks and editors."""

    arguments: ClassVar[list[Argument]] = [argument("files", FILES, optional=True, multiple=True)]
    options: ClassVar[list[Option]] = [
        option(each.name, None, each.help, flag=not each.value, multiple=each.many) for each in OPTIONS
    ]

    def run_command(self) -> int:
        """Lint; returns the exit code of run_lint."""
        from poetry_gpu_build.lint.main import Streams
        from poetry_gpu_build.lint.main import run_lint

        request = lint_request(tuple(self.argument("files")), self.option)
        stdin = io.BytesIO() if sys.stdin is None else sys.stdin.buffer
        stdout, stderr = self.io.output, self.io.error_output
        streams = Streams(stdin, _stream(stdout), _stream(stderr), stdout.is_decorated())
        return run_lint(request, Path.cwd(), streams, start=self.start_folder)


def _stream(output: Output) -> TextIO:
    """The stream behind an output of cleo; of one that has none, or is quiet, a stream that hands over to it."""
    if isinstance(output, StreamOutput) and not output.is_quiet():
        return output.stream
    return cast("TextIO", _HandedOver(output))


class _HandedOver(io.TextIOBase):
    def __init__(self, output: Output) -> None:
        self._output = output

    def write(self, text: str) -> int:
        self._output.write(text, type=Type.RAW)
        return len(text)
