"""`poetry gpu-build`: plan, and build on BuildKit."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from typing import ClassVar

from cleo.helpers import option

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.commands.formats import FORMATS
from poetry_gpu_build.commands.formats import as_json
from poetry_gpu_build.commands.formats import as_text
from poetry_gpu_build.commands.linting import lint_first
from poetry_gpu_build.commands.linting import no_lint_option
from poetry_gpu_build.commands.verifying import no_verify_option
from poetry_gpu_build.commands.verifying import verify_built
from poetry_gpu_build.engine.options import BuildOptions
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from cleo.io.inputs.option import Option

    from poetry_gpu_build.commands.planning import Asked

_PROGRAM_FORMATS = ("bake", "env")
PROGRESS = ("auto", "plain", "tty", "quiet", "rawjson")


def _value(name: str, description: str, *, many: bool = False) -> Option:
    return option(name, None, description, flag=False, multiple=many)


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
        _value("gpu", "Build for this card, such as 5.2 or 'GTX 970', instead of the machine's.", many=True),
        option("dry-run", None, "Show what would be built, and why; touch no engine."),
        no_lint_option(),
        no_verify_option(),
        _value("format", f"How to show it: {', '.join(FORMATS)}."),
        _value("tag", "Name of the image; {mode} stands for the mode.", many=True),
        option("push", None, "Push the image to its registry."),
        option("load", None, "Load the image into the local Docker, where the builder does not keep it there."),
        _value("output", "Where the result goes, as in docker buildx build.", many=True),
        _value("builder", "The buildx builder to use."),
        _value("target", "Build up to this stage of the Dockerfile."),
        _value("cache-from", "External cache to read, as in docker buildx build.", many=True),
        _value("cache-to", "External cache to write.", many=True),
        _value("build-arg", "Build argument NAME=VALUE; never a secret, it stays in the image's history.", many=True),
        _value("secret", "Secret for RUN --mount=type=secret, as in docker buildx build.", many=True),
        _value("set", "Override a value of the bake definition, as in docker buildx bake.", many=True),
        _value("allow", "Grant the build an entitlement, such as network.host.", many=True),
        option("docker-no-cache", None, "Build without BuildKit's cache."),
        _value("progress", f"How docker shows its progress: {', '.join(PROGRESS)}."),
    ]

    def run_command(self) -> int:
        """Plan; then show the plan, or build it."""
        # Imported when it runs: `poetry list` and a mistyped command load the class of every command.
        from poetry_gpu_build.commands.planning import plan_project
        from poetry_gpu_build.engine.bake import run_bake
        from poetry_gpu_build.engine.definition import bake_definition
        from poetry_gpu_build.engine.preflight import check_engine

        form = self._choice("format", tuple(FORMATS), "text")
        options = self._build_options()
        dry_run = bool(self.option("dry-run"))
        if form in _PROGRAM_FORMATS and not dry_run:
            raise ConfigurationError(
                f"--format {form} shows a plan", ways_out=(f"add --dry-run: --dry-run --format {form}",)
            )
        planned = plan_project(self.start_folder, self._asked())
        for note in planned.notes:
            self.note(f"note: {note}")
        if dry_run:
            found = lint_first(self, planned.project.root, dry_run=True)
            self.result(FORMATS[form](planned.plans, options, found))
            return 0
        self.note(as_text(planned.plans))
        found = lint_first(self, planned.project.root, dry_run=False)
        engine = check_engine(options)
        self.note(f"building with builder {engine.builder} ({engine.driver} driver, buildx {engine.buildx})")
        run_bake(planned.plans, bake_definition(planned.plans, options), options, sys.stderr.buffer)
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
            build_args=tuple(_assignment(text) for text in self.option("build-arg")),
            stage=self.option("target"),
        )
        if asked.all_modes and (asked.from_source or asked.binary):
            raise ConfigurationError(
                "--all-modes builds both modes, and --from-source and --binary ask for one",
                ways_out=("leave one of them out",),
            )
        return asked

    def _build_options(self) -> BuildOptions:
        return BuildOptions(
            builder=self.option("builder"),
            push=bool(self.option("push")),
            load=bool(self.option("load")),
            outputs=tuple(self.option("output")),
            cache_from=tuple(self.option("cache-from")),
            cache_to=tuple(self.option("cache-to")),
            secrets=tuple(self.option("secret")),
            overrides=tuple(self.option("set")),
            allow=tuple(self.option("allow")),
            progress=self._choice("progress", PROGRESS, "auto"),
            no_cache=bool(self.option("docker-no-cache")),
            stage=self.option("target"),
        )

    def _choice(self, name: str, known: tuple[str, ...], default: str) -> str:
        value = self.option(name) or default
        if value in known:
            return str(value)
        raise ConfigurationError(f"--{name} {value} is unknown", ways_out=(f"choose one of: {', '.join(known)}",))


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if name and equals:
        return name, value
    raise ConfigurationError(f"--build-arg {text} has no value", ways_out=("write it as --build-arg NAME=VALUE",))
