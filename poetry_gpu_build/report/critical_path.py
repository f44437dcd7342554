"""Which chain of steps decided how long a build took. Pure."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from poetry_gpu_build.report.model import CriticalPath

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.report.model import Step

# How many of the steps that ended last are asked whether a step without inputs waited for them.
_MOST_WAITED_FOR = 200


def critical_path(steps: Sequence[Step]) -> CriticalPath:
    """The chain through the steps' inputs that took the longest together.

    BuildKit tells no inputs of some steps: of an export, of what is loaded before the first stage. Such a one waited
    for what had ended when it began, in its own target, and that no other step takes in.
    """
    seconds = {step.id: step.seconds for step in steps if step.start is not None}
    chain = longest_chain(seconds, _waits(steps))
    # What the cache answered holds the chain together, and decided nothing.
    cached = {step.id for step in steps if step.state == "cached"}
    return chain._replace(steps=tuple(name for name in chain.steps if name not in cached))


def longest_chain(seconds: Mapping[str, float], inputs: Mapping[str, Sequence[str]]) -> CriticalPath:
    """The heaviest chain in a graph of steps. Inputs that are no steps do not count; a ring is cut somewhere.

    >>> longest_chain({"a": 1, "b": 5, "c": 2}, {"c": ["a", "b"]})
    CriticalPath(steps=('b', 'c'), seconds=7)
    """
    weights, before = weigh(seconds, inputs)
    at = max(weights, key=lambda name: weights[name], default=None)
    total = weights[at] if at is not None else 0.0
    chain: list[str] = []
    while at is not None:
        chain.append(at)
        at = before[at]
    return CriticalPath(tuple(reversed(chain)), total)


def weigh(
    seconds: Mapping[str, float], inputs: Mapping[str, Sequence[str]]
) -> tuple[dict[str, float], dict[str, str | None]]:
    """How heavy the heaviest chain up to each step is, and the step before it in that chain.

    Without recursion: a build of a thousand steps one behind the other is legal.
    """
    weights: dict[str, float] = {}
    before: dict[str, str | None] = {}
    seen: set[str] = set()
    for root in seconds:
        stack = [root]
        while stack:
            step = stack[-1]
            if step in weights:
                stack.pop()
                continue
            known = [name for name in inputs.get(step, ()) if name in seconds]
            if step not in seen:
                seen.add(step)
                stack += [name for name in known if name not in seen]
                continue
            last = max((name for name in known if name in weights), key=lambda name: weights[name], default=None)
            before[step] = last
            weights[step] = seconds[step] + (weights[last] if last is not None else 0)
            stack.pop()
    return weights, before


def _waits(steps: Sequence[Step]) -> dict[str, tuple[str, ...]]:
    """The inputs of each step, those that BuildKit does not tell included."""
    taken = {name for step in steps for name in step.inputs}
    free = sorted((step.end, step.id, step) for step in steps if step.id not in taken and step.end is not None)
    ends = [end for end, _, _ in free]
    waits: dict[str, tuple[str, ...]] = {}
    for step in steps:
        done = bisect_right(ends, step.start) if step.start is not None else 0
        last = [other for _, _, other in free[max(done - _MOST_WAITED_FOR, 0) : done]]
        waits[step.id] = step.inputs or tuple(other.id for other in last if _may_wait(step, other))
    return waits


def _may_wait(step: Step, other: Step) -> bool:
    # What is shared, or belongs to the whole build, has no target of its own to differ from.
    return other.id != step.id and (not other.target or not step.target or other.target == step.target)
