"""Which stages of a Dockerfile another one is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Dockerfile
    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.documents.dockerfile.model import Stage


def stages_for(dockerfile: Dockerfile, stage: Stage) -> tuple[Stage, ...]:
    """The stage and all that it is made from, in the order of the file."""
    found = {stage.number: stage}
    left = [stage]
    while left:
        for other in _made_from(dockerfile, left.pop()):
            if other.number not in found:
                found[other.number] = other
                left.append(other)
    return tuple(found[number] for number in sorted(found))


def origin(dockerfile: Dockerfile, instruction: Instruction, reference: str) -> Stage | None:
    """The earlier stage that ``--from`` or a mount's ``from`` means; None for an image."""
    # Of two stages of one name the nearest above: what stands below is not known yet.
    return dockerfile._replace(stages=dockerfile.stages[: instruction.stage_number]).stage(reference)


def _made_from(dockerfile: Dockerfile, stage: Stage) -> Iterator[Stage]:
    if stage.parent is not None:
        yield stage.parent
    for instruction in stage.instructions:
        references = [mount.from_stage for mount in instruction.mounts()]
        if instruction.keyword in ("COPY", "ADD"):
            references.append(instruction.expand(instruction.flag_value("from")).value)
        for reference in references:
            other = origin(dockerfile, instruction, reference)
            if other is not None:
                yield other
