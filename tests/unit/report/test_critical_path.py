"""The chain of steps that decided how long a build took."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from poetry_gpu_build.report.critical_path import critical_path
from poetry_gpu_build.report.critical_path import longest_chain

from .builders import recorded_steps
from .builders import step


def test_the_longer_of_two_branches_decides() -> None:
    path = longest_chain(
        {"a": 1, "short": 2, "long": 5, "end": 1}, {"short": ["a"], "long": ["a"], "end": ["short", "long"]}
    )
    assert path.steps == ("a", "long", "end")
    assert path.seconds == 7


def test_a_graph_without_steps_has_no_path() -> None:
    assert longest_chain({}, {}) == ((), 0.0)


def test_a_ring_ends() -> None:
    path = longest_chain({"a": 1, "b": 1, "c": 1}, {"a": ["c"], "b": ["a"], "c": ["b"]})
    assert len(path.steps) == len(set(path.steps))


def test_a_step_that_needs_itself_ends() -> None:
    assert longest_chain({"a": 3}, {"a": ["a"]}) == (("a",), 3)


def test_a_chain_of_thousands_needs_no_recursion() -> None:
    names = [str(number) for number in range(20_000)]
    path = longest_chain(dict.fromkeys(names, 1), {after: [before] for before, after in pairwise(names)})
    assert path.seconds == 20_000


@pytest.mark.parametrize("seed", range(60))
def test_no_chain_of_a_random_build_is_longer(seed: int) -> None:
    """Held against every chain there is, walked one by one."""
    chance = random.Random(seed)
    names = [f"n{number}" for number in range(chance.randint(1, 9))]
    seconds = {name: chance.choice([0, 1, 2, 7]) for name in names}
    inputs = {name: [other for other in names[:at] if chance.random() < 0.4] for at, name in enumerate(names)}
    shuffled = dict(chance.sample(sorted(seconds.items()), len(seconds)))

    def heaviest(name: str) -> int:
        return seconds[name] + max(map(heaviest, inputs[name]), default=0)

    path = longest_chain(shuffled, inputs)
    assert path.seconds == max(map(heaviest, names))
    assert path.seconds == sum(seconds[name] for name in path.steps)
    assert all(before in inputs[after] for before, after in pairwise(path.steps))


def test_an_export_waits_for_the_last_step_though_buildkit_does_not_say_so() -> None:
    steps = recorded_steps("cold")
    path = critical_path(steps)
    named = [steps[int(name[1:]) - 1].instruction for name in path.steps]
    assert named[-2:] == ["RUN sleep 0.2; echo done", "exporting to image"]
    assert named[0] == "load build definition from Dockerfile"
    assert 3.2 < path.seconds < 3.5


def test_the_path_of_two_targets_stays_in_one_but_for_what_they_share() -> None:
    steps = recorded_steps("shared", "x", "y")
    named = [steps[int(name[1:]) - 1].instruction for name in critical_path(steps).steps]
    assert named[-3:] == ["RUN sleep 1; echo common", "RUN sleep 2; echo b", "RUN sleep 1"]


def test_what_was_cached_is_not_named() -> None:
    steps = (step(1, state="cached", seconds=0.0), step(2, "s1", seconds=3.0))
    assert critical_path(steps) == (("s2",), 3.0)


def test_what_was_never_started_is_not_on_the_path() -> None:
    steps = (step(1, seconds=3.0), step(2, "s1", state="unstarted", seconds=0.0, start=None, end=None))
    assert critical_path(steps) == (("s1",), 3.0)
