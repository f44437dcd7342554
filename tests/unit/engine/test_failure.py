from __future__ import annotations

import json
import time
from base64 import b64encode
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.engine.failure import OUTPUT_LINES
from poetry_gpu_build.engine.failure import Failure
from poetry_gpu_build.engine.failure import read_failure

if TYPE_CHECKING:
    from collections.abc import Callable

    Recorded = Callable[[str], str]

# What the recorded Dockerfile says, line by line.
STEP = "[3/3] RUN <<SCRIPT (set -eu...)"
SAID = ("compiling torch", "error: kernel.cu(3): expected a ;")
KILLED = "c++: fatal error: Killed signal terminated program cc1plus"


@pytest.mark.parametrize("form", ["plain", "tty", "rawjson"])
def test_a_step_that_failed_is_named_with_its_line_its_output_and_its_exit_code(recorded: Recorded, form: str) -> None:
    failure = read_failure(recorded(f"bake-failure-{form}"))
    assert failure.step == STEP
    assert (failure.dockerfile, failure.line) == ("ok1.Dockerfile", 3)
    assert set(failure.output) == set(SAID)
    assert failure.exit_code == 1
    assert "did not complete successfully: exit code: 1" in failure.error


@pytest.mark.parametrize("form", ["plain", "tty", "rawjson"])
def test_a_step_that_was_killed_is_known_by_its_exit_code(recorded: Recorded, form: str) -> None:
    failure = read_failure(recorded(f"bake-failure-{form}-137"))
    assert (failure.dockerfile, failure.line) == ("ok137.Dockerfile", 3)
    assert set(failure.output) == {*SAID, KILLED}
    assert failure.exit_code == 137


@pytest.mark.parametrize("form", ["plain", "tty"])
def test_the_output_has_no_time_and_no_terminal_code(recorded: Recorded, form: str) -> None:
    assert read_failure(recorded(f"bake-failure-{form}")).output == SAID


@pytest.mark.parametrize("form", ["plain", "rawjson"])
def test_a_base_image_that_cannot_be_reached_is_no_process(recorded: Recorded, form: str) -> None:
    failure = read_failure(recorded(f"bake-missing-base-{form}"))
    assert failure.step == "[internal] load metadata for docker.io/nvidia/cuda:0.0.0-none"
    assert (failure.dockerfile, failure.line) == ("missing.Dockerfile", 1)
    assert failure.exit_code is None
    assert failure.error.startswith("nvidia/cuda:0.0.0-none: failed to resolve source metadata")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("bake-no-daemon-plain", "Cannot connect to the Docker daemon at unix:///tmp/nowhere.sock. "),
        ("bake-no-daemon-rawjson", "Cannot connect to the Docker daemon at unix:///tmp/nowhere.sock. "),
        ("bake-unknown-builder-plain", 'no builder "nobody" found'),
    ],
)
def test_an_engine_that_is_not_there_is_its_own_last_word(recorded: Recorded, name: str, error: str) -> None:
    failure = read_failure(recorded(name))
    assert failure.step is None
    assert failure.error.startswith(error)
    assert failure.line == 0


@pytest.mark.parametrize("indent", [None, 2])
def test_json_is_read_one_object_a_line_and_over_many_lines(indent: int | None) -> None:
    # buildx 0.29 and newer write one a line, 0.13 indents.
    documents = [
        {"vertexes": [{"digest": "a", "name": "[1/2] FROM x"}, {"digest": "b", "name": "[2/2] RUN y"}]},
        {"logs": [{"vertex": "b", "data": b64encode(b"second\n").decode(), "timestamp": "2"}]},
        {"logs": [{"vertex": "b", "data": b64encode(b"first\n").decode(), "timestamp": "1"}]},
        {"logs": [{"vertex": "a", "data": b64encode(b"other\n").decode(), "timestamp": "3"}]},
        {"vertexes": [{"digest": "b", "name": "[2/2] RUN y", "error": "process ... exit code: 2"}]},
        {"vertexes": [{"digest": "a", "name": "[1/2] FROM x", "error": "context canceled"}]},
    ]
    text = "\n".join(json.dumps(document, indent=indent) for document in documents)
    failure = read_failure(f"{text}\nERROR: process y did not complete successfully: exit code: 2\n")
    assert failure.step == "[2/2] RUN y"
    assert failure.output == ("first", "second")
    assert failure.exit_code == 2


def test_only_the_last_lines_of_a_step_are_kept() -> None:
    lines = "\n".join(f"0.1 line {number}" for number in range(100))
    failure = read_failure(f"------\n > [1/1] RUN x:\n{lines}\n------\nERROR: x\n")
    assert failure.output == tuple(f"line {number}" for number in range(100 - OUTPUT_LINES, 100))


