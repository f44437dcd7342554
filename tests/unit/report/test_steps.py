"""BuildKit's vertices as the steps of a report."""

from __future__ import annotations

import pytest

from poetry_gpu_build.report.status import Interval
from poetry_gpu_build.report.status import Part
from poetry_gpu_build.report.steps import Name
from poetry_gpu_build.report.steps import parse_name
from poetry_gpu_build.report.steps import timed_steps

from .builders import recorded_steps
from .builders import vertex

BOTH = ("binary", "source")


@pytest.mark.parametrize(
    ("name", "targets", "expected"),
    [
        ("[app 3/9] RUN make", (), Name("stage", "", "app", 3, "RUN make")),
        ("[1/2] FROM a", (), Name("stage", "", "", 1, "FROM a")),
        ("[stage-0 2/2] RUN x", (), Name("stage", "", "stage-0", 2, "RUN x")),
        ("[linux/amd64 app 2/2] RUN x", (), Name("stage", "", "linux/amd64 app", 2, "RUN x")),
        ("[binary app 2/2] RUN x", BOTH, Name("stage", "binary", "app", 2, "RUN x")),
        ("[binary 2/2] RUN x", BOTH, Name("stage", "binary", "", 2, "RUN x")),
        # Without several targets the first word is a stage, whatever it is called.
        ("[binary 2/2] RUN x", (), Name("stage", "", "binary", 2, "RUN x")),
        ("[internal] load .dockerignore", (), Name("prepare", "", "", 0, "load .dockerignore")),
        ("[source internal] load .dockerignore", BOTH, Name("prepare", "source", "", 0, "load .dockerignore")),
        ("[auth] library/busybox:pull token", (), Name("prepare", "", "", 0, "auth: library/busybox:pull token")),
        ("[context deps] load from client", (), Name("prepare", "", "", 0, "context deps: load from client")),
        ("[binary] exporting to image", BOTH, Name("export", "binary", "", 0, "exporting to image")),
        ("exporting to image", (), Name("export", "", "", 0, "exporting to image")),
        ("pushing app:1 with docker", (), Name("export", "", "", 0, "pushing app:1 with docker")),
        ("exporting cache to registry", (), Name("export", "", "", 0, "exporting cache to registry")),
        ("importing cache manifest from x", (), Name("prepare", "", "", 0, "importing cache manifest from x")),
        ("[app 1/1] RUN [ -f x ] && echo ]", (), Name("stage", "", "app", 1, "RUN [ -f x ] && echo ]")),
        ("", (), Name("prepare", "", "", 0, "")),
        ("[", (), Name("prepare", "", "", 0, "[")),
        ("[] x", (), Name("prepare", "", "", 0, "x")),
        ("[app 99999999/1] RUN x", (), Name("prepare", "", "", 0, "app 99999999/1: RUN x")),
    ],
)
def test_names_are_taken_apart(name: str, targets: tuple[str, ...], expected: Name) -> None:
    assert parse_name(name, targets) == expected


def states(name: str, *targets: str) -> dict[str, str]:
    return {step.instruction: step.state for step in recorded_steps(name, *targets) if step.is_numbered}


def test_of_a_cold_build_every_step_ran() -> None:
    assert set(states("cold").values()) == {"run"}


def test_of_a_build_with_a_changed_file_only_what_follows_ran() -> None:
    assert [name for name, state in states("changed").items() if state == "run"] == [
        "COPY . .",
        "RUN sleep 0.2; echo done",
    ]


def test_of_a_failed_build_the_step_that_failed_is_told_with_its_words() -> None:
    [failed] = [step for step in recorded_steps("failure", *BOTH) if step.state == "failed"]
    assert (failed.target, failed.stage, failed.number) == ("source", "app", 4)
    assert failed.log == ("source", "error: no <b>kernel</b>")


def test_of_a_stopped_build_what_was_at_work_is_cancelled_and_the_rest_was_not_started() -> None:
    assert states("interrupted", "x", "y") == {
        "RUN sleep 1; echo common": "cancelled",
        "RUN sleep 0.5; echo a": "unstarted",
        "RUN sleep 2; echo b": "unstarted",
        "RUN sleep 1": "unstarted",
    }


