"""Puts a report together from what was told, compared and measured. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.lint.formats.characters import visible
from poetry_gpu_build.report.critical_path import critical_path
from poetry_gpu_build.report.inputs import MAXIMUM_FILES
from poetry_gpu_build.report.invalidation import causes
from poetry_gpu_build.report.layers import instruction_of
from poetry_gpu_build.report.layers import with_layers
from poetry_gpu_build.report.model import Report
from poetry_gpu_build.report.steps import timed_steps

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping

    from poetry_gpu_build.report.invalidation import Compared
    from poetry_gpu_build.report.model import ImageSize
    from poetry_gpu_build.report.model import Outcome
    from poetry_gpu_build.report.status import Vertex


class Told(NamedTuple):
    """What is known of a build."""

    title: str
    outcome: Outcome
    error: str
    engine: str
    vertices: tuple[Vertex, ...]
    unseen: int
    """How many more steps there were."""
    compared: Mapping[str, Compared]
    """By target, what each was made from."""
    images: Mapping[str, ImageSize]
    """By target, what the engine now has."""
    notes: tuple[str, ...] = ()


def make_report(told: Told, redact: Callable[[str], str]) -> Report:
    """The report; ``redact`` hides what must not be in it."""
    targets = tuple(told.compared)
    # BuildKit's client names the target before a step only where there are several.
    alone = targets[0] if len(targets) == 1 else None
    timed = timed_steps(told.vertices, () if alone else targets, redact)
    steps = timed.steps
    for target, image in told.images.items():
        steps = with_layers(steps, "" if target == alone else target, image)
    found = [
        cause
        for target, compared in told.compared.items()
        for cause in causes(steps, "" if target == alone else target, compared)
    ]
    return Report(
        title=visible(redact(told.title)),
        outcome=told.outcome,
        error=visible(redact(told.error)),
        began=timed.began,
        seconds=timed.seconds,
        engine=visible(told.engine),
        steps=steps,
        critical_path=critical_path(steps),
        causes=tuple(cause._replace(reasons=tuple(map(redact, cause.reasons))) for cause in found),
        images=tuple(_shown(image, redact) for image in told.images.values()),
        notes=tuple(map(visible, (*told.notes, *_notes(told)))),
    )


def _shown(image: ImageSize, redact: Callable[[str], str]) -> ImageSize:
    layers = tuple(
        layer._replace(made_by=visible(redact(instruction_of(layer.made_by))) or "(no instruction is recorded)")
        for layer in image.layers
    )
    return image._replace(name=visible(image.name), layers=layers)


def _notes(told: Told) -> list[str]:
    notes = []
    if not told.vertices:
        notes.append("the engine told nothing of its steps")
    if told.unseen:
        notes.append(f"{told.unseen} more steps are not shown: this is more than any real build has")
    if any(compared.now is not None and not compared.now.is_complete for compared in told.compared.values()):
        notes.append(f"the build context holds more than {MAXIMUM_FILES} files; only the first were compared")
    return notes
