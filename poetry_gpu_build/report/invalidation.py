"""Why the first uncached steps ran: the inputs of this build beside those of the last one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.lint.formats.characters import visible
from poetry_gpu_build.report.inputs import in_words
from poetry_gpu_build.report.inputs import is_by_time
from poetry_gpu_build.report.inputs import is_selected
from poetry_gpu_build.report.model import Cause

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.report.inputs import Inputs
    from poetry_gpu_build.report.inputs import StepInputs
    from poetry_gpu_build.report.model import Step

_NAMED_FILES = 3
_NAMED_VARIABLES = 5

UNKNOWN_BEFORE = "no earlier build with a report is known here to compare with"
NO_CACHE = "the build was told not to use the cache (--docker-no-cache)"
UNEXPLAINED = (
    "the cache had no answer, although nothing that is compared has changed: it was emptied, it is another builder's, "
    "or what the step takes from another image or address changed"
)


class Compared(NamedTuple):
    """What one target's build was made from, and what the last one was; None where that is not known."""

    now: Inputs | None
    before: Inputs | None
    no_cache: bool = False


def first_that_ran(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps that ran although nothing that they need had: those that were invalidated, not carried along."""
    ran = {step.id for step in steps if step.is_numbered and step.has_run}
    return tuple(step for step in steps if step.id in ran and ran.isdisjoint(step.inputs))


def causes(steps: Sequence[Step], target: str, compared: Compared) -> tuple[Cause, ...]:
    """Why the first steps of a target ran."""
    bases = {step.id for step in steps if step.kind == "stage" and step.keyword == "FROM"}
    return tuple(
        Cause(step.id, tuple(_reasons(step, compared, stands_on_base=not bases.isdisjoint(step.inputs))))
        for step in first_that_ran(steps)
        if step.target == target
    )


def key_of(step: Step) -> str:
    """The step's key in ``Inputs.steps``: its stage, without a platform before it, and its number."""
    words = step.stage.split()
    stage = words[-1] if words and "/" not in words[-1] else ""
    return f"{stage}/{step.number}"


def merged(now: Inputs, before: Inputs | None, steps: Sequence[Step]) -> Inputs:
    """What to remember: of the steps that the cache now holds the new inputs, of the others the old ones."""
    if before is None or all(step.state in ("run", "cached") for step in steps if step.is_numbered):
        return now
    done = {key_of(step) for step in steps if step.state in ("run", "cached")}
    kept = {key: inputs for key, inputs in before.steps.items() if key not in done}
    fresh = {key: inputs for key, inputs in now.steps.items() if key in done}
    # The files of a step that is not done stay those of the last build; of one that is, they are this build's.
    taken = [source for inputs in fresh.values() for source in inputs.sources]
    files = {path: mark for path, mark in before.files.items() if not is_selected(path, taken)}
    files |= {path: mark for path, mark in now.files.items() if is_selected(path, taken)}
    return now._replace(steps={**kept, **fresh}, files=files, shown={**before.shown, **now.shown})


def _reasons(step: Step, compared: Compared, *, stands_on_base: bool) -> Iterator[str]:
    if compared.no_cache:
        yield NO_CACHE
        return
    now, before = compared.now, compared.before
    if now is None or before is None:
        yield UNKNOWN_BEFORE
        return
    found = list(_changes(step, now, before, stands_on_base=stands_on_base))
    yield from found or [UNEXPLAINED]


def _changes(step: Step, now: Inputs, before: Inputs, *, stands_on_base: bool) -> Iterator[str]:
    key = key_of(step)
    stage = key.rpartition("/")[0]
    is_, was = now.steps.get(key), before.steps.get(key)
    if is_ is None:
        return
    if stands_on_base and before.bases.get(stage) != now.bases.get(stage):
        yield _base_change(before.bases.get(stage), now.bases.get(stage))
    if was is None or was.instruction != is_.instruction:
        yield "its instruction is new, or was changed"
        return
    yield from _variable_changes(is_, was, now, before)
    yield from _file_changes(is_, now, before)


def _base_change(was: str | None, is_: str | None) -> str:
    if was is None or is_ is None:
        return "its stage has another base"
    name, _, _ = is_.partition(" ")
    if was.partition(" ")[0] == name:
        return f"the base image {visible(name)} is another one under the same name"
    return f"the base image changed from {visible(was.partition(' ')[0])} to {visible(name)}"


def _variable_changes(is_: StepInputs, was: StepInputs, now: Inputs, before: Inputs) -> Iterator[str]:
    names = sorted(
        name
        for name in is_.variables.keys() | was.variables.keys()
        if is_.variables.get(name) != was.variables.get(name)
    )
    for name in names[:_NAMED_VARIABLES]:
        shown = visible(name)
        if name not in was.variables:
            yield f"the variable {shown} is new"
        elif name not in is_.variables:
            yield f"the variable {shown} is gone"
        elif name in now.shown and name in before.shown and now.shown[name] != before.shown[name]:
            yield f"{shown} changed from {_value(before.shown[name])} to {_value(now.shown[name])}"
        else:
            yield f"{shown} changed (its values are not shown)"
    if len(names) > _NAMED_VARIABLES:
        yield f"{len(names) - _NAMED_VARIABLES} more variables changed"


def _value(text: str) -> str:
    return visible(text) or "nothing"


def _file_changes(is_: StepInputs, now: Inputs, before: Inputs) -> Iterator[str]:
    if not is_.sources:
        return
    paths = [
        path
        for path in sorted(now.files.keys() | before.files.keys())
        if now.files.get(path) != before.files.get(path) and is_selected(path, is_.sources)
    ]
    if not paths:
        return
    told = [_file_change(path, now.files.get(path), before.files.get(path)) for path in paths[:_NAMED_FILES]]
    more = len(paths) - len(told)
    yield ", ".join(told) + (f", and {more} more" if more else "")


def _file_change(path: str, is_: str | None, was: str | None) -> str:
    name = visible(in_words(path))
    if was is None:
        return f"{name} is new"
    if is_ is None:
        return f"{name} is gone"
    if is_by_time(is_) or is_by_time(was):
        return f"{name} changed (by its size or time: it is too large to be read)"
    if is_.partition(":")[2] == was.partition(":")[2]:
        return f"{name} changed its mode from {was.partition(':')[0]} to {is_.partition(':')[0]}"
    return f"{name} changed"
