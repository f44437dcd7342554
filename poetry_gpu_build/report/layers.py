"""Which step made which layer of an image. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

    from poetry_gpu_build.report.model import ImageSize
    from poetry_gpu_build.report.model import Step

_FLAGS = lazy_pattern(r"\A([A-Z]+)(?:\s+--[a-z][a-z-]*(?:=\S*)?(?=\s))+\s+")
_VARIABLE = lazy_pattern(r"\$(?:\{[^{}]*\}|[A-Za-z_][A-Za-z0-9_]*)")

# RUN <<EOF (the first line...)
_HEREDOC = lazy_pattern(r"<<.* \((.*)\.\.\.\)\Z")


def instruction_of(made_by: str) -> str:
    """What stands in the Dockerfile, without what BuildKit records around it: the arguments in force, and its name.

    >>> instruction_of("RUN |1 VERSION=3.10 /bin/sh -c make # buildkit")
    'RUN make'
    """
    head, shell, command = made_by.partition("/bin/sh -c ")
    text = f"RUN {command}" if shell and head.startswith("RUN ") else made_by
    return text.removesuffix(" # buildkit")


def without_flags(instruction: str) -> str:
    """What an instruction does, without how: mounts, platforms, and runs of blanks.

    >>> without_flags("RUN --mount=type=cache,target=/x    --network=none make  all")
    'RUN make all'
    """
    return " ".join(_FLAGS.sub(r"\1 ", instruction).split())


def with_layers(steps: Sequence[Step], target: str, image: ImageSize) -> tuple[Step, ...]:
    """The steps, each that made a layer of this target's image with the layer's size.

    An image records its instructions one behind the other, as the last stage and those below it have them. From the
    end backwards each is looked for; what has no like in the other stays without.
    """
    sizes: dict[str, int] = {}
    left = [(instruction_of(layer.made_by), layer.size) for layer in image.layers]
    chain = _chain(steps, target)
    for step in chain:
        for back, (text, size) in enumerate(reversed(left)):
            if _is_same(step, text):
                sizes[step.id] = size
                del left[len(left) - 1 - back :]
                break
    # Of equal steps one may have added nothing, and an image does not tell which: no size is better than a wrong one.
    unsure = {without_flags(step.instruction) for step in chain if step.id not in sizes}
    for step in chain:
        if without_flags(step.instruction) in unsure:
            sizes.pop(step.id, None)
    return tuple(step._replace(layer=sizes.get(step.id, step.layer)) for step in steps)


def _chain(steps: Sequence[Step], target: str) -> list[Step]:
    """The steps that became the image, the last first: each stands on the first of its inputs."""
    known = {step.id: step for step in steps}
    taken = {name for step in steps for name in step.inputs}
    ends = [step for step in steps if step.is_numbered and step.id not in taken and step.target == target]
    chain: list[Step] = []
    at = ends[-1] if ends else None
    while at is not None and at.is_numbered and len(chain) <= len(steps):
        chain.append(at)
        at = known.get(at.inputs[0]) if at.inputs else None
    return chain


def _is_same(step: Step, recorded: str) -> bool:
    if step.keyword != recorded.partition(" ")[0].upper():
        return False
    # The image records no flags.
    shown, recorded = without_flags(step.instruction), " ".join(recorded.split())
    heredoc = _HEREDOC.search(shown)
    if heredoc is not None:  # a step shows how it begins, the image records all that it holds
        begin = f"RUN {heredoc[1]}"
        return recorded.startswith(begin) or _is_filled_in(begin, recorded[: len(begin)])
    if "<<" in shown:
        return recorded.startswith(shown)
    return _is_filled_in(shown, recorded)


def _is_filled_in(shown: str, recorded: str) -> bool:
    """Whether one text is the other with its variables filled in, as BuildKit does in the names of its steps."""
    first, *middle = _VARIABLE.split(recorded)
    if not middle:
        return shown == recorded
    *middle, last = middle
    at = len(first)
    if not shown.startswith(first) or not shown.endswith(last):
        return False
    for piece in middle:
        at = shown.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return at + len(last) <= len(shown)
