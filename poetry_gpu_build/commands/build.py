"""`poetry gpu-build`: plan, and build on BuildKit."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import ClassVar

from cleo.helpers import option

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.commands.building import build_arguments
from poetry_gpu_build.commands.building import build_options
from poetry_gpu_build.commands.building import choice
from poetry_gpu_build.commands.building import engine_options
from poetry_gpu_build.commands.building import value_option
from poetry_gpu_build.commands.compiling import COMPILING_STAGES
from poetry_gpu_build.commands.compiling import compiling
from poetry_gpu_build.commands.compiling import yes_option
from poetry_gpu_build.commands.exchanging import exchanging
from poetry_gpu_build.commands.formats import FORMATS
from poetry_gpu_build.commands.formats import as_json
from poetry_gpu_build.commands.formats import as_text
from poetry_gpu_build.commands.linting import lint_first
from poetry_gpu_build.commands.linting import no_lint_option
from poetry_gpu_build.commands.reporting import report_paths
from poetry_gpu_build.commands.reporting import reported
from poetry_gpu_build.commands.torch_images import expect_torch
from poetry_gpu_build.commands.torch_images import no_torch_image_option
from poetry_gpu_build.commands.torch_images import take_torch
from poetry_gpu_build.commands.verifying import no_verify_option
from poetry_gpu_build.commands.verifying import verify_built
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from cleo.io.inputs.option import Option

    from poetry_gpu_build.commands.planning import Asked

_PROGRAM_FORMATS = ("bake", "env")


class GpuBuildCommand(GpuBuildBaseCommand):
    """Builds the right image for the GPUs in front of you."""

    name = "gpu-build"
    description = "Builds the right GPU image for the cards in front of you, and refuses to build a wrong one."
    help = """\
Looks at the GPUs of this machine, picks the mode, and builds the image with BuildKit:

  <info>binary</info>  torch as a wheel from an index, for cards at or above the policy's floor
  <info>source</info>  torch compiled into /opt, for older ones

  <comment>poetry gpu-build --dry-run</comment>               what would be built here, and why
  <comment>poetry gpu-build</comment>                         build it
  <comment>poetry gpu-build --gpu "GTX 970"</comment>         build for another card; also --gpu 5.2
  <comment>poetry gpu-build --all-modes --push</comment>      both images, into a registry
  <comment>poetry gpu-build up</comment>                      docker compose up --build with the same choice

The mode follows --from-source or --binary, then BUILD_FROM_SOURCE (true or false), then the GPUs and the policy.
A GPU that the torch inside would not run on is refused, with every way out.
The project is linted before it is built; errors stop it: <info>poetry gpu-build lint</info> shows them. The image is
proved afterwards, where the local Docker has it, as <info>poetry gpu-build verify</info> does.
Settings: <info>[tool.gpu-build]</info> in pyproject.toml.

Exit codes: 0 done, 1 the linter found errors, 2 usage or configuration, 3 no mode serves these GPUs, 4 no usable
engine, 5 the build failed, 6 the image was built and is not what the plan says, 130 interrupted."""

    options: ClassVar[list[Option]] = [
        option("from-source", None, "Compile torch, whatever the GPUs say."),
        option("binary", None, "Install the torch wheel, whatever the GPUs say."),
        option("all-modes", None, "Build both images, each for the GPUs that the policy gives it."),
        value_option("gpu", "Build for this card, such as 5.2 or 'GTX 970', instead of the machine's.", many=True),
        option("dry-run", None, "Show what would be built, and why; touch no engine."),
        no_lint_option(),
        no_verify_option(),
        no_torch_image_option(),
        yes_option(),
        value_option("format", f"How to show it: {', '.join(FORMATS)}."),
        value_option("tag", "Name of the image; {mode} stands for the mode.", many=True),
        option("push", None, "Push the image to its registry."),
        option("load", None, "Load the image into the local Docker, where the builder does not keep it there."),
        value_option("output", "Where the result goes, as in docker buildx build.", many=True),
        value_option("target", "Build up to this stage of the Dockerfile."),
        value_option("set", "Override a value of the bake definition, as in docker buildx bake.", many=True),
        *engine_options(),
        value_option("report", "Write what the build took, and why, to this .html, .json or .md file.", many=True),
    ]

    def run_command(self) -> int:
        """Plan; then show the plan, or build it."""
        # Imported when it runs: `poetry list` and a mistyped command load the class of every command.
        from poetry_gpu_build.commands.planning import plan_project
        from poetry_gpu_build.engine.bake import run_bake
        from poetry_gpu_build.engine.definition import bake_definition
        from poetry_gpu_build.engine.definition import with_contexts
        from poetry_gpu_build.engine.named_context import named_contexts
        from poetry_gpu_build.engine.preflight import check_engine

        form = choice(self, "format", tuple(FORMATS), "text")
        options = build_options(self)
        dry_run = bool(self.option("dry-run"))
        reports = report_paths(self.option("report"), dry_run=dry_run)
        if form in _PROGRAM_FORMATS and not dry_run:
            raise ConfigurationError(
                f"--format {form} shows a plan", ways_out=(f"add --dry-run: --dry-run --format {form}",)
            )
        planned = plan_project(self.start_folder, self._asked())
        for note in planned.notes:
            self.note(f"note: {note}")
        options = exchanging(self, options, planned.policy, planned.plans)
        planned, wanted = expect_torch(self, planned, options)
        if dry_run:
            found = lint_first(self, planned.project.root, dry_run=True)
            self.result(FORMATS[form](planned.plans, options, found))
            return 0
        self.note(as_text(planned.plans))
        found = lint_first(self, planned.project.root, dry_run=False)
        engine = check_engine(options)
        self.note(f"building with builder {engine.builder} ({engine.driver} driver, buildx {engine.buildx})")
        planned, taken = take_torch(self, planned, wanted, engine)
        handed = named_contexts(planned.plans, planned.project.pyproject, planned.policy, engine.buildx, options)
        compiles = "source" not in taken and options.stage in (None, *COMPILING_STAGES)
        with compiling(self, planned.plans, engine, compiles=compiles), handed as named:
            for note in named.notes:
                self.note(f"note: {note}")
            definition = bake_definition(planned.plans, options, with_contexts(named.contexts, taken))
            with reported(self, reports, planned.plans, options, engine, named.contexts) as watched:
                run_bake(planned.plans, definition, named.allowed(watched.options), watched.out)
        verified = verify_built(self, planned.plans, options, engine)
        tags = [tag for plan in planned.plans for tag in plan.tags]
        self.result(as_json(planned.plans, found | verified) if form == "json" else f"built {', '.join(tags)}")
        return 0

    def _asked(self) -> Asked:
        from poetry_gpu_build.commands.planning import Asked

        asked = Asked(
            from_source=bool(self.option("from-source")),
            binary=bool(self.option("binary")),
            all_modes=bool(self.option("all-modes")),
            gpus=tuple(self.option("gpu")),
            tags=tuple(self.option("tag")),
            build_args=build_arguments(self),
            stage=self.option("target"),
        )
        if asked.all_modes and (asked.from_source or asked.binary):
            raise ConfigurationError(
                "--all-modes builds both modes, and --from-source and --binary ask for one",
                ways_out=("leave one of them out",),
            )
        return asked
