"""Layers, secrets, what is remembered, and the lines that are drawn."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.report.inputs import StepInputs
from poetry_gpu_build.report.layers import instruction_of
from poetry_gpu_build.report.layers import with_layers
from poetry_gpu_build.report.layers import without_flags
from poetry_gpu_build.report.model import ImageSize
from poetry_gpu_build.report.model import LayerSize
from poetry_gpu_build.report.plain import PlainProgress
from poetry_gpu_build.report.remembered import Memory
from poetry_gpu_build.report.secrets import looks_secret
from poetry_gpu_build.report.secrets import redactor
from poetry_gpu_build.report.secrets import secret_arguments
from poetry_gpu_build.report.status import StatusReader

from .builders import inputs
from .builders import recorded
from .builders import step

if TYPE_CHECKING:
    from pathlib import Path

# Layers


def sizes(steps: list[tuple[str, str]], *layers: tuple[int, str]) -> list[int | None]:
    """Of a chain of steps, given by instruction and state, the layers."""
    chain = [
        step(number, *([f"s{number - 1}"] if number > 1 else []), name=name, state=state)
        for number, (name, state) in enumerate(steps, 1)
    ]
    image = ImageSize("x", 0, tuple(LayerSize(size, made_by) for size, made_by in layers))
    return [made.layer for made in with_layers(chain, "", image)]


def test_each_layer_is_found_by_its_instruction() -> None:
    steps = [("FROM x", "run"), ("RUN a", "cached"), ("WORKDIR /b", "run"), ("COPY . .", "run")]
    layers = ((9, "ADD file:1 in /"), (1, "RUN /bin/sh -c a # buildkit"), (3, "COPY . . # buildkit"))
    assert sizes(steps, *layers) == [None, 1, None, 3]


def test_of_two_equal_instructions_each_has_its_own_layer() -> None:
    assert sizes([("RUN a", "run"), ("RUN a", "run")], (1, "RUN /bin/sh -c a"), (2, "RUN /bin/sh -c a")) == [1, 2]


def test_of_two_equal_instructions_with_one_layer_neither_is_guessed() -> None:
    assert sizes([("RUN a", "run"), ("RUN --network=none a", "run")], (1, "RUN /bin/sh -c a")) == [None, None]


def test_variables_that_a_step_shows_filled_in_are_recognised() -> None:
    layer = (6, 'RUN |1 NAME=you /bin/sh -c echo "hello ${NAME}" $NAME now # buildkit')
    assert sizes([('RUN echo "hello you" you now', "run")], layer) == [6]
    assert sizes([('RUN echo "bye you" you now', "run")], layer) == [None]


def test_a_heredoc_is_recognised_by_its_beginning() -> None:
    layer = (5, "RUN /bin/sh -c sleep 1\necho binary > /mode\n # buildkit")
    assert sizes([("RUN <<'CHECK' (sleep 1...)", "run")], layer) == [5]
    assert sizes([("RUN python <<E", "run")], (5, "RUN /bin/sh -c python <<E\nprint(1)\nE # buildkit")) == [5]
    assert sizes([("RUN a", "run"), ("RUN <<E (echo...)", "run")], (7, "RUN /bin/sh -c a")) == [7, None]


def test_the_flags_that_no_image_records_do_not_matter() -> None:
    steps = [
        ("COPY --from=deps --link /all ./", "run"),
        ("RUN --mount=type=cache,target=/x     poetry install -n", "run"),
    ]
    assert sizes(steps, (3, "COPY /all ./ # buildkit"), (4, "RUN /bin/sh -c poetry install -n # buildkit")) == [3, 4]


def test_a_flag_of_the_command_itself_stays() -> None:
    assert without_flags("RUN --network=none pip install --no-deps x") == "RUN pip install --no-deps x"
    assert without_flags('ENTRYPOINT ["--x"]') == 'ENTRYPOINT ["--x"]'
    assert without_flags("RUN --mount") == "RUN --mount"


def test_an_image_that_is_another_one_has_no_layer_of_these_steps() -> None:
    assert sizes([("RUN a", "run")], (1, "RUN /bin/sh -c b"), (2, "")) == [None]


def test_a_ring_of_steps_ends() -> None:
    ring = [step(1, "s2"), step(2, "s1")]
    assert [made.layer for made in with_layers(ring, "", ImageSize("x", 0, (LayerSize(1, "RUN x"),)))] == [None, None]


def test_an_instruction_is_shown_without_what_buildkit_adds() -> None:
    assert instruction_of("RUN |2 A=1 B=2 /bin/sh -c make # buildkit") == "RUN make"
    assert instruction_of('CMD ["python"]') == 'CMD ["python"]'


# Secrets


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PYTHON_VERSION", "3.10", False),
        ("MAX_JOBS", "8", False),
        ("BASE_IMAGE", "nvidia/cuda:12.8.1-devel-ubuntu22.04", False),
        ("INDEX", "https://example.org/simple", False),
        ("HF_TOKEN", "x", True),
        ("db_password", "x", True),
        ("AWS_SECRET_ACCESS_KEY", "x", True),
        ("NPM_AUTH", "x", True),
        ("X", "ghp_abcdefghijklmnop", True),
        ("X", "-----BEGIN PRIVATE KEY-----", True),
        ("X", "https://user:word@example.org", True),
        ("X", "https://0123456789abcdef@example.org", True),
        ("X", "0" * 65, True),
        ("X", "a\nb", True),
    ],
)
def test_what_looks_like_a_secret_is_not_shown(name: str, value: str, expected: bool) -> None:
    assert looks_secret(name, value) is expected


def test_values_are_hidden_the_longest_first_and_short_ones_are_not_secrets() -> None:
    redact = redactor(["abcdef", "abcdefgh", "abc"])
    assert redact("abcdefgh abcdef abc") == "*** *** abc"


def test_passwords_in_addresses_are_hidden_and_people_are_not() -> None:
    redact = redactor([])
    assert redact("git+https://me:pw@host/x ssh://git@host me@host") == "git+https://***@host/x ssh://git@host me@host"


def test_only_arguments_that_look_so_are_secrets() -> None:
    assert secret_arguments([("TOKEN", "abc"), ("PYTHON_VERSION", "3.10"), ("X", "hf_abc")]) == ["abc", "hf_abc"]


# Memory

SOME = inputs(
    {"app/1": StepInputs("digest", (".", "a b"), {"A": "1"})},
    files={"caf\udce9": "644:1", "new\nline": "~"},
    shown={"A": "ü"},
    bases={"app": "x:1"},
)


def test_what_is_kept_is_recalled(tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path / "state")}
    Memory(tmp_path, "binary", environment).keep(SOME)
    assert Memory(tmp_path, "binary", environment).recall() == SOME
    assert Memory(tmp_path, "source", environment).recall() is None
    assert Memory(tmp_path / "other", "binary", environment).recall() is None


def test_it_is_kept_again_and_for_the_user_alone(tmp_path: Path) -> None:
    memory = Memory(tmp_path, "binary", {"XDG_STATE_HOME": str(tmp_path / "state")})
    memory.keep(inputs())
    memory.keep(SOME)
    assert memory.recall() == SOME
    assert stat.S_IMODE(memory.path.parent.stat().st_mode) == 0o700
    assert list(memory.path.parent.iterdir()) == [memory.path]


@pytest.mark.parametrize("base", ["", "relative/folder"])
def test_without_a_folder_of_its_own_it_is_the_users_usual_one(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Memory(tmp_path, "x", {"XDG_STATE_HOME": base}).path.is_relative_to(tmp_path / ".local/state")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '{"version": 2}',
        '{"version": 1}',
        '{"version": 1, "steps": [], "bases": {}, "files": {}, "shown": {}}',
        '{"version": 1, "steps": {"a": [1]}, "bases": {}, "files": {}, "shown": {}}',
        '{"version": 1, "steps": {"a": ["x", [], 5]}, "bases": {}, "files": {}, "shown": {}}',
        '{"version": 1, "steps": {}, "bases": {}, "files": 7, "shown": {}}',
        "[" * 100_000,
        '{"version": ' + "9" * 10_000 + "}",
    ],
)
def test_a_memory_that_is_none_of_ours_is_none(text: str, tmp_path: Path) -> None:
    memory = Memory(tmp_path, "binary", {"XDG_STATE_HOME": str(tmp_path)})
    memory.path.parent.mkdir(parents=True)
    memory.path.write_text(text, encoding="utf-8")
    assert memory.recall() is None


def test_a_folder_or_half_a_file_in_its_place_is_none(tmp_path: Path) -> None:
    memory = Memory(tmp_path, "binary", {"XDG_STATE_HOME": str(tmp_path)})
    memory.keep(SOME)
    memory.path.write_bytes(memory.path.read_bytes()[:-20])
    assert memory.recall() is None
    memory.path.unlink()
    memory.path.mkdir()
    assert memory.recall() is None


def test_where_it_cannot_be_written_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "poetry-gpu-build").touch()
    with pytest.raises(ConfigurationError):
        Memory(tmp_path, "binary", {"XDG_STATE_HOME": str(tmp_path)}).keep(SOME)


# Lines


def drawn(data: bytes) -> list[str]:
    reader, progress = StatusReader(), PlainProgress()
    out = b""
    for told in (*reader.feed(data), *reader.finish()):
        if not isinstance(told, str):
            out += b"".join(progress.lines(told))
    return out.decode().splitlines()


def test_the_lines_are_those_of_dockers_own_plain_progress() -> None:
    lines = drawn(recorded("changed"))
    at = lines.index("#13 [app 4/5] COPY . .")
    assert lines[at - 1] == ""
    assert lines[at + 1] == "#13 DONE 0.0s"
    assert "#9 CACHED" in lines
    assert (
        "#15 writing image sha256:7b3143b27c6b52f6f81a28f93414d2ed0d3dcdb3fadae4fcc8991cfb4f6cbc43 0.0s done" in lines
    )


def test_an_error_is_a_line_of_its_step() -> None:
    [line] = [line for line in drawn(recorded("failure")) if " ERROR: " in line]
    assert line.endswith("did not complete successfully: exit code: 3")


def test_every_step_that_was_worked_on_is_named_and_ended_once() -> None:
    lines = drawn(recorded("cold"))
    ends = [line.split()[0] for line in lines if line.endswith(" CACHED") or " DONE " in line]
    assert len(ends) == len(set(ends))


def test_what_a_step_prints_is_passed_on_byte_for_byte() -> None:
    name = {"vertexes": [{"digest": "a", "name": "x", "started": "2026-11-20T10:00:00Z"}]}
    log = {"logs": [{"vertex": "a", "data": "G1szMW3/Cg==", "timestamp": "2026-11-20T10:00:01.5Z"}]}
    progress, reader = PlainProgress(), StatusReader()
    data = f"{json.dumps(name)}\n{json.dumps(log)}\n".encode()
    out = b"".join(line for told in reader.feed(data) if not isinstance(told, str) for line in progress.lines(told))
    assert out == b"\n#1 x\n#1 1.500 \x1b[31m\xff\n"
