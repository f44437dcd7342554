"""The proof of an image: for the command that asks for it, and behind a build."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from typing import Any

from cleo.helpers import option

from poetry_gpu_build.engine.preflight import DOCKER_DRIVER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cleo.io.inputs.option import Option

    from poetry_gpu_build.commands.base import GpuBuildBaseCommand
    from poetry_gpu_build.engine.image import BuiltImage
    from poetry_gpu_build.engine.options import BuildOptions
    from poetry_gpu_build.engine.preflight import Engine
    from poetry_gpu_build.engine.verify import Verification
    from poetry_gpu_build.errors import ProofFailedError
    from poetry_gpu_build.plan import Plan

COMMAND = "poetry gpu-build verify"
_LONGEST_INSTRUCTION = 90


def no_verify_option() -> Option:
    """The option that a command offers if it proves what it built."""
    return option("no-verify", None, "Do not prove the built image.")


def verify(image: BuiltImage, plan: Plan) -> Verification:
    """Hold an image against its plan, on this machine."""
    from poetry_gpu_build import resources
    from poetry_gpu_build.engine.verify import verify_image
    from poetry_gpu_build.facts.load import load_compatibility
    from poetry_gpu_build.gpu.detect import find_gpus

    facts = resources.policies_dir() / "facts"
    machine = find_gpus(environment=os.environ, facts_dir=facts).gpus
    return verify_image(image, plan, machine, load_compatibility(facts))


def verify_built(
    command: GpuBuildBaseCommand, plans: Sequence[Plan], options: BuildOptions, engine: Engine
) -> dict[str, Any]:
    """Prove what was built, unless `--no-verify` is given; what the command's JSON document holds of it.

    The lines are shown on stderr. Raises ProofFailedError where one fails, after all images were looked at.
    """
    if command.option("no-verify"):
        return {}
    reason = why_not_local(options, engine)
    if reason is not None:
        command.note(f"note: nothing was verified: {reason}")
        return {"images": []}
    from poetry_gpu_build.engine.image import inspect_image

    done = [verify(inspect_image(plan.tags[0]), plan) for plan in plans]
    for verification in done:
        command.note(as_text(verification, layers=False))
    failed = [verification for verification in done if not verification.is_proven]
    if failed:
        raise proof_error(failed)
    return {"images": [as_data(verification) for verification in done]}


def why_not_local(options: BuildOptions, engine: Engine) -> str | None:
    """Why the image cannot be looked at where it was built; None where it can."""
    if options.stage is not None:
        return f"the stage {options.stage} is no whole image"
    if options.changes_the_image:
        return f"--set made another image than the plan's; to do it: {COMMAND} NAME"
    if options.load or (engine.driver == DOCKER_DRIVER and not options.outputs):
        return None
    return f"the image is not in the local Docker; to do it: docker pull NAME && {COMMAND} NAME"


def proof_error(failed: Sequence[Verification]) -> ProofFailedError:
    """The error that says which images are not what their plan says."""
    from poetry_gpu_build.commands.proof_lines import proof_failed
    from poetry_gpu_build.lint.formats.characters import visible

    names = ", ".join(visible(verification.image.name) for verification in failed)
    return proof_failed(
        f"{names} is not what the plan says", [line for verification in failed for line in verification.lines]
    )


def as_text(verification: Verification, *, layers: bool = True) -> str:
    """A line for each claim, with what was seen; then the layers."""
    from poetry_gpu_build.commands.proof_lines import text_lines
    from poetry_gpu_build.lint.formats.characters import visible
    from poetry_gpu_build.report.words import size_in_words

    image = verification.image
    number = f"{len(image.layers)} layer{'' if len(image.layers) == 1 else 's'}"
    text = [f"{visible(image.name)}: {size_in_words(image.size)} in {number}", *text_lines(verification.lines)]
    if layers:
        text.append("layers")
        for layer in image.layers:
            made_by = _instruction(layer.made_by)
            shown = made_by if len(made_by) <= _LONGEST_INSTRUCTION else f"{made_by[: _LONGEST_INSTRUCTION - 1]}…"
            text.append(f"  {size_in_words(layer.size):>8}  {shown}")
    return "\n".join(text)


def _instruction(made_by: str) -> str:
    from poetry_gpu_build.lint.formats.characters import visible
    from poetry_gpu_build.report.layers import instruction_of

    return visible(instruction_of(made_by)) or "(no instruction is recorded)"


def as_data(verification: Verification) -> dict[str, Any]:
    """The same for machines."""
    from poetry_gpu_build.commands.proof_lines import line_data
    from poetry_gpu_build.lint.formats.characters import well_formed

    image = verification.image
    return {
        "name": well_formed(image.name),
        "id": image.id,
        "size": image.size,
        "labels": {well_formed(name): well_formed(value) for name, value in image.labels.items()},
        "layers": [{"size": layer.size, "made_by": well_formed(layer.made_by)} for layer in image.layers],
        "proven": verification.is_proven,
        "proof": line_data(verification.lines),
    }
