"""`poetry gpu-build archs PATH`: which GPU architectures are inside, and whether a card can run them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from typing import ClassVar

from cleo.helpers import argument
from cleo.helpers import option

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import UnreadableBinaryError

if TYPE_CHECKING:
    from cleo.io.inputs.argument import Argument
    from cleo.io.inputs.option import Option

    from poetry_gpu_build.binaries.contents import Contents
    from poetry_gpu_build.gpu.interface import Detection

IMAGE_PREFIX = "docker:"
RUNS, DOES_NOT_RUN = 0, 1


class GpuBuildArchsCommand(GpuBuildBaseCommand):
    """Shows the GPU architectures inside a binary."""

    name = "gpu-build archs"
    description = "Shows the GPU architectures inside a library, a wheel, a folder or an image."
    help = """\
Reads the machine code (SASS) and the portable code (PTX) that a file holds, and for which GPUs they were compiled:

  <comment>poetry gpu-build archs libtorch_cuda.so</comment>                     a library; also .o, .a and .fatbin
  <comment>poetry gpu-build archs torch-2.7.1-…-x86_64.whl</comment>             a wheel
  <comment>poetry gpu-build archs .venv/lib/python3.11/site-packages</comment>   all libraries below a folder
  <comment>poetry gpu-build archs docker:app:binary</comment>                    an image that the engine has
  <comment>poetry gpu-build archs libnccl.so --runs-on 5.2</comment>             does it run there, and by which rule?

torch is judged by libtorch_cuda.so, and by the architectures in at least half of its containers; another library by
every architecture that it holds. Machine code runs on its own major version, from its own minor on; PTX runs on
anything newer, if the driver is as new as the toolkit that made it. docs/archs.md says more.

Exit codes: 0 done, 1 it does not run on a GPU that --runs-on names, 2 PATH cannot be read, 4 no usable engine."""

    arguments: ClassVar[list[Argument]] = [argument("path", "What to read; an image as docker:NAME.")]
    options: ClassVar[list[Option]] = [
        option("runs-on", None, "Answer for this GPU, such as 5.2 or 'GTX 970'.", flag=False, multiple=True),
        option("format", None, "How to show it: text, json.", flag=False),
    ]

    def run_command(self) -> int:
        """Read, judge, show."""
        # Imported when it runs: `poetry list` and a mistyped command load the class of every command.
        from poetry_gpu_build import resources
        from poetry_gpu_build.binaries.judgement import judge
        from poetry_gpu_build.commands.archs_formats import FORMATS
        from poetry_gpu_build.facts.load import load_compatibility
        from poetry_gpu_build.lint.formats.characters import visible

        form = self.option("format") or "text"
        if form not in FORMATS:
            raise ConfigurationError(f"--format {form} is unknown", ways_out=(f"choose one of: {', '.join(FORMATS)}",))
        facts = resources.policies_dir() / "facts"
        asked = _asked(self.option("runs-on"), facts)
        try:
            contents = _read(self.argument("path"))
            for unread in contents.unread:
                self.note(f"note: {visible(unread.fault)}")
            judgement = judge(contents, [gpu.capability for gpu in asked.gpus], load_compatibility(facts))
        except UnreadableBinaryError as error:
            # The names of the files inside a wheel or an image are anybody's text.
            error.message = visible(error.message)
            raise
        self.result(FORMATS[form](contents, judgement))
        return RUNS if all(verdict.answer.runs for verdict in judgement.verdicts) else DOES_NOT_RUN


def _asked(texts: list[str], facts: Path) -> Detection:
    from poetry_gpu_build.facts.load import load_gpus
    from poetry_gpu_build.gpu.explicit import ExplicitTargets
    from poetry_gpu_build.gpu.names import CardTable

    return ExplicitTargets(tuple(texts), "--runs-on", lambda: CardTable(load_gpus(facts))).detect()


def _read(path: str) -> Contents:
    if path.startswith(IMAGE_PREFIX):
        from poetry_gpu_build.binaries.tarball import read_tarball
        from poetry_gpu_build.engine.export import exported

        with exported(path.removeprefix(IMAGE_PREFIX)) as stream:
            return read_tarball(stream, path)
    from poetry_gpu_build.binaries.read import read_path

    return read_path(Path(path))