def test_the_last_of_several_failures_counts() -> None:
    text = "------\n > a:\n0.1 one\n------\n------\n > b:\n0.1 two\n------\nERROR: first\nERROR: last\n"
    failure = read_failure(text)
    assert (failure.step, failure.output, failure.error) == ("b", ("two",), "last")


def test_a_failed_target_of_several_is_not_part_of_the_error() -> None:
    assert read_failure("ERROR: target source: failed to solve: process x\n").error == "process x"


def test_a_step_without_output_has_none() -> None:
    assert read_failure("------\n > [internal] load metadata:\n------\nERROR: x\n").output == ()


def test_the_exit_code_of_a_long_script_is_found_at_its_end() -> None:
    script = "echo x\\n" * 5000
    text = f'------\n > RUN x:\n------\nERROR: process "{script}" did not complete successfully: exit code: 137\n'
    assert read_failure(text).exit_code == 137


# --- any text gives an answer, and soon


def test_no_output_is_no_reason() -> None:
    assert read_failure("") == Failure(error="buildx gave no reason")


MEGABYTE = 2**20


@pytest.mark.parametrize(
    "text",
    [
        "{" * MEGABYTE,
        "{\n" * (MEGABYTE // 2),
        '{"a":' * (MEGABYTE // 5),
        '{"a":\n' * (MEGABYTE // 6),
        '{"vertexes":[\n' * (MEGABYTE // 14),
        "{}\n" * (MEGABYTE // 3),
        "[\n" * (MEGABYTE // 2),
        "------\n" * (MEGABYTE // 7),
        "------\n > x:\n" * (MEGABYTE // 13),
        "------\n > x:\n" + "y\n" * (MEGABYTE // 2),
        "a:1\n--------------------\n" * (MEGABYTE // 25),
        "1:" * (MEGABYTE // 2),
        "ERROR: " * (MEGABYTE // 7),
        "ERROR: target x: \n" * (MEGABYTE // 18),
        "\x1b[" * (MEGABYTE // 2),
        "\x1b[" + "1;" * (MEGABYTE // 2),
        "\r" * MEGABYTE,
        "\0" * MEGABYTE,
        bytes(range(256)).decode("latin-1") * (MEGABYTE // 256),
        bytes(range(256)).decode("utf-8", "replace") * (MEGABYTE // 256),
    ],
    ids=lambda text: repr(text[:14]),
)
def test_a_megabyte_of_nonsense_is_read_within_two_seconds(text: str) -> None:
    started = time.monotonic()
    failure = read_failure(text)
    assert time.monotonic() - started < 2
    assert failure.error


@pytest.mark.parametrize(
    "text",
    [
        '{"vertexes": [{"error": "x", "na',
        '{"vertexes": 3}\n{"logs": "x"}\n',
        '{"vertexes": [null, 1, []]}\n{"logs": [null]}\n',
        '{"vertexes": [{"error": "x"}]}\n',
        '{"logs": [{"vertex": "b", "data": "not base64"}]}\n{"vertexes": [{"digest": "b", "error": 1}]}',
        '{"logs": [{"vertex": "b", "data": 3}]}\n{"vertexes": [{"digest": "b", "error": true, "name": null}]}\n',
        '{"logs": [{"vertex": [], "data": null}]}\n{"vertexes": [{"digest": {}, "error": "x"}]}\n',
        '{"a": ' + "1" * 5000 + "}",
        "ERROR: did not complete successfully: exit code: " + "9" * 5000,
        "x:" + "9" * 5000 + "\n--------------------\n",
        "x" * 5000,
    ],
    ids=lambda text: text[:40],
)
def test_broken_output_gives_an_answer(text: str) -> None:
    assert read_failure(text).error


def test_a_last_line_without_end_is_cut() -> None:
    assert len(read_failure("x" * MEGABYTE).error) < 1000


def test_without_a_terminal_the_steps_own_lines_say_more_than_the_summarys_ten(recorded: Recorded) -> None:
    text = recorded("bake-failure-plain")
    # As ninja prints beside the error of one job what the other jobs still do.
    more = "".join(f"#7 0.0{number} [{number}/90] Building CXX object\n" for number in range(60, 78))
    failure = read_failure(text.replace("#7 ERROR:", f"{more}#7 ERROR:"))
    assert "error: kernel.cu(3): expected a ;" in failure.output
    assert len(failure.output) == OUTPUT_LINES
