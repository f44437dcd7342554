"""The stream of BuildKit's status objects: both forms, half of one, and what is none."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections import deque
from typing import Any

import pytest

from poetry_gpu_build.report import status
from poetry_gpu_build.report.status import Interval
from poetry_gpu_build.report.status import StatusReader
from poetry_gpu_build.report.status import parse_time

from .builders import read
from .builders import recorded

RECORDS = ("cold", "changed", "failure", "shared", "interrupted")
AT = "2026-11-20T10:00:00Z"
LATER = "2026-11-20T10:00:02.5Z"


def lines(*objects: Any) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in objects)


def vertexes(**fields: Any) -> dict[str, Any]:
    return {"vertexes": [{"digest": "sha256:a", "name": "[app 1/2] RUN x", **fields}]}


def one_a_line(data: bytes) -> bytes:
    """The same objects as buildx 0.29 and newer write them."""
    decoder = json.JSONDecoder()
    text = data.decode()
    found, at = [], text.find("{")
    while at >= 0:
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        at = text.find("\n{", at)
        at = at + 1 if at >= 0 else at
    return lines(*found)


@pytest.mark.parametrize("name", RECORDS)
def test_both_forms_tell_the_same(name: str) -> None:
    indented, _ = read(recorded(name))
    compact, _ = read(one_a_line(recorded(name)))
    assert indented.vertices
    assert compact.vertices == indented.vertices


@pytest.mark.parametrize("at_once", [1, 7, 4096])
def test_the_pieces_in_which_it_comes_do_not_matter(at_once: int) -> None:
    whole, text = read(recorded("failure"))
    pieces, text_in_pieces = read(recorded("failure"), at_once=at_once)
    assert (pieces.vertices, text_in_pieces) == (whole.vertices, text)


def test_what_is_no_json_is_passed_on_in_its_place() -> None:
    _, text = read(recorded("failure"))
    assert text[0] == "Dockerfile.source:9"
    assert text[-1].startswith("ERROR: failed to solve: ")


def test_carriage_returns_of_a_terminal_do_not_matter() -> None:
    assert read(recorded("cold").replace(b"\n", b"\r\n"))[0].vertices == read(recorded("cold"))[0].vertices


def test_every_beginning_of_a_stream_tells_what_was_whole() -> None:
    data = recorded("changed")
    counts = [len(read(data[:end])[0].vertices) for end in range(0, len(data), 97)]
    assert counts == sorted(counts)
    assert counts[-1] > 0


def test_a_step_is_worked_on_from_start_to_end() -> None:
    reader, _ = read(lines(vertexes(started=AT), vertexes(started=AT, completed=LATER)))
    [vertex] = reader.vertices
    [interval] = vertex.intervals
    assert interval.end is not None
    assert interval.end - interval.start == 2.5


def test_a_step_of_two_targets_has_the_first_name_and_both_times() -> None:
    other = {"vertexes": [{"digest": "sha256:a", "name": "[y app 1/2] RUN x", "started": LATER, "completed": LATER}]}
    reader, _ = read(lines(vertexes(started=AT, completed=LATER), other))
    assert [(vertex.name, len(vertex.intervals)) for vertex in reader.vertices] == [("[app 1/2] RUN x", 2)]


def test_the_bytes_of_a_part_are_the_most_that_were_told() -> None:
    parts = [{"id": "layer", "vertex": "sha256:a", "current": size, "started": AT} for size in (1, 9, 5)]
    reader, _ = read(lines(vertexes(started=AT), {"statuses": parts}))
    assert [(part.name, part.bytes) for part in reader.vertices[0].parts] == [("layer", 9)]


def log(text: bytes) -> dict[str, Any]:
    return {"logs": [{"vertex": "sha256:a", "stream": 1, "data": base64.b64encode(text).decode(), "timestamp": AT}]}


def test_the_last_words_of_a_failed_step_are_kept_across_pieces() -> None:
    reader, _ = read(lines(vertexes(started=AT), log(b"one\ntw"), log(b"o\nthree"), vertexes(started=AT, error="no")))
    assert reader.vertices[0].log == ("one", "two", "three")


def test_what_a_step_printed_that_ended_well_is_not_kept() -> None:
    reader, _ = read(lines(vertexes(started=AT), log(b"one\n"), vertexes(started=AT, completed=LATER)))
    assert reader.vertices[0].log == ()


def test_what_steps_printed_that_ended_well_does_not_fill_the_memory() -> None:
    reader = StatusReader()
    tracemalloc.start()
    for number in range(200):
        name = {"digest": f"sha256:{number}", "name": "x", "started": AT}
        printed = {"vertex": name["digest"], "data": base64.b64encode(b"y" * 1500 + b"\n").decode(), "timestamp": AT}
        told = lines({"vertexes": [name]}, {"logs": [printed] * 40}, {"vertexes": [{**name, "completed": LATER}]})
        deque[Any](maxlen=0).extend(reader.feed(told))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(reader.vertices) == 200
    assert kept < 200 * 40 * 1500 / 4


def test_unknown_keys_and_warnings_do_not_matter() -> None:
    warning = {"warnings": [{"vertex": "sha256:a", "short": "aGk="}], "new": {"key": [1]}}
    reader, text = read(lines(vertexes(started=AT, future={"x": 1}), warning))
    assert (len(reader.vertices), text) == (1, [])


@pytest.mark.parametrize(
    "junk",
    [
        b"\0\xff\xfe",
        b"{not json}",
        b"{",
        b'{\n  "vertexes": [\n',
        b"}\n}\n]",
        b'{"vertexes": 7}',
        b'{"vertexes": [7, null, [], {"digest": 5}, {"name": "x"}]}',
        b'{"statuses": [{"vertex": "sha256:z", "id": null, "current": "1"}]}',
        b'{"logs": [{"vertex": "sha256:a", "data": "not base64!"}, {"vertex": [], "data": 5}]}',
        b'{"vertexes": [{"digest": "sha256:a", "started": "yesterday", "inputs": "x", "cached": "no", "error": 0}]}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"{" + b'"x":' + b"9" * 10_000 + b"}",
        b"null",
        b'"text"',
    ],
)
def test_garbage_between_objects_hides_none_of_them(junk: bytes) -> None:
    reader, _ = read(lines(vertexes(started=AT)) + junk + b"\n" + lines(vertexes(started=AT, completed=LATER)))
    known = {vertex.digest: vertex for vertex in reader.vertices}
    assert [interval.end is None for interval in known["sha256:a"].intervals] == [False]


def test_two_objects_on_one_line_are_two() -> None:
    reader, _ = read(lines(vertexes(started=AT)).rstrip() + lines({"vertexes": [{"digest": "b", "name": "y"}]}))
    assert [vertex.digest for vertex in reader.vertices] == ["sha256:a", "b"]


@pytest.mark.parametrize("piece", [b"x" * 50_000, b'  "x": 1,\n' * 5000])
def test_what_has_no_end_does_not_fill_the_memory(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "MAXIMUM_OBJECT", 100_000)
    reader = StatusReader()
    consume = deque[Any](maxlen=0).extend
    consume(reader.feed(b"{\n"))
    tracemalloc.start()
    for _ in range(40):
        consume(reader.feed(piece))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * len(piece)
    consume(reader.feed(b"\n" + lines(vertexes(started=AT))))
    assert len(reader.vertices) == 1


def test_there_is_a_limit_to_the_steps_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "MAXIMUM_VERTICES", 10)
    many = [{"vertexes": [{"digest": f"sha256:{number}", "name": "x"}]} for number in range(15)]
    reader, _ = read(lines(*many, *many))
    assert (len(reader.vertices), reader.unseen) == (10, 5)


def test_there_is_a_limit_to_all_that_one_step_tells() -> None:
    moments = [f"2026-11-20T10:{number // 60:02}:{number % 60:02}Z" for number in range(3000)]
    told = [vertexes(name="n" * 9000, started=at, inputs=["i"] * 600, error="e" * 9000) for at in moments[:300]]
    parts = [
        {"statuses": [{"vertex": "sha256:a", "id": f"part {number}", "current": 10**30}]} for number in range(2000)
    ]
    reader, _ = read(lines(*told, *parts, *[log(b"y" * 9000 + b"\n")] * 60))
    [vertex] = reader.vertices
    assert len(vertex.name) < 9000
    assert len(vertex.inputs) <= 500
    assert len(vertex.intervals) <= 200
    assert len(vertex.parts) <= 500
    assert sum(map(len, vertex.log)) < 100_000
    assert all(part.bytes < 2**63 for part in vertex.parts)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:10Z", 10.0),
        ("1970-01-01T00:00:10.123456789Z", 10.123456789),
        ("1970-01-01T02:00:10+02:00", 10.0),
        ("0001-01-01T00:00:00Z", None),
        ("9999-99-99T00:00:00Z", None),
        ("2026-11-20", None),
        ("2026-11-20T10:00:00Zx", None),
        ("", None),
        (None, None),
        (12, None),
        ([], None),
    ],
)
def test_times_are_read_and_what_is_none_is_none(text: Any, expected: float | None) -> None:
    assert parse_time(text) == pytest.approx(expected)


def test_an_end_before_the_start_is_no_time() -> None:
    [vertex] = read(lines(vertexes(started=LATER, completed=AT)))[0].vertices
    assert vertex.intervals[0].end == vertex.intervals[0].start


def test_a_cached_look_is_told_from_work() -> None:
    reader, _ = read(lines(vertexes(started=AT, completed=AT, cached=True)))
    start = parse_time(AT)
    assert start is not None
    assert reader.vertices[0].intervals == (Interval(start, start, is_cached=True),)