def test_a_step_that_two_targets_share_is_one_and_its_time_counts_once() -> None:
    steps = recorded_steps("shared", "x", "y")
    [common] = [step for step in steps if step.instruction == "RUN sleep 1; echo common"]
    assert common.end is not None
    assert common.start is not None
    assert common.seconds == pytest.approx(common.end - common.start)
    assert common.state == "run"


def test_what_buildx_does_by_itself_is_no_step() -> None:
    assert not any("bake definitions" in step.name for step in recorded_steps("cold"))


def test_stages_come_in_the_order_in_which_they_are_needed() -> None:
    stages = [step.stage for step in recorded_steps("changed") if step.kind == "stage"]
    assert list(dict.fromkeys(stages)) == ["mode", "base", "app"]


def test_preparations_come_first_and_exports_last() -> None:
    kinds = [step.kind for step in recorded_steps("failure", *BOTH)]
    assert kinds == sorted(kinds, key=["prepare", "stage", "export"].index)


def test_times_count_from_the_first_moment() -> None:
    timed = timed_steps(
        [vertex("a", "[app 1/2] RUN x", start=5, end=7), vertex("b", "[app 2/2] RUN y", "a", start=7, end=9)]
    )
    assert timed.began == 1005.0
    assert [(step.start, step.end) for step in timed.steps] == [(0.0, 2.0), (2.0, 4.0)]
    assert [step.seconds for step in timed.steps] == [2.0, 2.0]


def test_overlapping_and_separate_times_are_added_once() -> None:
    made = vertex("a", "[app 1/1] RUN x")._replace(
        intervals=tuple(Interval(start, end, is_cached=False) for start, end in ((0, 4), (2, 5), (3, 4), (10, 11)))
    )
    [step] = timed_steps([made]).steps
    assert step.seconds == 6.0


def test_bytes_are_those_that_were_moved() -> None:
    parts = (Part("sha256:1", 100, 1.0), Part("sha256:2", 50, 1.0), Part("extracting sha256:1", 100, 1.0))
    [step] = timed_steps([vertex("a", "[app 1/1] FROM x")._replace(parts=parts)]).steps
    assert step.transferred == 150


def test_a_base_image_that_was_looked_at_and_found_is_cached() -> None:
    looked = (Interval(1.0, 1.1, is_cached=False), Interval(1.1, 1.1, is_cached=True))
    [step] = timed_steps([vertex("a", "[app 1/1] FROM x")._replace(intervals=looked)]).steps
    assert step.state == "cached"


def test_a_step_that_ran_for_one_target_and_was_cached_for_the_other_ran() -> None:
    both = (Interval(1.0, 5.0, is_cached=False), Interval(6.0, 6.0, is_cached=True))
    steps = timed_steps([vertex("a", "[app 1/2] FROM x"), vertex("b", "[app 2/2] RUN x", "a")._replace(intervals=both)])
    assert steps.steps[1].state == "run"


def test_no_steps_are_no_time() -> None:
    assert timed_steps([]) == ((), None, 0.0)


def test_a_hostile_name_is_one_printable_line() -> None:
    [step] = timed_steps([vertex("a", "[app 1/1] RUN \x1b[31m\nred \u202e")]).steps
    assert step.name == "[app 1/1] RUN \\x1b[31m\\nred \\u202e"


def test_colours_and_progress_of_a_terminal_are_not_in_the_last_words() -> None:
    made = vertex("a", "[app 1/1] RUN x", error="no", log=("\x1b[31merror:\x1b[0m\tno", "10%\r50%\r100%\r", "\x1b]0;x"))
    [step] = timed_steps([made]).steps
    assert step.log == ("error:  no", "100%", "\\x1b]0;x")


def test_what_is_to_be_hidden_is_hidden_everywhere() -> None:
    made = vertex("a", "[app 1/1] RUN x secret", error="secret", log=("my secret",))
    [step] = timed_steps([made], redact=lambda text: text.replace("secret", "***")).steps
    assert "secret" not in repr(step)


def test_rings_and_unknown_inputs_do_no_harm() -> None:
    steps = timed_steps([vertex("a", "[app 1/2] RUN x", "b", "z"), vertex("b", "[app 2/2] RUN y", "a")]).steps
    assert [step.inputs for step in steps] == [("s2",), ("s1",)]
