"""`poetry gpu-build torch`: compiles torch alone, and publishes it for everybody who builds the same one."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any
from typing import ClassVar

from cleo.helpers import option

from poetry_gpu_build.commands.base import GpuBuildBaseCommand
from poetry_gpu_build.commands.base import json_document
from poetry_gpu_build.commands.building import build_arguments
from poetry_gpu_build.commands.building import build_options
from poetry_gpu_build.commands.building import choice
from poetry_gpu_build.commands.building import engine_options
from poetry_gpu_build.commands.building import value_option
from poetry_gpu_build.commands.compiling import compiling
from poetry_gpu_build.commands.compiling import yes_option
from poetry_gpu_build.commands.exchanging import exchanging
from poetry_gpu_build.commands.linting import lint_first
from poetry_gpu_build.commands.linting import no_lint_option
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import EngineUnavailableError
from poetry_gpu_build.errors import ProofFailedError

if TYPE_CHECKING:
    from cleo.io.inputs.option import Option

    from poetry_gpu_build.engine.options import BuildOptions
    from poetry_gpu_build.engine.published import Found
    from poetry_gpu_build.plan import Plan
    from poetry_gpu_build.torch_image.key import Part
    from poetry_gpu_build.torch_image.wanted import WantedTorch

FORMATS = ("text", "json")
_SHOWN_DIGEST = 16
_LONGEST_STEP = 80


class GpuBuildTorchCommand(GpuBuildBaseCommand):
    """Compiles torch once, for the whole team."""

    name = "gpu-build torch"
    description = "Compiles torch alone and publishes it, so that no other source build has to."
    help = """\
Builds the stage <info>torch</info> of the source mode's Dockerfile, and with --push publishes it in the repository that
<info>torch-image</info> in [tool.gpu-build] names. Its tag ends in a key of all that decides its bytes; every source
build looks for that tag first, and compiles nothing where it is there.

  <comment>poetry gpu-build torch --push</comment>      compile and publish; nothing to do where it is published
  <comment>poetry gpu-build torch --check</comment>     0 if it is published, 1 if it is not
  <comment>poetry gpu-build torch --dry-run</comment>   the name, the key, and what went into it

It is for the cards of --gpu or of the setting targets; else for those of this machine if they need the source mode, and
for the mode's default targets if they do not. docs/torch-image.md says what changes the key.

