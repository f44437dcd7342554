"""`poetry gpu-build doctor`: what stands in the way of a build on this machine, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import ClassVar

from cleo.helpers import argument
from cleo.helpers import option

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from cleo.io.inputs.argument import Argument
    from cleo.io.inputs.option import Option

    from poetry_gpu_build.commands.doctor_formats import Stream


class GpuBuildDoctorCommand(GpuBuildBaseCommand):
    """Examines the machine, the engine and the project."""

    name = "gpu-build doctor"
    description = "Examines GPUs, driver, engine and project; says what to do about what is wrong."
    help = """\
Looks at everything that a build here needs, and builds nothing: the GPUs and who reported them, the driver, the engine
and its builder, what hands a GPU to a container; the project's files, its lock, what the linter says of them; whether
its torch runs on the cards; the disk, the memory, the base image.

  <comment>poetry gpu-build doctor</comment>
  <comment>poetry gpu-build doctor --gpu "GTX 970"</comment>   as if the image were for that card
  <comment>poetry gpu-build doctor --from-source</comment>     does this machine have what a compile takes?
  <comment>poetry gpu-build doctor --explain build.log</comment>   what do the errors in it mean for this project?
  <comment>docker run … 2>&1 | poetry gpu-build doctor --explain -</comment>

Each line is ✓ (well), ! (worth knowing, stops nothing) or ✗ (mend this), with what was seen and what to do. It works
without a GPU, without docker and outside a project. Where docker is well it takes seconds; each question to it has a
limit of 20 s. docs/doctor.md explains each line.

Exit codes: 0 no ✗, 1 a ✗, 2 usage, 4 a ✗ in the line of the engine. With --explain: 0 explained, 1 nothing was
recognised (docs/explain.md lists what is), 2 usage, or the text cannot be read."""

    arguments: ClassVar[list[Argument]] = [argument("text", "With --explain: - is standard input.", optional=True)]
    options: ClassVar[list[Option]] = [
        option("gpu", None, "The image is for this card, such as 5.2 or 'GTX 970'.", flag=False, multiple=True),
        option("from-source", None, "Look at what the source mode takes."),
        option("binary", None, "Look at what the binary mode takes."),
        option(
            "explain",
            None,
            "Explain the errors in FILE, instead of looking; - is standard input.",
            flag=False,
            value_required=False,  # cleo takes - for no value
            default=False,
        ),
        option("format", None, "How to show it: text, json.", flag=False),
    ]

    def run_command(self) -> int:
        """Look, show; or explain."""
        # Imported when it runs: `poetry list` and a mistyped command load the class of every command.
        from poetry_gpu_build.commands.doctor_explain import asked_source
        from poetry_gpu_build.commands.doctor_explain import explain
        from poetry_gpu_build.commands.doctor_formats import FORMATS

        form = self.option("format") or "text"
        if form not in FORMATS:
            raise ConfigurationError(f"--format {form} is unknown", ways_out=(f"choose one of: {', '.join(FORMATS)}",))
        source = asked_source(self.option("explain"), self.argument("text"))
        if source is None:
            return self._examine(form)
        for other in ("from-source", "binary"):
            if self.option(other):
                raise ConfigurationError(
                    f"--explain reads a text, in which --{other} has no say",
                    ways_out=(f"leave --{other} out", "name the card that the text is of: --gpu"),
                )
        return explain(self, source, form, tuple(self.option("gpu")), self._stream())

    def _examine(self, form: str) -> int:
        import os
        import platform
        from functools import partial
        from pathlib import Path

        from cleo.io.outputs.output import Type

        from poetry_gpu_build import resources
        from poetry_gpu_build.commands.doctor_formats import FORMATS
        from poetry_gpu_build.doctor.examine import examine
        from poetry_gpu_build.doctor.seen import Wish
        from poetry_gpu_build.doctor.seen import World
        from poetry_gpu_build.engine.preflight import ask_docker
        from poetry_gpu_build.machine import this_machine

        wish = Wish(tuple(self.option("gpu")), bool(self.option("from-source")), bool(self.option("binary")))
        world = World(
            start=self.start_folder,
            environment=os.environ,
            root=Path("/"),
            policies=resources.policies_dir(),
            machine=this_machine(),
            hostname=platform.node(),
            ask=partial(ask_docker, instead="plan without it: poetry gpu-build --dry-run"),
        )
        examination = examine(wish, world)
        self.io.write(FORMATS[form](examination, self._stream()) + "\n", type=Type.RAW)
        return examination.exit_code

    def _stream(self) -> Stream:
        from poetry_gpu_build.commands.doctor_formats import Stream

        output = self.io.output
        encoding = getattr(getattr(output, "stream", None), "encoding", None)
        return Stream(output.is_decorated(), encoding or "utf-8")
