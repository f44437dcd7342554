"""How a build is recorded: from its stream, or from the engine's history, while the terminal stays docker's."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import cast

import pytest

from poetry_gpu_build.engine.options import BuildOptions
from poetry_gpu_build.engine.preflight import Answer
from poetry_gpu_build.engine.preflight import Engine
from poetry_gpu_build.engine.recording import record

from ..builders import put_on_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from poetry_gpu_build.plan import Plan

RECORDED = Path(__file__).parents[1] / "report/recorded"
STREAM = (RECORDED / "changed-0.13.1.txt").read_bytes()
FAILED = (RECORDED / "failure-0.13.1.txt").read_bytes()
ENGINE = Engine("0.13.1", "default", "docker")


class Plan_:  # noqa: N801 - it stands in for a Plan, of which three things are asked
    def __init__(self, mode: str, dockerfile: str, root: Path) -> None:
        self.mode, self.dockerfile, self.root = mode, dockerfile, root


def plans(root: Path, *modes: str) -> Sequence[Plan]:
    names = {"binary": "docker/Dockerfile", "source": "docker/Dockerfile.source"}
    return cast("Sequence[Plan]", [Plan_(mode, names[mode], root) for mode in modes])


def listing(*references: str, running: str = "") -> str:
    rows: list[dict[str, Any]] = [{"ref": f"default/default/{name}", "status": "Completed"} for name in references]
    rows += [{"ref": f"default/default/{running}", "status": "Running"}] if running else []
    return "\n".join(json.dumps(row) for row in rows)


class History:
    """A buildx that keeps a history; each question gets the next listing."""

    def __init__(self, *listings: str) -> None:
        self.listings = list(listings)
        self.asked: list[Sequence[str]] = []

    def __call__(self, arguments: Sequence[str]) -> Answer:
        self.asked.append(arguments)
        return Answer(0, self.listings.pop(0), "")


def no_history(_arguments: Sequence[str]) -> Answer:
    return Answer(125, "", "unknown flag: --format")


def shown(out: BinaryIO) -> bytes:
    return cast("io.BytesIO", out).getvalue()


@pytest.mark.parametrize(
    ("progress", "has_lines", "has_json"),
    [
        ("auto", True, False),
        ("plain", True, False),
        ("tty", True, False),
        ("quiet", False, False),
        ("rawjson", False, True),
    ],
)
def test_without_a_history_the_stream_is_read_and_shown_as_was_asked(
    progress: str, has_lines: bool, has_json: bool, tmp_path: Path
) -> None:
    out = io.BytesIO()
    recording = record(plans(tmp_path, "binary"), BuildOptions(progress=progress), ENGINE, out, no_history)
    assert recording.options.progress == "rawjson"
    assert not recording.out.isatty()
    recording.out.write(STREAM)
    assert len(recording.steps().vertices) == 15
    assert (b"#13 DONE 0.0s\n" in shown(out)) is has_lines
    assert (shown(out) == STREAM) is has_json


def test_what_buildx_says_beside_the_stream_is_shown(tmp_path: Path) -> None:
    out = io.BytesIO()
    recording = record(plans(tmp_path, "binary"), BuildOptions(progress="quiet"), ENGINE, out, no_history)
    recording.out.write(FAILED)
    recording.steps()
    assert shown(out).splitlines()[0] == b"Dockerfile.source:9"
    assert b"\nERROR: failed to solve: " in shown(out)


def test_a_reader_that_went_away_does_not_stop_the_recording(tmp_path: Path) -> None:
    class Gone(io.BytesIO):
        def write(self, _data: Any) -> int:
            raise BrokenPipeError

    recording = record(plans(tmp_path, "binary"), BuildOptions(), ENGINE, Gone(), no_history)
    recording.out.write(STREAM)
    assert recording.steps().vertices


def test_that_docker_does_not_draw_is_only_noted_where_it_would_have(tmp_path: Path) -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    drawn = record(plans(tmp_path, "binary"), BuildOptions(), ENGINE, Terminal(), no_history)
    piped = record(plans(tmp_path, "binary"), BuildOptions(), ENGINE, io.BytesIO(), no_history)
    plain = record(plans(tmp_path, "binary"), BuildOptions(progress="plain"), ENGINE, Terminal(), no_history)
    assert [bool(recording.steps().notes) for recording in (drawn, piped, plain)] == [True, False, False]


def test_with_a_history_docker_draws_and_the_steps_are_read_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Composed: no buildx with a history can be had here. Its logs come as the stream does, to stderr.
    (tmp_path / "stream").write_bytes(STREAM)
    put_on_path(monkeypatch, tmp_path / "bin", f'echo "$@" >> "{tmp_path}/asked"; cat "{tmp_path}/stream" >&2')
    history = History(listing("old"), listing("old", "new", running="other"))
    out = io.BytesIO()
    recording = record(plans(tmp_path, "binary"), BuildOptions(builder="b"), ENGINE, out, history)
    assert recording.options.progress == "auto"
    assert recording.out is out
    steps = recording.steps()
    assert (len(steps.vertices), steps.notes) == (15, ())
    assert shown(out) == b""
    assert (tmp_path / "asked").read_text() == "buildx history logs --builder b --progress=rawjson new\n"
    assert history.asked[0] == ["buildx", "history", "ls", "--builder", "b", "--format", "json", "--no-trunc"]


def test_the_records_of_two_targets_are_told_apart_by_their_dockerfiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Dockerfile", "Dockerfile.source"):
        digest = name.lower()
        told = [
            {"vertexes": [{"digest": f"{digest}1", "name": f"[internal] load build definition from {name}"}]},
            {"vertexes": [{"digest": f"{digest}2", "name": "[app 1/1] RUN x", "inputs": ["shared"]}]},
            {
                "vertexes": [
                    {"digest": "shared", "name": "[base 1/1] FROM x"},
                    {"digest": f"{digest}3", "name": "exporting"},
                ]
            },
        ]
        (tmp_path / f"log-{name}").write_text("\n".join(map(json.dumps, told)))
    put_on_path(monkeypatch, tmp_path / "bin", f'for last; do :; done; cat "{tmp_path}/log-$last" >&2')
    history = History("", listing("Dockerfile", "Dockerfile.source"))
    recording = record(plans(tmp_path, "binary", "source"), BuildOptions(), ENGINE, io.BytesIO(), history)
    names = {vertex.digest: vertex.name for vertex in recording.steps().vertices}
    assert names["dockerfile2"] == "[binary app 1/1] RUN x"
    assert names["dockerfile.source2"] == "[source app 1/1] RUN x"
    assert names["dockerfile.source3"] == "[source] exporting"
    assert names["shared"] == "[binary base 1/1] FROM x"


def test_what_else_was_built_meanwhile_and_a_history_that_fails_are_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", "exit 1")
    history = History("", listing("one", "two"))
    notes = record(plans(tmp_path, "binary"), BuildOptions(), ENGINE, io.BytesIO(), history).steps().notes
    assert len(notes) == 2
    assert "other builds" in notes[0]
    assert "could not be read" in notes[1]


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"ref": 7}', "no json\n[" * 5000])
def test_a_listing_that_is_none_names_no_record(text: str, tmp_path: Path) -> None:
    recording = record(plans(tmp_path, "binary"), BuildOptions(), ENGINE, io.BytesIO(), History(text, text))
    assert recording.steps() == ((), 0, ())