Exit codes: 0 done, 1 not published (--check) or the linter found errors, 2 usage or configuration, 3 no mode serves
these GPUs, 4 no usable engine or registry, 5 the build failed, 6 the registry holds another image than was pushed, 130
interrupted."""

    options: ClassVar[list[Option]] = [
        value_option("gpu", "Compile for this card, such as 5.2 or 'GTX 970'.", many=True),
        option("dry-run", None, "Show the name, the key and what went into it; ask nobody."),
        option("check", None, "Say whether it is published, and build nothing."),
        option("push", None, "Publish it."),
        option("load", None, "Load the image into the local Docker, where the builder does not keep it there."),
        option("force", None, "Build it even where it is published, and with --push replace that."),
        no_lint_option(),
        yes_option(),
        value_option("format", f"How to show the result: {', '.join(FORMATS)}."),
        *engine_options(),
    ]

    def run_command(self) -> int:
        """Find out what is wanted; then show it, look for it, or build it."""
        # Imported when it runs: `poetry list` and a mistyped command load the class of every command.
        from poetry_gpu_build.commands.planning import Asked
        from poetry_gpu_build.commands.planning import plan_project
        from poetry_gpu_build.torch_image.wanted import wanted_torch

        choice(self, "format", FORMATS, "text")
        options = build_options(self)
        if self.option("check") and (self.option("dry-run") or self.option("push") or self.option("force")):
            raise ConfigurationError("--check only looks", ways_out=("leave out --dry-run, --push and --force",))
        asked = Asked(gpus=tuple(self.option("gpu")), build_args=build_arguments(self), torch_alone=True)
        planned = plan_project(self.start_folder, asked)
        for note in planned.notes:
            self.note(f"note: {note}")
        options = exchanging(self, options, planned.policy, planned.plans, writes=False)
        [plan] = planned.plans
        wanted = wanted_torch(plan, planned.policy)
        if self.option("dry-run"):
            self._tell(wanted, "planned", _explained(wanted))
            return 0
        if self.option("check"):
            return self._check(wanted, options)
        lint_first(self, planned.project.root, dry_run=False)
        return self._build(plan, wanted, options)

    def _check(self, wanted: WantedTorch, options: BuildOptions) -> int:
        found = _looked_up(wanted, options)
        if found.state == "published":
            self._tell(wanted, "published", f"published: {found.reference}", found.reference)
            return 0
        why = f": {found.reason}" if found.reason else ""
        self._tell(wanted, found.state, f"not published: {wanted.reference}{why}")
        return 1

    def _build(self, plan: Plan, wanted: WantedTorch, options: BuildOptions) -> int:
        from poetry_gpu_build.engine.bake import run_bake
        from poetry_gpu_build.engine.definition import bake_definition
        from poetry_gpu_build.engine.preflight import check_engine
        from poetry_gpu_build.engine.published import builder_platform
        from poetry_gpu_build.torch_image.key import PLATFORM
        from poetry_gpu_build.torch_image.key import STAGE

        engine = check_engine(options)
        platform = builder_platform(engine.builder)
        if platform != PLATFORM:
            raise EngineUnavailableError(
                f"the builder {engine.builder} makes images for {platform or 'nobody knows what'}, not for {PLATFORM}",
                ways_out=("choose another one: --builder NAME",),
            )
        if not self.option("force") and self._is_there(wanted, options):
            return 0
        self.note(f"compiling {wanted.reference}")
        self.note(f"building with builder {engine.builder} ({engine.driver} driver, buildx {engine.buildx})")
        alone = replace(plan, tags=(wanted.reference,), labels={**plan.labels, **wanted.labels})
        target = replace(options, stage=STAGE)
        with compiling(self, (plan,), engine, compiles=True):
            run_bake((alone,), bake_definition((alone,), target), target, sys.stderr.buffer)
        if not options.push:
            self._tell(wanted, "built", f"built {wanted.reference}")
            return 0
        found = _looked_up(wanted, options)
        if found.state != "published":
            raise ProofFailedError(
                f"{wanted.reference} was pushed, and the registry holds something else"
                + (f": {found.reason}" if found.reason else ""),
                ways_out=("look at it: docker buildx imagetools inspect " + wanted.reference,),
            )
        self._tell(wanted, "published", f"published {found.reference}", found.reference)
        return 0

    def _is_there(self, wanted: WantedTorch, options: BuildOptions) -> bool:
        """Whether there is nothing to do. Raises before a compile of hours that could not be published after it."""
        from poetry_gpu_build.engine.published import look_up

        found = look_up(wanted.reference, wanted.labels, options.builder)
        match found.state:
            case "published":
                text = f"already published: {found.reference}"
                self._tell(wanted, "published", f"{text}; build it all the same: --force", found.reference)
                return True
            case "unreachable" if options.push:
                raise _unreachable(found)
            case "refused" if options.push:
                raise ConfigurationError(
                    f"{wanted.reference} is published, and is not what it is called: {found.reason}",
                    ways_out=("replace it: --force",),
                )
            case _:
                return False

    def _tell(self, wanted: WantedTorch, state: str, text: str, digest_reference: str | None = None) -> None:
        if not self.wants_json:
            self.result(text)
            return
        data: dict[str, Any] = {
            "state": state,
            "reference": wanted.reference,
            "published": digest_reference,
            "key": wanted.key.digest,
            "labels": dict(wanted.labels),
            "parts": [part._asdict() for part in wanted.key.parts],
        }
        self.result(json_document({"torch_image": data}))


def _looked_up(wanted: WantedTorch, options: BuildOptions) -> Found:
    from poetry_gpu_build.engine.published import look_up

    found = look_up(wanted.reference, wanted.labels, options.builder)
    if found.state == "unreachable":
        raise _unreachable(found)
    return found


def _unreachable(found: Found) -> EngineUnavailableError:
    return EngineUnavailableError(
        f"{found.reference} could not be looked for ({found.reason})",
        ways_out=("to see why: docker buildx imagetools inspect " + found.reference, "sign in: docker login"),
    )


def _explained(wanted: WantedTorch) -> str:
    lines = [f"torch image: {wanted.reference}", f"  key {wanted.key.digest}", "made from"]
    rows = [(f"{part.kind} {part.name}".rstrip(), _value(part)) for part in wanted.key.parts]
    width = max(len(name) for name, _ in rows)
    return "\n".join([*lines, *(f"  {name:<{width}}  {value}".rstrip() for name, value in rows)])


def _value(part: Part) -> str:
    if part.kind != "step":
        return f"{part.value}  ({part.text})" if part.text else part.value
    text = part.text if len(part.text) <= _LONGEST_STEP else f"{part.text[: _LONGEST_STEP - 1]}…"
    return f"{part.value[:_SHOWN_DIGEST]}  {text}"
