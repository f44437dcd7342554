"""Why the first uncached steps ran."""

from __future__ import annotations

import pytest

from poetry_gpu_build.report.inputs import Inputs
from poetry_gpu_build.report.inputs import StepInputs
from poetry_gpu_build.report.invalidation import NO_CACHE
from poetry_gpu_build.report.invalidation import UNEXPLAINED
from poetry_gpu_build.report.invalidation import UNKNOWN_BEFORE
from poetry_gpu_build.report.invalidation import Compared
from poetry_gpu_build.report.invalidation import causes
from poetry_gpu_build.report.invalidation import first_that_ran
from poetry_gpu_build.report.invalidation import key_of
from poetry_gpu_build.report.invalidation import merged

from .builders import inputs
from .builders import recorded_steps
from .builders import step

ALL = StepInputs("same", (".",), {})


def made(step_inputs: StepInputs = ALL, **known: dict[str, str]) -> Inputs:
    """The inputs of a build whose step 1 is made from these."""
    return inputs({"app/1": step_inputs}, **known)


def why(now: Inputs | None, before: Inputs | None, *, no_cache: bool = False) -> tuple[str, ...]:
    [cause] = causes([step(1)], "", Compared(now, before, no_cache))
    return cause.reasons


def test_the_first_steps_are_those_that_no_other_carried_along() -> None:
    assert [found.instruction for found in first_that_ran(recorded_steps("changed"))] == ["COPY . ."]
    steps = recorded_steps("failure", "binary", "source")
    assert [found.instruction for found in first_that_ran(steps)] == ["COPY . .", "COPY . /app"]


def test_a_step_behind_a_base_image_is_a_first_one() -> None:
    steps = (step(1, name="FROM x"), step(2, "s1"), step(3, "s2"))
    assert [found.id for found in first_that_ran(steps)] == ["s2"]


@pytest.mark.parametrize("state", ["cached", "unstarted"])
def test_what_did_not_run_has_no_cause(state: str) -> None:
    assert first_that_ran([step(1, state=state, start=None)]) == ()


def test_a_step_that_was_stopped_ran_too() -> None:
    assert len(first_that_ran([step(1, state="cancelled")])) == 1


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        ({"a": "644:1"}, {"a": "644:2"}, "a changed"),
        ({"a": "644:1"}, {}, "a is new"),
        ({}, {"a": "644:1"}, "a is gone"),
        ({"a": "755:1"}, {"a": "644:1"}, "a changed its mode from 644 to 755"),
        ({"a": "644:9~5"}, {"a": "644:9~4"}, "a changed (by its size or time: it is too large to be read)"),
        ({"a": "644:1", "b": "x", "c": "x"}, {"a": "644:2"}, "a changed, b is new, c is new"),
        (dict.fromkeys("abcde", "x"), {}, "a is new, b is new, c is new, and 2 more"),
        ({"a\n\x1b": "x"}, {}, "a\\n\\x1b is new"),
        ({"deps//poetry.lock": "644:2"}, {"deps//poetry.lock": "644:1"}, "poetry.lock of the context deps changed"),
    ],
)
def test_changed_files_are_named(now: dict[str, str], before: dict[str, str], expected: str) -> None:
    both = StepInputs("same", (".", "deps//."), {})
    assert why(made(both, files=now), made(both, files=before)) == (expected,)


def test_only_the_files_that_the_step_takes_are_named() -> None:
    one = StepInputs("same", ("pyproject.toml",), {})
    now, before = {"pyproject.toml": "644:1", "a": "644:2"}, {"pyproject.toml": "644:2", "a": "644:1"}
    assert why(made(one, files=now), made(one, files=before)) == ("pyproject.toml changed",)


def test_a_changed_variable_is_named_with_values_that_may_be_shown() -> None:
    now = made(StepInputs("same", (), {"A": "d1", "TOKEN": "d1"}), shown={"A": "2"})
    before = made(StepInputs("same", (), {"A": "d2", "TOKEN": "d2"}), shown={"A": "1"})
    assert why(now, before) == ("A changed from 1 to 2", "TOKEN changed (its values are not shown)")


def test_a_variable_that_came_or_went_is_named() -> None:
    now, before = StepInputs("same", (), {"A": "1"}), StepInputs("same", (), {"B": "1"})
    assert why(made(now), made(before)) == ("the variable A is new", "the variable B is gone")


def test_an_empty_value_is_called_nothing() -> None:
    now = made(StepInputs("same", (), {"A": "1"}), shown={"A": ""})
    before = made(StepInputs("same", (), {"A": "2"}), shown={"A": "x"})
    assert why(now, before) == ("A changed from x to nothing",)


def test_a_changed_instruction_says_all() -> None:
    now, before = StepInputs("new", (".",), {}), StepInputs("old", (".",), {})
    assert why(made(now, files={"a": "1"}), made(before)) == ("its instruction is new, or was changed",)


def test_a_step_that_was_not_there_is_new() -> None:
    assert why(made(), inputs()) == ("its instruction is new, or was changed",)


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        ("x:2", "x:1", "the base image changed from x:1 to x:2"),
        ("x:1 sha256:b", "x:1 sha256:a", "the base image x:1 is another one under the same name"),
        ("x:1", None, "its stage has another base"),
    ],
)
def test_another_base_image_is_told_for_the_steps_upon_it(now: str, before: str | None, expected: str) -> None:
    steps = (step(1, name="FROM x"), step(2, "s1"))
    same = {"app/2": StepInputs("same", (), {})}
    compared = Compared(inputs(same, bases={"app": now}), inputs(same, bases={"app": before} if before else {}))
    [cause] = causes(steps, "", compared)
    assert cause.reasons == (expected,)


def test_what_cannot_be_compared_says_so() -> None:
    assert why(made(), None) == (UNKNOWN_BEFORE,)
    assert why(None, made()) == (UNKNOWN_BEFORE,)
    assert why(made(), made(), no_cache=True) == (NO_CACHE,)
    assert why(made(), made()) == (UNEXPLAINED,)
    assert why(inputs(), inputs()) == (UNEXPLAINED,)


def test_the_steps_of_another_target_are_not_explained() -> None:
    assert causes([step(1, target="source")], "binary", Compared(None, None)) == ()


@pytest.mark.parametrize(
    ("stage", "expected"), [("app", "app/3"), ("", "/3"), ("linux/amd64 app", "app/3"), ("linux/amd64", "/3")]
)
def test_a_platform_is_no_part_of_the_key(stage: str, expected: str) -> None:
    assert key_of(step(3, stage=stage)) == expected


def test_of_a_build_that_ended_well_all_is_remembered() -> None:
    now = made()
    assert merged(now, made(StepInputs("old", (), {})), [step(1)]) == now


def test_of_a_build_that_failed_only_what_it_finished_is_remembered() -> None:
    new = {f"app/{number}": StepInputs("new", (source,), {}) for number, source in ((1, "a"), (2, "b"))}
    old = {f"app/{number}": StepInputs("old", (source,), {}) for number, source in ((1, "a"), (2, "b"))}
    now, before = inputs(new, files={"a": "new", "b": "new"}), inputs(old, files={"a": "old", "b": "old"})
    kept = merged(now, before, [step(1), step(2, "s1", state="failed")])
    assert {key: value.instruction for key, value in kept.steps.items()} == {"app/1": "new", "app/2": "old"}
    assert kept.files == {"a": "new", "b": "old"}
